package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testOffer is a minimal offer for a pool.
func testOffer(pool Pool) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA:BB\r\na=group:BUNDLE")
	for i := range pool.lines() {
		fmt.Fprintf(&b, " %d", i)
	}
	b.WriteString("\r\n")
	for i, l := range pool.lines() {
		kind, pts, codec, dir := "audio", "111", "111 opus/48000/2", "recvonly"
		if l.video {
			kind, pts, codec = "video", "96 97", "96 VP8/90000"
		}
		if l.send != "" {
			dir = "sendonly"
		}
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\na=mid:%d\r\na=rtpmap:%s\r\na=%s\r\n", kind, pts, i, codec, dir)
		if l.send == Camera {
			b.WriteString("a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n")
		}
	}
	return b.String()
}

func TestParseOffer(t *testing.T) {
	for _, pool := range []Pool{SmallPool(), GroupPool()} {
		o, err := parseOffer(testOffer(pool), 96<<10, pool)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(o.lines[1].rids); got != "[q h f]" || o.lines[1].mid != "1" || o.fingerprint != "sha-256 AA:BB" {
			t.Errorf("camera line %+v of %q", o.lines[1], o.fingerprint)
		}
	}
	if SmallPool().Lines() != 18 || GroupPool().Lines() != 37 {
		t.Errorf("pools of %d and %d lines; want 18 and 37", SmallPool().Lines(), GroupPool().Lines())
	}
}

func TestBadOffers(t *testing.T) {
	good := testOffer(SmallPool())
	rows := []struct{ name, sdp, code string }{
		{"empty", "", "offer_malformed"},
		{"not SDP", "hello", "offer_malformed"},
		{"too big", good + strings.Repeat("a=x\r\n", 30000), "offer_too_big"},
		{"too many lines", good + strings.Repeat("m=audio 9 X 111\r\n", 60), "offer_lines"},
		{"another pool", testOffer(GroupPool()), "offer_lines"},
		{"a data channel", good + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "offer_malformed"},
		{"no payload type", good + "m=audio\r\n", "offer_malformed"},
		{"audio where video belongs", strings.Replace(good, "m=video", "m=audio", 1), "offer_lines"},
		{"no mid", strings.Replace(good, "a=mid:3\r\n", "", 1), "offer_malformed"},
		{"a mid twice", strings.Replace(good, "a=mid:3\r\n", "a=mid:2\r\n", 1), "offer_malformed"},
		{"wrong direction", strings.Replace(good, "a=sendonly", "a=recvonly", 1), "offer_lines"},
		{"inactive slot", strings.Replace(good, "a=recvonly", "a=inactive", 1), "offer_lines"},
		{"uncut codecs", strings.Replace(good, "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102 103 104", 1), "offer_codecs"},
		{"no VP8", strings.Replace(good, "96 VP8/90000", "96 H264/90000", 1), "offer_codecs"},
		{"no Opus", strings.Replace(good, "opus/48000/2", "PCMU/8000", 1), "offer_codecs"},
		{"four encodings", strings.Replace(good, "a=rid:q send", "a=rid:q send\r\na=rid:x send", 1), "offer_lines"},
		{"not bundled", strings.Replace(good, "a=group:BUNDLE 0", "a=group:BUNDLE", 1), "offer_lines"},
		{"no fingerprint", strings.Replace(good, "a=fingerprint:sha-256 AA:BB\r\n", "", 1), "offer_malformed"},
	}
	for _, row := range rows {
		_, err := parseOffer(row.sdp, 96<<10, SmallPool())
		var oe *OfferError
		if !errors.As(err, &oe) || oe.Code != row.code {
			t.Errorf("%s: %v; want %s", row.name, err, row.code)
		}
	}
}

// An offer that passes our check and fails in pion is an OfferError too, and
// harms nobody.
func TestOfferThatCannotBeApplied(t *testing.T) {
	e := newTestEngine(t)
	p := newPeer(t, e, "a", RoleParticipant, SmallPool())
	_, err := p.Offer(context.Background(), testOffer(SmallPool()))
	var oe *OfferError
	if !errors.As(err, &oe) {
		t.Fatalf("%v; want an OfferError", err)
	}
	p.connect()
}

func FuzzParseOffer(f *testing.F) {
	f.Add(testOffer(SmallPool()))
	f.Add("v=0\r\nm=audio 9 X 1\r\na=mid:\r\na=rid:\r\na=rtpmap:\r\n")
	f.Fuzz(func(t *testing.T, sdp string) {
		o, err := parseOffer(sdp, 96<<10, SmallPool())
		if err == nil && len(o.lines) != SmallPool().Lines() {
			t.Errorf("accepted %d lines", len(o.lines))
		}
		if len(o.lines) > maxLines {
			t.Errorf("read %d lines", len(o.lines))
		}
	})
}
