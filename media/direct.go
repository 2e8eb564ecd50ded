package media

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

var (
	errNotUp   = errors.New("media: the transport is not up")
	errDropped = errors.New("media: the packet was not taken")
)

// direct is the carrier with SRTP of our own, both ways: a packet is decrypted
// in the buffer that it was read into and encrypted straight into the batch
// that goes out. pion keeps ICE and DTLS; it neither reads nor writes any RTP
// or RTCP, so that no nonce is ever used twice.
type direct struct {
	t    *transport
	view *udp.View
	tcp  *udp.TCPView // nil without ICE/TCP
	tap  srtp.KeyTap
	pc   *webrtc.PeerConnection
	ice  *webrtc.ICETransport

	// to is where to send; nil while the transport isn't up.
	to atomic.Pointer[udp.Destination]

	// path covers coming up and down, and where to send.
	path    sync.Mutex
	keyed   bool
	overTCP bool             // to is
	past    *udp.Destination // before to; a packet may still wait there

	// in covers receiving: packets of one transport may come by two paths.
	in inbound

	// out covers what the slots' locks don't.
	out      sync.Mutex
	outgoing *srtp.Outgoing // nil before DTLS is connected
	rtcp     *srtp.RTCPEncryptor
}

func newDirect(t *transport) *direct {
	d := &direct{t: t}
	e := t.owner.engine
	d.view = e.mux.View(d)
	if e.tcp != nil {
		d.tcp = e.mux.TCPView(e.tcp, d)
	}
	d.in.begin(t, e.random())
	return d
}

func (d *direct) prepare(se *webrtc.SettingEngine, _ *interceptor.Registry) error {
	se.SetICEUDPMux(d.view)
	if d.tcp != nil {
		se.SetICETCPMux(d.tcp)
	}
	return d.tap.Install(se)
}

func (d *direct) offered(o *offer, sdp string) string { return firstLine(sdp, o.lines[0].mid) }

func (d *direct) answered(o *offer, sdp string) string { return o.answer(sdp, d.t.slots) }

func (d *direct) begin(pc *webrtc.PeerConnection) {
	d.pc, d.ice = pc, pc.SCTP().Transport().ICETransport()
	d.ice.OnSelectedCandidatePairChange(func(*webrtc.ICECandidatePair) {
		defer d.t.owner.guard()
		d.retarget()
	})
}

// HandleMedia takes what comes from a source that ICE has validated (SE-3).
func (d *direct) HandleMedia(b []byte, _ netip.AddrPort, out *udp.Batch) {
	defer d.t.owner.guard()
	d.in.handle(b, out)
}

// lines gives each slot payload types and SSRCs of its own, before anybody
// can have the keys.
func (d *direct) lines(o *offer) error {
	taken := make(map[uint32]bool, 2*len(d.t.slots))
	fresh := func() uint32 {
		for {
			if ssrc := d.t.owner.engine.random(); ssrc != 0 && !taken[ssrc] {
				taken[ssrc] = true
				return ssrc
			}
		}
	}
	for i, s := range d.t.slots {
		f := &o.lines[sendLines+i].format
		b := binding{ssrc: fresh(), pt: f.media, rtxPT: f.rtx}
		if f.rtx != 0 {
			b.rtxSSRC = fresh()
		}
		s.mu.Lock()
		s.binding = b
		s.mu.Unlock()
	}
	d.in.agree(o.terms())
	return nil
}

// up takes the keys of the finished handshake, once, and begins to send.
func (d *direct) up() error {
	if err := d.key(); err != nil {
		return err
	}
	d.retarget()
	return nil
}

func (d *direct) down() {
	d.path.Lock()
	defer d.path.Unlock()
	d.sendToLocked(nil)
}

// sendToLocked makes to the destination. What waits for a slow remote at the
// one before is dropped: it is stale, and would come out of order.
func (d *direct) sendToLocked(to *udp.Destination) {
	if old := d.to.Swap(to); old != nil {
		old.Discard()
		d.past = old
	}
}

// key makes the contexts of both directions; an ICE restart leaves them.
func (d *direct) key() error {
	d.path.Lock()
	done := d.keyed
	d.keyed = true
	d.path.Unlock()
	if done {
		return nil
	}
	keys, err := d.tap.Keys()
	if err != nil {
		return fmt.Errorf("media: keys of SRTP: %w", err)
	}
	defer d.tap.Wipe()
	defer keys.Wipe()
	return d.open(keys)
}

// open makes the contexts: of sending first, and apart from those of receiving,
// because a packet in hand may lead to RTCP (see Locks in doc.go).
func (d *direct) open(keys srtp.Keys) error {
	if err := d.openOutgoing(keys); err != nil {
		return err
	}
	return d.in.key(keys)
}

func (d *direct) openOutgoing(keys srtp.Keys) (err error) {
	d.out.Lock()
	defer d.out.Unlock()
	if d.rtcp, err = srtp.NewRTCPEncryptor(keys.Profile, keys.Server); err != nil {
		return err
	}
	if d.outgoing, err = srtp.NewOutgoing(keys.Profile, keys.Server); err != nil {
		return err
	}
	for _, s := range d.t.slots {
		if err := d.openLocked(s); err != nil {
			return err
		}
	}
	return nil
}

// openLocked gives a slot its writer: one encryptor for each SSRC, for life.
func (d *direct) openLocked(s *Slot) error {
	s.mu.Lock()
	b, done := s.binding, s.w != nil
	s.mu.Unlock()
	if done || b.ssrc == 0 {
		return nil
	}
	w := &directWriter{d: d, video: s.line.video}
	var err error
	if w.media, err = d.outgoing.Encryptor(b.ssrc); err != nil {
		return err
	}
	if b.rtxSSRC != 0 {
		if w.again, err = d.outgoing.Encryptor(b.rtxSSRC); err != nil {
			return err
		}
	}
	s.connect(w)
	return nil
}

// retarget sends to the pair of addresses that ICE has selected.
func (d *direct) retarget() {
	d.path.Lock()
	defer d.path.Unlock()
	// Under the lock: pion sets the state before it tells of it, so that down
	// comes after what is decided by an older one.
	if d.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		return
	}
	pair, err := d.ice.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return
	}
	remote := netip.AddrPortFrom(addr.Unmap(), pair.Remote.Port)
	tcp := pair.Local.Protocol == webrtc.ICEProtocolTCP
	if to := d.to.Load(); tcp && d.overTCP && to != nil && to.Addr() == remote {
		return // two queues for one remote would overtake each other
	}
	switch {
	case !tcp:
		d.sendToLocked(d.t.owner.engine.mux.Destination(remote))
	case d.tcp != nil:
		d.sendToLocked(d.tcp.Destination(remote))
	}
	d.overTCP = tcp
}

// discard drops what waits for a slow TCP remote or relay.
func (d *direct) discard() {
	d.path.Lock()
	defer d.path.Unlock()
	for _, to := range []*udp.Destination{d.to.Load(), d.past} {
		if to != nil {
			to.Discard()
		}
	}
}

func (d *direct) reports(now time.Duration) []rtcp.Packet { return d.in.reports(now) }

func (d *direct) close() error {
	d.down()
	err := d.pc.Close()
	d.down() // if it came up meanwhile
	return errors.Join(err, d.view.Close())
}
