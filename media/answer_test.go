package media

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// sections are the lines of an SDP, session first, in an order of their own:
// without what names the run (keys, SSRCs) and what only old browsers read.
func sections(text string) (out [][]string) {
	var cur []string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		name, _, _ := strings.Cut(l, ":")
		switch {
		case strings.HasPrefix(l, "m="):
			slices.Sort(cur)
			out, cur = append(out, cur), []string{l}
			continue
		case strings.HasPrefix(l, "o="):
			l = "o="
		case name == "a=fingerprint", name == "a=ice-ufrag", name == "a=ice-pwd", name == "a=candidate":
			l = name
		case name == "a=ssrc", name == "a=ssrc-group":
			kind := strings.Fields(l)[1]
			if name == "a=ssrc" && !strings.HasPrefix(kind, "cname:") {
				continue // msid, mslabel and label: a=msid says it
			}
			l = name
			if name == "a=ssrc" {
				l += " " + kind
			}
		}
		cur = append(cur, l)
	}
	slices.Sort(cur)
	return append(out, cur)
}

// The answer that we make is the one that pion makes of the same offer.
func TestAnswerIsPions(t *testing.T) {
	for name, pool := range map[string]Pool{"small": SmallPool(), "group": GroupPool()} {
		t.Run(name, func(t *testing.T) { compareAnswers(t, pool) })
	}
}

func compareAnswers(t *testing.T, pool Pool) {
	t.Helper()
	var ours, pions *Engine
	for _, e := range []struct {
		srtp string
		to   **Engine
	}{{SRTPOwn, &ours}, {SRTPPion, &pions}} {
		cfg := DefaultConfig()
		cfg.Address, cfg.UDPPort, cfg.TCPPort, cfg.SRTP = "127.0.0.1", 0, 0, e.srtp
		*e.to = startEngine(t, cfg, Options{})
	}
	p := newPeer(t, ours, "a", RoleParticipant, pool)
	offer := p.offer()
	answer := func(e *Engine) [][]string {
		q := p.Participant
		if e != ours {
			var err error
			q, err = e.AddParticipant(ParticipantOptions{ID: "a", Pool: pool})
			must(t, err)
		}
		text, err := q.Offer(context.Background(), offer)
		must(t, err)
		return sections(text)
	}
	got, want := answer(ours), answer(pions)
	if len(got) != len(want) {
		t.Fatalf("%d sections; want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("section %d is\n%s\nwant\n%s", i, strings.Join(got[i], "\n"), strings.Join(want[i], "\n"))
		}
	}
}

// A later offer of the same transport may change nothing but its credentials.
func TestRestartKeepsTheLines(t *testing.T) {
	e := newTestEngine(t)
	p := newPeer(t, e, "a", RoleParticipant, SmallPool())
	offer := p.offer()
	_, err := p.Offer(context.Background(), offer)
	must(t, err)
	at := strings.LastIndex(offer, "a=mid:")
	other := offer[:at] + "a=mid:other" + offer[at+strings.IndexAny(offer[at:], "\r\n"):]
	if _, err := p.Offer(context.Background(), other); err == nil || !strings.HasPrefix(err.Error(), "offer_lines:") {
		t.Errorf("%v; want offer_lines", err)
	}
	if _, err := p.Offer(context.Background(), offer); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

// A browser that is told to send what it has paused would do so (RFC 8853).
func TestPausedEncodingsStayPaused(t *testing.T) {
	sdp := strings.Replace(testOffer(SmallPool()), "send q;h;f", "send q;~h;~f", 1)
	o, err := parseOffer(sdp, 96<<10, SmallPool())
	must(t, err)
	if got := strings.Join(o.lines[1].receiving(), "|"); got != "a=rid:q recv|a=rid:h recv|a=rid:f recv|a=simulcast:recv q;~h;~f|a=recvonly" {
		t.Error(got)
	}
}

func TestFormats(t *testing.T) {
	const video = "a=rtpmap:100 VP8/90000\r\na=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\na=rtcp-fb:* nack\r\n" +
		"a=rtcp-fb:100 nack pli\r\na=rtcp-fb:100 goog-remb\r\na=rtcp-fb:101 transport-cc\r\n" +
		"a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:5 urn:3gpp:video-orientation\r\na=extmap:0 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
	rows := []struct{ name, text, want string }{
		{"all", video, "a=rtpmap:100 VP8/90000|a=rtcp-fb:100 nack|a=rtcp-fb:100 nack pli|a=rtpmap:101 rtx/90000|a=fmtp:101 apt=100|a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"},
		{"RTX of another codec", strings.Replace(video, "apt=100", "apt=99", 1), "a=rtpmap:100 VP8/90000|a=rtcp-fb:100 nack|a=rtcp-fb:100 nack pli|a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"},
		{"apt of what isn't RTX", strings.Replace(video, "rtx/90000", "red/90000", 1), "a=rtpmap:100 VP8/90000|a=rtcp-fb:100 nack|a=rtcp-fb:100 nack pli|a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"},
	}
	for _, row := range rows {
		l := offerLine{video: true}
		for text := range strings.Lines(row.text) {
			l.format.attribute(strings.TrimRight(text, "\r\n"), true)
		}
		l.format.choose()
		if got := strings.Join(l.formatLines(), "|"); got != row.want {
			t.Errorf("%s: %s\nwant %s", row.name, got, row.want)
		}
	}
}
