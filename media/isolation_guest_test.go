package media

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// flagByte begins a datagram that tells a client's inlet how many actions are
// done; nothing else of RFC 7983 begins with it.
const flagByte = 0xff

// inlet is what a client receives through: it sees each datagram, in the order
// in which they left the server. RTP headers aren't encrypted, so it can say of
// every packet after how many actions it came.
type inlet struct {
	net.PacketConn

	mu      sync.Mutex
	more    *sync.Cond
	again   map[uint32]bool // SSRCs of resends
	done    int             // actions, as the flags told
	left    map[packetID][2]int
	begun   *atomic.Int64
	read    int // packets, without resends
	handled int // of them: decrypted, and in got
	resent  int
	got     []arrival
}

// packetID tells apart what one client receives.
type packetID struct {
	ssrc   uint32
	number uint16
}

// arrival is a packet that a client decrypted.
type arrival struct {
	packetID
	mark  packetMark
	valid bool // it has a mark
	left  int  // actions that were done, at least, when it left the server
	by    int  // and that had begun, at most
	again bool
}

func newInlet(c net.PacketConn, begun *atomic.Int64) *inlet {
	in := &inlet{PacketConn: c, begun: begun, left: make(map[packetID][2]int), again: make(map[uint32]bool)}
	in.more = sync.NewCond(&in.mu)
	return in
}

func (c *inlet) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if n == 9 && b[0] == flagByte {
			c.flag(int(binary.BigEndian.Uint64(b[1:])))
			continue
		}
		if n > rtpHeaderLen && b[0]&0xC0 == 0x80 && (b[1] < 192 || b[1] > 223) {
			c.note(packetID{binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:])})
		}
		return n, from, nil
	}
}

// know tells which SSRCs carry resends; before media comes.
func (c *inlet) know(slots []*Slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range slots {
		s.mu.Lock()
		c.again[s.binding.rtxSSRC] = true
		s.mu.Unlock()
	}
}

func (c *inlet) flag(done int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = max(c.done, done)
	c.more.Broadcast()
}

func (c *inlet) note(id packetID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left[id] = [2]int{c.done, int(c.begun.Load())}
	if !c.again[id.ssrc] {
		c.read++
	}
}

// took is given every packet that the client decrypted.
func (c *inlet) took(pkt *rtp.Packet, attributes interceptor.Attributes) {
	a := arrival{packetID: packetID{pkt.SSRC, pkt.SequenceNumber}}
	id := a.packetID
	if ssrc, ok := attributes.Get(webrtc.AttributeRtxSsrc).(uint32); ok {
		number, _ := attributes.Get(webrtc.AttributeRtxSequenceNumber).(uint16)
		id, a.again = packetID{ssrc, number}, true
	}
	a.mark, a.valid = readMark(pkt.Payload)
	c.mu.Lock()
	defer c.mu.Unlock()
	a.left, a.by = c.left[id][0], c.left[id][1]
	delete(c.left, id)
	if a.again {
		c.resent++
	} else {
		c.handled++
	}
	c.got = append(c.got, a)
	c.more.Broadcast()
}

// take returns what came since it was last called.
func (c *inlet) take() []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

// await waits until ok, which is asked under the lock.
func (c *inlet) await(limit time.Duration, ok func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	expired := false
	timer := time.AfterFunc(limit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		expired = true
		c.more.Broadcast()
	})
	defer timer.Stop()
	for !ok() && !expired {
		c.more.Wait()
	}
	return ok()
}

// guest is a participant with a whole client: ICE, DTLS and SRTP over a pipe in
// memory into the media socket, or over loopback.
type guest struct {
	*testPeer
	in    *inlet
	to    *udp.Destination
	close func()
	sends bool
	level uint8 // header extension
	n     int   // number of the next packets
	seen  []packetID
}

// newGuest connects a guest. Who sends does so through a pipe: then what is
// sent has been forwarded when the call returns.
func newGuest(t *testing.T, e *Engine, id string, pipe, sends bool, begun *atomic.Int64) *guest {
	t.Helper()
	var conn net.PacketConn
	var err error
	if pipe {
		conn, err = e.OpenRelay()
	} else {
		var socket *net.UDPConn
		if socket, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))); err == nil {
			err = socket.SetReadBuffer(4 << 20)
		}
		conn = socket
	}
	must(t, err)
	g := &guest{in: newInlet(conn, begun), sends: sends}
	g.to = e.mux.Destination(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	mux := webrtc.NewICEUDPMux(quiet.NewLogger("ice"), g.in)
	g.testPeer = newUnbuiltPeer(t, e, id, RoleParticipant, SmallPool())
	g.settings = func(se *webrtc.SettingEngine) {
		se.LoggerFactory = quiet
		se.SetICEUDPMux(mux)
	}
	g.build()
	g.close = sync.OnceFunc(func() {
		must(t, g.pc.Close())
		must(t, mux.Close())
	})
	t.Cleanup(g.close)
	g.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			pkt, attributes, err := track.ReadRTP()
			if err != nil {
				return
			}
			g.in.took(pkt, attributes)
		}
	})
	g.negotiate()
	g.in.know(g.currentTransport().slots)
	g.connected()
	g.ready()
	return g
}

// ready waits until pion has begun to receive on every line, and announces what
// the guest sends.
func (g *guest) ready() {
	g.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for _, tr := range g.pc.GetTransceivers()[sendLines:] {
		for tr.Receiver().Track() == nil || tr.Receiver().Track().SSRC() == 0 {
			select {
			case <-tick.C: // pion doesn't tell
			case <-deadline:
				g.t.Fatalf("%s: line %s receives nothing", g.id, tr.Mid())
			}
		}
	}
	if !g.sends {
		return
	}
	for _, ext := range g.pc.GetSenders()[0].GetParameters().HeaderExtensions {
		if ext.URI == audioLevelURI {
			g.level = uint8(ext.ID)
		}
	}
	g.publish(Microphone, Camera)
}

// say sends a packet of the voice, a key frame and another frame. Errors are
// those of a client that has been closed.
func (g *guest) say(after int, during bool) {
	g.n++
	voice := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(g.n), Timestamp: uint32(g.n) * 480}}
	m := packetMark{g.id, mic, after, during}
	voice.Payload = []byte("|" + m.String())
	if voice.SetExtension(g.level, []byte{0x80 | 20}) == nil {
		_ = g.mic.WriteRTP(voice)
	}
	m.kind = cam
	for i, key := range []bool{true, false} {
		frame := videoPacket(g.id, "q", 2*g.n+i, key)
		frame.Payload = append(frame.Payload, "|"+m.String()...)
		_ = g.writeVideo("q", frame)
	}
}

// askAgain has the client ask for the last frames that it got, once more.
func (g *guest) askAgain() {
	for _, id := range g.seen {
		_ = g.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
			MediaSSRC: id.ssrc, Nacks: []rtcp.NackPair{{PacketID: id.number}},
		}})
	}
}

// remember keeps the last few frames for askAgain.
func (g *guest) remember(a arrival) {
	const frames = 4
	if a.mark.kind != cam || a.again {
		return
	}
	if len(g.seen) == frames {
		g.seen = append(g.seen[:0], g.seen[1:]...)
	}
	g.seen = append(g.seen, a.packetID)
}
