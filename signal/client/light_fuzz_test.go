package client

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// readHeader agrees with pion on whatever it takes, and panics on nothing
// (SE-10).
func FuzzReadHeader(f *testing.F) {
	plain := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 7, SSRC: 9, Marker: true}, Payload: make([]byte, 40)}
	extended := plain
	if err := extended.SetExtension(1, []byte{1, 2}); err != nil {
		f.Fatal(err)
	}
	for _, p := range []rtp.Packet{plain, extended} {
		raw, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(raw[:13])
	}
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ssrc, ok := readHeader(b)
		if !ok {
			return
		}
		var want rtp.Header
		n, err := want.Unmarshal(b)
		if err != nil {
			return // pion reads the extensions too
		}
		if h.Sequence != want.SequenceNumber || h.Timestamp != want.Timestamp || h.Marker != want.Marker ||
			ssrc != want.SSRC || h.Size != len(b)-n-authTag {
			t.Errorf("%+v of %d, pion %+v", h, ssrc, want)
		}
	})
}

// What isn't RTP goes to pion: STUN, DTLS, RTCP, and packets too short.
func TestReadHeaderRefuses(t *testing.T) {
	long := func(first ...byte) []byte { return append(first, make([]byte, 60)...) }
	for name, b := range map[string][]byte{
		"nothing": nil, "STUN": long(0, 1), "DTLS": long(22, 254, 253), "sender report": long(0x80, 200),
		"feedback": long(0x81, 205), "short": {0x80, 96, 0, 1}, "no tag": append([]byte{0x80, 96}, make([]byte, 20)...),
		"extension beyond the end": append([]byte{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}, make([]byte, 40)...),
	} {
		if _, _, ok := readHeader(b); ok {
			t.Errorf("%s was taken for RTP", name)
		}
	}
}

// BenchmarkGlance judges packets of 200 clients in turn, as frames of six come.
// An operation is a packet.
func BenchmarkGlance(b *testing.B) {
	const clients, packets = 200, 6
	var receivers []*receiver
	for i := range clients {
		r := newReceiver(func(Receiving) {}, true)
		r.lines([]line{{mid: "0", video: true, ssrc: uint32(i) + 1}})
		receivers = append(receivers, r)
	}
	packet := make([]byte, 1100)
	packet[0], packet[1] = 0x80, vp8PT
	now := time.Now()
	for n, number := 0, uint16(0); n < b.N; number += packets {
		for i, r := range receivers {
			packet[11] = byte(i) + 1
			for k := range uint16(packets) {
				packet[2], packet[3] = byte((number+k)>>8), byte(number+k)
				r.glance(packet, now)
				n++
			}
		}
	}
}

// When a packet arrived is known until another takes its place.
func TestArrivals(t *testing.T) {
	var a arrivals
	at, other := time.Unix(1, 0), time.Unix(2, 0)
	a.note(5, 9, at)
	if got := a.of(5, 9, other); got != at {
		t.Errorf("%v", got)
	}
	if got := a.of(5, 10, other); got != other {
		t.Errorf("another packet: %v", got)
	}
	a.note(5, 9+64, other)
	if got := a.of(5, 9, other); got != other {
		t.Errorf("a packet that was replaced: %v", got)
	}
}
