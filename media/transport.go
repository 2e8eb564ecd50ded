package media

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	lineFormats []lineFormat // as first offered
	sources     []*Source    // in order of the send lines
	slots       []*Slot      // in order of the receive lines
	lines       []line       // of the slots

	carrier carrier

	stateMu sync.Mutex // held while a change of the connection's state is followed

	audioLevelID atomic.Uint32 // header extension of the voice level
	roundTrip    atomic.Int64  // as the last receiver report told, ns; 0: none yet
	freezes      atomic.Uint64 // see Connection
	joined       atomic.Bool   // was up at least once

	awake      atomic.Bool   // is ticked at the next tick: see ticks
	reportSoon atomic.Bool   // a slot's report can't wait
	nextScan   time.Duration // see senderReports

	// scratch holds a packet to be resent, and room for its number. It is taken
	// after a slot's lock; one for each slot would be most of a participant.
	scratchMu sync.Mutex
	scratch   [mtu + 4]byte

	clock publisherClock

	goMu   sync.Mutex
	closed atomic.Bool // set under goMu
	wg     sync.WaitGroup
}

// newTransport builds the PeerConnection for a checked offer.
func newTransport(p *Participant, o offer) (*transport, error) {
	t := layOut(p, o)
	t.carrier = newCarrier(t)
	pc, err := p.engine.newPeerConnection(t.carrier)
	if err != nil {
		return nil, fmt.Errorf("media: peer connection: %w", err)
	}
	t.pc = pc
	t.carrier.begin(pc)
	pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { t.follow(pc.ConnectionState) })
	return t, nil
}

// follow is called on a goroutine of its own for every change of the state, so
// that an old one may come last: what counts is the state now, and one call is
// done before the next looks. Else one that was told of an outage, and was slow,
// would end what a later one has begun, and nothing would begin it again.
func (t *transport) follow(now func() webrtc.PeerConnectionState) {
	defer t.owner.guard()
	t.stateMu.Lock()
	defer t.stateMu.Unlock()
	state := now()
	switch state {
	case webrtc.PeerConnectionStateConnected:
		if err := t.carrier.up(); err != nil {
			t.owner.engine.log.Error("a transport can't carry media", "participant_id", t.owner.id, "err", err)
			t.owner.engine.background(func() { t.owner.Close(CloseInternal) })
			return
		}
	case webrtc.PeerConnectionStateNew, webrtc.PeerConnectionStateConnecting:
		// ICE restarts: until it has found another pair, the old one serves
		// (RFC 8445 §9), if it has not been given up already.
	default:
		t.carrier.down()
	}
	t.owner.transportChanged(t, state)
}

// layOut makes the sources and slots that the offer has lines for.
func layOut(p *Participant, o offer) *transport {
	t := &transport{owner: p, fingerprint: o.fingerprint, lineFormats: o.formats()}
	for i, l := range p.pool.lines() {
		if l.send != "" {
			s := newSource(t, l.send, o.lines[i].mid, o.lines[i].rids)
			s.declared, s.declaredRTX = o.lines[i].ssrcs, o.lines[i].again
			t.sources = append(t.sources, s)
			continue
		}
		t.lines = append(t.lines, l)
		t.slots = append(t.slots, newSlot(t, o.lines[i].mid, l, p.engine.random()))
	}
	return t
}

// negotiate answers an offer. On a first offer the slots get their lines; on an
// ICE restart nothing but the credentials changes.
func (t *transport) negotiate(ctx context.Context, o *offer, sdp string, first bool) (string, error) {
	if !first && !slices.Equal(t.lineFormats, o.formats()) {
		return "", &OfferError{"offer_lines", "an ICE restart is to keep the mids, payload types and header extensions of the first offer"}
	}
	if err := t.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: t.carrier.offered(o, sdp)}); err != nil {
		return "", &OfferError{"offer_malformed", "the offer can't be applied: " + err.Error()}
	}
	if first {
		t.audioLevelID.Store(uint32(o.extensionID(audioLevelURI)))
		if err := t.carrier.lines(o); err != nil {
			return "", err
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
	return t.carrier.answered(o, t.pc.LocalDescription().SDP), nil
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

func (t *transport) sendPLI(ssrcs []uint32) {
	packets := make([]rtcp.Packet, 0, len(ssrcs))
	for _, ssrc := range ssrcs {
		packets = append(packets, &rtcp.PictureLossIndication{MediaSSRC: ssrc})
	}
	t.writeRTCP(packets...)
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
	_ = t.carrier.send(packets) // see carrier
}

// tick repeats requests and sends the reports that are due. It says whether
// media comes, so that the next tick has something to do again.
func (t *transport) tick(now time.Duration) (busy bool) {
	defer t.owner.guard()
	if t.closed.Load() {
		return false
	}
	rtt := t.rtt()
	for _, s := range t.sources {
		for _, l := range s.layers {
			if l.tick(now, rtt) {
				busy = true
			}
		}
		s.keys.ask(now)
	}
	reports := append(t.carrier.reports(now), t.senderReports(now)...)
	if len(reports) > 0 {
		t.writeRTCP(reports...)
	}
	return busy
}

// reportScan is how often all slots are asked whether a report is due: a look
// at each of 31 costs more than the rest of a tick. One that is looked at in
// turn is asked each time.
const reportScan = lookInterval - 2*tickInterval

// senderReports are the slots' reports that are due. Owned by the engine's tick.
func (t *transport) senderReports(now time.Duration) (reports []rtcp.Packet) {
	if !t.reportSoon.Swap(false) && now < t.nextScan {
		return nil
	}
	t.nextScan = now + reportScan
	for _, s := range t.slots {
		if r := s.senderReport(now); r != nil {
			reports = append(reports, r)
		}
	}
	return reports
}

// hurryReport has the next tick send the slots' reports that are due.
func (t *transport) hurryReport() {
	t.reportSoon.Store(true)
	t.owner.engine.ticks.wake(t)
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
	err := t.carrier.close()
	t.wg.Wait()
	if errors.Is(err, webrtc.ErrConnectionClosed) {
		return nil
	}
	return err
}
