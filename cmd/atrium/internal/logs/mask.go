package logs

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// icePassword is how pion's ice and SDP (RFC 8839) name a password.
var icePassword = regexp.MustCompile(`(?i)(pwd"?[:=]\s*)("[^"]*"|[A-Za-z0-9+/]+)`)

// mask takes out of a library's text what no log may hold at any level: ICE
// passwords, and addresses of people (SE-19). Ports stay, so that lines about
// the same peer can still be told.
func mask(text string) string {
	text = icePassword.ReplaceAllString(text, "$1[secret]")
	var b strings.Builder
	for len(text) > 0 {
		n := strings.IndexFunc(text, inAddress)
		if n < 0 {
			break
		}
		b.WriteString(text[:n])
		text = text[n:]
		n = strings.IndexFunc(text, func(r rune) bool { return !inAddress(r) })
		if n < 0 {
			n = len(text)
		}
		b.WriteString(maskAddress(text[:n]))
		text = text[n:]
	}
	b.WriteString(text)
	return b.String()
}

// inAddress says whether r may stand in an address with a port.
func inAddress(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' || strings.ContainsRune(".:[]", r)
}

// maskAddress masks a word that is an address, with or without a port and
// with the punctuation of the sentence around it.
func maskAddress(word string) string {
	core := strings.Trim(word, ".")
	if at := strings.TrimRight(core, ":"); !strings.HasSuffix(core, "::") {
		core = at // "from 192.0.2.7: EOF", but not 2001:db8::
	}
	before, after, _ := strings.Cut(word, core)
	if at, err := netip.ParseAddrPort(core); err == nil {
		return before + "[address]:" + strconv.Itoa(int(at.Port())) + after
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(core, "["), "]")
	if _, err := netip.ParseAddr(bare); err == nil && core != "::" {
		return before + "[address]" + after
	}
	return word
}

// HTTP returns the ErrorLog of net/http's servers. What it writes is about
// single requests and connections and stands at level debug, masked; but a
// panic of a handler is an error.
func HTTP(to *slog.Logger) *log.Logger { return log.New(httpWriter{to}, "", 0) }

type httpWriter struct{ log *slog.Logger }

func (w httpWriter) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(line, []byte("http: panic")) {
		level = slog.LevelError
	}
	if ctx := context.Background(); w.log.Enabled(ctx, level) {
		w.log.Log(ctx, level, mask(strings.TrimSpace(string(line))))
	}
	return len(line), nil
}
