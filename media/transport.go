package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/nack"
)

// transport is one PeerConnection of a participant: its sources and slots. A
// page reload replaces it as a whole; the participant stays.
type transport struct {
	owner       *Participant
	pc          *webrtc.PeerConnection
	fingerprint string
	sources     []*Source // in order of the send lines
	slots       []*Slot   // in order of the receive lines
	lines       []line    // of the slots

	// send takes RTCP to the participant; it fails only before the transport
	// is up or after it is closed, when there is nobody to tell.
	send func([]rtcp.Packet) error
	shut func() error // closes the PeerConnection

	audioLevelID atomic.Uint32 // header extension of the voice level
	roundTrip    atomic.Int64  // as the last receiver report told, ns; 0: none yet
	joined       atomic.Bool   // was up at least once

	mu          sync.Mutex
	clockOffset time.Duration
	clockKnown  bool

	goMu   sync.Mutex
	closed atomic.Bool // set under goMu
	wg     sync.WaitGroup
}

// newTransport builds the PeerConnection for a checked offer.
func newTransport(p *Participant, o offer) (*transport, error) {
	t := layOut(p, o)
	pc, err := p.engine.newPeerConnection()
	if err != nil {
		return nil, fmt.Errorf("media: peer connection: %w", err)
	}
	t.pc, t.send, t.shut = pc, pc.WriteRTCP, pc.Close
	pc.OnTrack(t.trackArrived)
	pc.OnConnectionStateChange(t.stateChanged)
	return t, nil
}

// stateChanged is called on a goroutine of its own for every change, so that
// an old one may come last: what counts is the state now. pion says connected
// a moment before SRTP is up, and loses what is written in between; it holds
// the DTLS transport's lock for that moment.
func (t *transport) stateChanged(webrtc.PeerConnectionState) {
	defer t.owner.guard()
	if t.pc.ConnectionState() == webrtc.PeerConnectionStateConnected {
		for _, sender := range t.pc.GetSenders() {
			sender.Transport().GetRemoteCertificate()
			break
		}
	}
	t.owner.transportChanged(t, t.pc.ConnectionState())
}

// layOut makes the sources and slots that the offer has lines for.
func layOut(p *Participant, o offer) *transport {
	t := &transport{owner: p, fingerprint: o.fingerprint}
	for i, l := range p.pool.lines() {
		if l.send != "" {
			t.sources = append(t.sources, newSource(t, l.send, o.lines[i].mid, o.lines[i].rids))
			continue
		}
		t.lines = append(t.lines, l)
		t.slots = append(t.slots, newSlot(t, o.lines[i].mid, l, p.engine.random()))
	}
	return t
}

// negotiate answers an offer. On a first offer the slots become tracks, in
// order of their m-lines; on an ICE restart nothing but the credentials changes.
func (t *transport) negotiate(ctx context.Context, sdp string, first bool) (string, error) {
	if err := t.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return "", &OfferError{"offer_malformed", "the offer can't be applied: " + err.Error()}
	}
	if first {
		for _, s := range t.slots {
			sender, err := t.pc.AddTrack(s)
			if err != nil {
				return "", fmt.Errorf("media: slot %s: %w", s.mid, err)
			}
			t.goGuarded(func() { t.readSlot(s, sender) })
		}
	}
	answer, err := t.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("media: answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(t.pc)
	if err := t.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("media: answer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	t.findAudioLevel()
	return t.pc.LocalDescription().SDP, nil
}

// findAudioLevel notes the header extension that carries the voice level.
func (t *transport) findAudioLevel() {
	for _, tr := range t.pc.GetTransceivers() {
		if r := tr.Receiver(); r != nil && tr.Kind() == webrtc.RTPCodecTypeAudio {
			for _, e := range r.GetParameters().HeaderExtensions {
				if e.URI == audioLevelURI {
					t.audioLevelID.Store(uint32(e.ID))
				}
			}
		}
	}
}

// trackArrived begins to read a layer: pion calls it at its first packet.
func (t *transport) trackArrived(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	tr := receiver.RTPTransceiver()
	if tr == nil {
		return
	}
	for _, s := range t.sources {
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
		t.goGuarded(func() { t.readLayer(l, track) })
		t.goGuarded(func() { t.readLayerRTCP(l, receiver) })
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
func (t *transport) readLayer(l *layer, track *webrtc.TrackRemote) {
	buf := make([]byte, mtu)
	for bad := 0; bad < maxBadReads; {
		n, _, err := track.Read(buf)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil { // an unknown payload type, or more than a packet
			t.owner.engine.counters.drop(dropMalformed)
			bad++
			continue
		}
		bad = 0
		l.handle(buf[:n], t.owner.engine.now())
	}
}

// readLayerRTCP reads the publisher's sender reports on a layer.
func (t *transport) readLayerRTCP(l *layer, receiver *webrtc.RTPReceiver) {
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
			t.owner.engine.counters.drop(dropMalformed)
			continue
		}
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == l.ssrc.Load() {
				t.senderReported(l, sr, t.owner.engine.now())
			}
		}
	}
}

// readSlot reads what the receiver of a slot says.
func (t *transport) readSlot(s *Slot, sender *webrtc.RTPSender) {
	buf := make([]byte, mtu)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			t.owner.engine.counters.drop(dropMalformed)
			continue
		}
		s.control(packets, t.owner.engine.now())
	}
}

// goGuarded runs f; a panic in it ends the participant, not the process
// (SE-10).
func (t *transport) goGuarded(f func()) {
	t.goMu.Lock()
	defer t.goMu.Unlock()
	if t.closed.Load() {
		return
	}
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		defer t.owner.guard()
		f()
	}()
}

func (t *transport) sendPLI(ssrc uint32) {
	t.writeRTCP(&rtcp.PictureLossIndication{MediaSSRC: ssrc})
}

func (t *transport) sendNACK(ssrc uint32, missing []uint16) {
	var buf [16]nack.NackPair
	pairs := nack.Pairs(missing, buf[:0])
	out := &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: make([]rtcp.NackPair, 0, len(pairs))}
	for _, p := range pairs {
		out.Nacks = append(out.Nacks, rtcp.NackPair{PacketID: p.PacketID, LostPackets: rtcp.PacketBitmap(p.LostPackets)})
	}
	t.owner.engine.counters.nacksOut.Add(uint64(len(missing)))
	t.writeRTCP(out)
}

func (t *transport) writeRTCP(packets ...rtcp.Packet) {
	_ = t.send(packets)
}

// tick repeats requests and sends the reports that are due.
func (t *transport) tick(now time.Duration) {
	defer t.owner.guard()
	rtt := t.rtt()
	for _, s := range t.sources {
		for _, l := range s.layers {
			l.tick(now, rtt)
		}
	}
	var reports []rtcp.Packet
	for _, s := range t.slots {
		if r := s.senderReport(now); r != nil {
			reports = append(reports, r)
		}
	}
	if len(reports) > 0 {
		t.writeRTCP(reports...)
	}
}

// rtt is the round trip to the participant as its receiver reports tell; 100
// ms until the first.
func (t *transport) rtt() time.Duration {
	if rtt := time.Duration(t.roundTrip.Load()); rtt > 0 {
		return rtt
	}
	return 100 * time.Millisecond
}

// close ends the transport and waits for its goroutines.
func (t *transport) close() error {
	t.goMu.Lock()
	t.closed.Store(true)
	t.goMu.Unlock()
	err := t.shut()
	t.wg.Wait()
	if errors.Is(err, webrtc.ErrConnectionClosed) {
		return nil
	}
	return err
}
