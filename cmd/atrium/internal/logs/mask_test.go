package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// R-SE-19: neither people's addresses nor what their transports are protected
// by, in what libraries say.
func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		`Started agent: remoteUfrag: "JtfmLTPyeLylzvUd", remotePwd: "bAmPOSKWXRuegPjHVotmISZvCiMerQGY"`:// as pion writes it
		`Started agent: remoteUfrag: "JtfmLTPyeLylzvUd", remotePwd: [secret]`,
		"a=ice-pwd:bAmP+SKWX/uegPjH\r\n":                    "a=ice-pwd:[secret]\r\n",
		"new candidate: 192.0.2.7:39301 ":                   "new candidate: [address]:39301 ",
		"from 192.0.2.7.":                                   "from [address].",
		"udp4 host 192.0.2.7:21881 (resolved: 192.0.2.7:1)": "udp4 host [address]:21881 (resolved: [address]:1)",
		"from [2001:db8::1]:443: EOF":                       "from [address]:443: EOF",
		"peer 2001:db8::":                                   "peer [address]",
		"peer 2001:db8:0:1::1":                              "peer [address]",
		"took 12:30:45.5, 1.5 ms, deadbeef, 10.2":           "took 12:30:45.5, 1.5 ms, deadbeef, 10.2",
		"[::]:7882":         "[address]:7882",
		"... ::: [] 4.2.20": "... ::: [] 4.2.20",
	} {
		if got := mask(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("from [2001:db8::1]:443: EOF")
	f.Add(`remotePwd: "x" ..: 192.0.2.7:1.`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := mask(text); strings.Count(got, "\n") != strings.Count(text, "\n") && !strings.Contains(got, "[secret]") {
			t.Errorf("%q became %q", text, got)
		}
		if got := mask("from 192.0.2.7:5 " + text); strings.Contains(got, "192.0.2.7:5 ") {
			t.Errorf("an address is in %q", got)
		}
	})
}

// TestHTTP: single connections are for debugging, a panic isn't.
func TestHTTP(t *testing.T) {
	var out bytes.Buffer
	l := HTTP(New(&out, "json", new(slog.LevelVar)))
	l.Printf("http: TLS handshake error from 192.0.2.7:5: EOF")
	if out.Len() > 0 {
		t.Errorf("written at level info: %s", out.String())
	}
	l.Printf("http: panic serving 192.0.2.7:5: boom\ngoroutine 7 [running]:")
	if s := out.String(); !strings.Contains(s, `"ERROR"`) || !strings.Contains(s, "boom") || strings.Contains(s, "192.0.2.7") {
		t.Errorf("the panic: %s", s)
	}
}
