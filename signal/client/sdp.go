package client

import (
	"strconv"
	"strings"
)

// readSDP reads of each m-line what the client has to know itself: mid, kind,
// SSRCs, and the id of the transport-wide sequence number. pion checks the rest.
func readSDP(text string) []line {
	var lines []line
	for row := range strings.Lines(text) {
		row = strings.TrimRight(row, "\r\n")
		if media, ok := strings.CutPrefix(row, "m="); ok {
			lines = append(lines, line{video: strings.HasPrefix(media, "video")})
			continue
		}
		if len(lines) > 0 {
			lines[len(lines)-1].read(row)
		}
	}
	return lines
}

func (l *line) read(row string) {
	name, value, _ := strings.Cut(row, ":")
	switch name {
	case "a=mid":
		l.mid = value
	case "a=ssrc":
		if ssrc := number(value); l.ssrc == 0 && ssrc != l.rtx {
			l.ssrc = ssrc
		}
	case "a=ssrc-group":
		if f := strings.Fields(value); len(f) == 3 && f[0] == "FID" {
			l.ssrc, l.rtx = number(f[1]), number(f[2])
		}
	case "a=extmap":
		id, uri, _ := strings.Cut(value, " ")
		if strings.HasPrefix(uri, twccURI) {
			l.twccID = uint8(number(id))
		}
	}
}

// number is the number at the front of s; 0 when there is none.
func number(s string) uint32 {
	s, _, _ = strings.Cut(s, " ")
	s, _, _ = strings.Cut(s, "/") // of an extmap: a direction
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
