package media

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// indirect is the carrier through pion's SRTP: several goroutines and copies
// for each packet, but nothing of our own between DTLS and the sources.
type indirect struct {
	t  *transport
	pc *webrtc.PeerConnection
}

func (c *indirect) prepare(se *webrtc.SettingEngine, inbound *interceptor.Registry) error {
	e := c.t.owner.engine
	se.SetICEUDPMux(e.mux)
	if e.tcp != nil {
		se.SetICETCPMux(e.tcp)
	}
	se.SetSRTPProtectionProfiles(srtp.Profiles()...)
	if err := se.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return err
	}
	return registerInbound(inbound)
}

func (c *indirect) offered(_ *offer, sdp string) string  { return sdp }
func (c *indirect) answered(_ *offer, sdp string) string { return sdp }

func (c *indirect) begin(pc *webrtc.PeerConnection) {
	c.pc = pc
	pc.OnTrack(c.trackArrived)
}

// lines makes the slots tracks, in order of their m-lines. pion binds them
// when the transport starts.
func (c *indirect) lines(*offer) error {
	for _, s := range c.t.slots {
		sender, err := c.pc.AddTrack(s)
		if err != nil {
			return fmt.Errorf("media: slot %s: %w", s.mid, err)
		}
		c.t.goGuarded(func() { c.readSlot(s, sender) })
	}
	return nil
}

// up waits for SRTP: pion says connected a moment before, and loses what is
// written in between; it holds the DTLS transport's lock for that moment.
func (c *indirect) up() error {
	for _, sender := range c.pc.GetSenders() {
		sender.Transport().GetRemoteCertificate()
		break
	}
	return nil
}

func (c *indirect) down() {}

func (c *indirect) send(packets []rtcp.Packet) error { return c.pc.WriteRTCP(packets) }

// reports are none: interceptors make them.
func (c *indirect) reports(time.Duration) []rtcp.Packet { return nil }

// discard does nothing: pion sends each packet before its write returns. What a
// TCP remote or a relay hasn't taken by then isn't recalled, as direct's is: up
// to 96 kB of the room that was left may reach a slow one after the move.
func (c *indirect) discard() {}

func (c *indirect) close() error { return c.pc.Close() }

// indirectWriter writes through pion.
type indirectWriter struct{ w webrtc.TrackLocalWriter }

func (indirectWriter) ready() bool { return true } // pion refuses by itself

func (w indirectWriter) writeRTP(_ *udp.Batch, h rtpHeader, payload []byte) (int, error) {
	return w.w.WriteRTP(&rtp.Header{
		Version: 2, Marker: h.marker, PayloadType: h.payloadType,
		SequenceNumber: h.sequence, Timestamp: h.timestamp, SSRC: h.ssrc,
	}, payload)
}

// trackArrived begins to read a layer: pion calls it at its first packet.
func (c *indirect) trackArrived(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	tr := receiver.RTPTransceiver()
	if tr == nil {
		return
	}
	for _, s := range c.t.sources {
		if s.mid != tr.Mid() {
			continue
		}
		l := s.layer(track.RID())
		if l == nil {
			return
		}
		if l.readers.Add(1) > maxReaders {
			return
		}
		l.ssrc.Store(uint32(track.SSRC()))
		c.t.goGuarded(func() { c.readLayer(l, track) })
		c.t.goGuarded(func() { c.readLayerRTCP(l, receiver) })
		return
	}
}

const (
	// maxBadReads ends a layer whose every packet is refused.
	maxBadReads = 100
	// maxReaders bounds how often a publisher may change a layer's SSRC: each
	// takes goroutines until the transport closes.
	maxReaders = 4
)

// readLayer reads a layer until the transport closes.
func (c *indirect) readLayer(l *layer, track *webrtc.TrackRemote) {
	buf := make([]byte, mtu)
	for bad := 0; bad < maxBadReads; {
		n, _, err := track.Read(buf)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil { // an unknown payload type, or more than a packet
			c.t.owner.engine.counters.drop(dropMalformed)
			bad++
			continue
		}
		bad = 0
		l.handle(buf[:n], c.t.owner.engine.now())
	}
}

// readLayerRTCP reads the publisher's sender reports on a layer.
func (c *indirect) readLayerRTCP(l *layer, receiver *webrtc.RTPReceiver) {
	buf := make([]byte, mtu)
	for {
		var n int
		var err error
		if l.rid == "" {
			n, _, err = receiver.Read(buf)
		} else {
			n, _, err = receiver.ReadSimulcast(buf, l.rid)
		}
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			c.t.owner.engine.counters.drop(dropMalformed)
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == l.ssrc.Load() {
				c.t.senderReported(l, sr, c.t.owner.engine.now())
			}
		}
	}
}

// readSlot reads what the receiver of a slot says.
func (c *indirect) readSlot(s *Slot, sender *webrtc.RTPSender) {
	buf := make([]byte, mtu)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			c.t.owner.engine.counters.drop(dropMalformed)
			continue
		}
		s.control(nil, packets, c.t.owner.engine.now())
	}
}
