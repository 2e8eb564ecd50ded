package media

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// pion keeps two parsed descriptions, and a transceiver with a sender and a
// receiver for every m-line: for 37 lines that is half of a participant's
// memory and most of what a join costs. With SRTP of our own it needs one line,
// for ICE and DTLS; all lines are answered here.

// firstLine is the offer as if it had its first m-line only, without SSRCs:
// pion would wait for their packets.
func firstLine(text, mid string) string {
	var out strings.Builder
	lines := 0
	for l := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(l, "m="):
			if lines++; lines == 2 {
				return out.String()
			}
		case strings.HasPrefix(l, "a=group:"):
			l = "a=group:BUNDLE " + mid + "\r\n"
		case strings.HasPrefix(l, "a=ssrc:"), strings.HasPrefix(l, "a=ssrc-group:"):
			continue
		}
		out.WriteString(l)
	}
	return out.String()
}

// transportLines are the parts of an answer that concern ICE and DTLS.
type transportLines struct {
	session     []string // but the group
	credentials []string // that every line repeats
	candidates  []string // of the first line, which stands for all (RFC 9143 §7.3)
}

// readAnswer takes pion's answer, to an offer of one line, apart.
func readAnswer(text string) (t transportLines) {
	session := true
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		name, _, _ := strings.Cut(l, ":")
		switch {
		case strings.HasPrefix(l, "m="):
			session = false
		case name == "a=group":
		case session:
			t.session = append(t.session, l)
		case name == "a=setup", name == "a=ice-ufrag", name == "a=ice-pwd":
			t.credentials = append(t.credentials, l)
		case name == "a=candidate", name == "a=end-of-candidates":
			t.candidates = append(t.candidates, l)
		}
	}
	return t
}

// answer answers all lines of an offer; pions is the answer to its first line,
// slots are those of the receive lines, in order.
func (o *offer) answer(pions string, slots []*Slot) string {
	t := readAnswer(pions)
	var out strings.Builder
	out.Grow(len(pions) + 800*len(o.lines))
	put := func(ls ...string) {
		for _, l := range ls {
			out.WriteString(l)
			out.WriteString("\r\n")
		}
	}
	put(t.session...)
	group := "a=group:BUNDLE"
	for i := range o.lines {
		group += " " + o.lines[i].mid
	}
	put(group)
	for i := range o.lines {
		l := &o.lines[i]
		put(l.mediaLine(), "c=IN IP4 0.0.0.0", "a=mid:"+l.mid)
		put(t.credentials...)
		put("a=rtcp-mux", "a=rtcp-rsize")
		put(l.formatLines()...)
		if i < sendLines {
			put(l.receiving()...)
		} else {
			put(slots[i-sendLines].sending()...)
		}
		if i == 0 {
			put(t.candidates...)
		}
	}
	return out.String()
}

func (l *offerLine) mediaLine() string {
	kind, pts := "audio", strconv.Itoa(int(l.format.media))
	if l.video {
		kind = "video"
	}
	if l.format.rtx != 0 {
		pts += " " + strconv.Itoa(int(l.format.rtx))
	}
	return "m=" + kind + " 9 UDP/TLS/RTP/SAVPF " + pts
}

// formatLines are codecs, feedback and header extensions.
func (l *offerLine) formatLines() []string {
	f, pt := &l.format, strconv.Itoa(int(l.format.media))
	out := make([]string, 0, 12)
	if l.video {
		out = append(out, "a=rtpmap:"+pt+" VP8/90000")
	} else {
		out = append(out, "a=rtpmap:"+pt+" opus/48000/2", "a=fmtp:"+pt+" "+opusParameters)
	}
	for _, what := range f.feedback {
		out = append(out, "a=rtcp-fb:"+pt+" "+what)
	}
	if f.rtx != 0 {
		rtx := strconv.Itoa(int(f.rtx))
		out = append(out, "a=rtpmap:"+rtx+" rtx/90000", "a=fmtp:"+rtx+" "+aptLine(f.media))
	}
	for _, e := range f.extensions {
		out = append(out, "a=extmap:"+strconv.Itoa(int(e.id))+" "+e.uri)
	}
	return out
}

// receiving are the lines of what the client sends (RFC 8853 §5).
func (l *offerLine) receiving() []string {
	out := make([]string, 0, maxRIDs+2)
	if len(l.rids) > 0 {
		listed := make([]string, len(l.rids))
		for i, rid := range l.rids {
			out = append(out, "a=rid:"+rid+" recv")
			listed[i] = rid
			if l.paused[i] { // else a browser would begin to send it
				listed[i] = "~" + rid
			}
		}
		out = append(out, "a=simulcast:recv "+strings.Join(listed, ";"))
	}
	return append(out, "a=recvonly")
}

// sending are the lines of what a slot sends (RFC 8830 §2, RFC 5576 §4).
func (s *Slot) sending() []string {
	s.mu.Lock()
	b := s.binding
	s.mu.Unlock()
	out := make([]string, 0, 5)
	source := func(ssrc uint32) string { return fmt.Sprintf("a=ssrc:%d cname:%s", ssrc, s.StreamID()) }
	if b.rtxSSRC != 0 {
		out = append(out, fmt.Sprintf("a=ssrc-group:FID %d %d", b.ssrc, b.rtxSSRC), source(b.ssrc), source(b.rtxSSRC))
	} else {
		out = append(out, source(b.ssrc))
	}
	return append(out, "a=msid:"+s.StreamID()+" "+s.ID(), "a=sendonly")
}

// terms are what the offer says of receiving: all lines share one transport, so
// an extension has the same number on each.
func (o *offer) terms() terms {
	tm := terms{
		mid: o.extensionID(sdp.SDESMidURI), rid: o.extensionID(sdp.SDESRTPStreamIDURI),
		repaired: o.extensionID(sdp.SDESRepairRTPStreamIDURI), twcc: o.extensionID(sdp.TransportCCURI),
	}
	for i := range o.lines[:sendLines] {
		if rtx := o.lines[i].format.rtx; rtx != 0 {
			tm.rtx = rtx
		}
	}
	return tm
}

// extensionID is the number of a header extension; 0: not offered.
func (o *offer) extensionID(uri string) uint8 {
	for i := range o.lines {
		if id := o.lines[i].format.extensionID(uri); id != 0 {
			return id
		}
	}
	return 0
}
