package client

import (
	"sync"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// slotTrack is a slot of the fake server: the test writes its packets.
type slotTrack struct {
	mid  string
	kind webrtc.RTPCodecType
	mime string

	mu        sync.Mutex
	out       webrtc.TrackLocalWriter
	ssrc, rtx uint32
	pt        uint8
	twccID    uint8
}

func (s *slotTrack) ID() string { return "slot" + s.mid }

func (s *slotTrack) RID() string { return "" }

func (s *slotTrack) StreamID() string { return "slot" + s.mid }

func (s *slotTrack) Kind() webrtc.RTPCodecType { return s.kind }

func (s *slotTrack) Unbind(webrtc.TrackLocalContext) error { return nil }

func (s *slotTrack) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out, s.ssrc, s.rtx = ctx.WriteStream(), uint32(ctx.SSRC()), uint32(ctx.SSRCRetransmission())
	for _, ext := range ctx.HeaderExtensions() {
		if ext.URI == twccURI {
			s.twccID = uint8(ext.ID)
		}
	}
	for _, c := range ctx.CodecParameters() {
		if c.MimeType == s.mime {
			s.pt = uint8(c.PayloadType)
			return c, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// write sends a packet, on the RTX stream when osn isn't nil.
func (s *slotTrack) write(t *testing.T, h rtp.Header, payload []byte, rtxNumber *uint16) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Version, h.SSRC, h.PayloadType = 2, s.ssrc, s.pt
	if rtxNumber != nil {
		h.SSRC, h.PayloadType = s.rtx, rtxPT
		payload = append([]byte{byte(h.SequenceNumber >> 8), byte(h.SequenceNumber)}, payload...)
		h.SequenceNumber = *rtxNumber
	}
	if err := h.SetExtension(s.twccID, []byte{byte(h.SequenceNumber >> 8), byte(h.SequenceNumber)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.out.WriteRTP(&h, payload); err != nil {
		t.Fatal(err)
	}
}
