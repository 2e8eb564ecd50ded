package media

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

func tcpPort(t *testing.T, e *Engine) int {
	t.Helper()
	mux, ok := e.tcp.(*ice.TCPMuxDefault)
	if !ok {
		t.Fatal("no ICE/TCP")
	}
	return mux.LocalAddr().(*net.TCPAddr).Port
}

// tcpEngine is an engine with ICE/TCP, on loopback.
func tcpEngine(t *testing.T) *Engine {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, 0
	return startEngine(t, cfg, Options{})
}

// addPeerOver adds a participant whose client is forced to a path.
func addPeerOver(t *testing.T, e *Engine, id string, path func(*webrtc.SettingEngine)) *testPeer {
	t.Helper()
	p := newUnbuiltPeer(t, e, id, RoleParticipant, SmallPool())
	p.settings = path
	p.build()
	return p
}

func overTCP(se *webrtc.SettingEngine) {
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
}

// SE-15: where UDP is blocked, ICE/TCP carries the call.
func TestICEOverTCP(t *testing.T) { bothCarriers(t, checkICEOverTCP) }

func checkICEOverTCP(t *testing.T, e *Engine) {
	t.Helper()
	a, b := addPeer(t, e, "a"), addPeerOver(t, e, "b", overTCP)
	b.connect()
	talk(t, e, a, b)
}

// talk moves two peers into a room and waits until they see each other.
func talk(t *testing.T, e *Engine, a, b *testPeer) {
	t.Helper()
	r := openRoom(t, e, "r", 5)
	for _, p := range []*testPeer{a, b} {
		move(t, e, p, r)
		p.publish(Microphone, Camera)
		p.stream("q")
	}
	a.from("b", hears("b"))
	b.from("a", hears("a"))
}

// SE-14, SE-9: a client that no longer reads its TCP connection doesn't hold
// up the others.
func TestStalledTCPHarmsNobody(t *testing.T) { bothCarriers(t, checkStalledTCPHarmsNobody) }

func checkStalledTCPHarmsNobody(t *testing.T, e *Engine) {
	t.Helper()
	a, b, c := addPeer(t, e, "a"), addPeer(t, e, "b"), addPeerOver(t, e, "c", overTCP)
	relay := newStallingRelay(t, tcpPort(t, e))
	c.rewrite = func(answer string) string {
		return strings.ReplaceAll(answer, " "+sprint(tcpPort(t, e))+" typ host tcptype", " "+sprint(relay.port())+" typ host tcptype")
	}
	c.connect()
	r := openRoom(t, e, "r", 5)
	for _, p := range []*testPeer{a, b, c} {
		move(t, e, p, r)
	}
	a.publish(Microphone, Camera)
	a.stream() // sound only: the numbers below are the camera's
	c.from("a, over the relay", hears("a"))
	relay.stall()
	l := a.currentTransport().sources[1].layers[0]
	// Until every buffer between us and the client is full, and well on.
	start := time.Now()
	for n, refused := 0, uint64(0); refused < 1000; n++ {
		dropped := e.Snapshot().Dropped
		refused = dropped["write"] + dropped["socket_tcp_queue_full"]
		if n == 100_000 {
			t.Fatal("no write was refused: is there a bound?")
		}
		pkt := videoPacket("a", "q", n, n%100 == 0) // one finds the slot routed
		pkt.Payload = append(pkt.Payload, make([]byte, 1000)...)
		raw, err := pkt.Marshal()
		must(t, err)
		l.handle(raw, e.now())
	}
	if d := time.Since(start); d > patience {
		t.Errorf("the packet path was held up: %s", d)
	}
	for len(b.in) > 0 {
		<-b.in
	}
	b.from("a still", hears("a"))
	must(t, e.Move(context.Background(), c.Participant, nil))
}

// stallingRelay passes TCP connections on until it stalls: then it no longer
// reads from the server.
type stallingRelay struct {
	t        *testing.T
	listener net.Listener
	to       int
	wg       sync.WaitGroup
	mu       sync.Mutex // held while stalled
	conns    []net.Conn
}

func newStallingRelay(t *testing.T, to int) *stallingRelay {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	r := &stallingRelay{t: t, listener: listener, to: to}
	r.wg.Go(r.accept)
	t.Cleanup(r.close)
	return r
}

func (r *stallingRelay) port() int { return r.listener.Addr().(*net.TCPAddr).Port }

func (r *stallingRelay) accept() {
	for {
		in, err := r.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp4", "127.0.0.1:"+sprint(r.to))
		if err != nil {
			_ = in.Close()
			return
		}
		r.conns = append(r.conns, in, out)
		r.wg.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		r.wg.Go(func() { _, _ = io.Copy(gate{r, in}, out); _ = in.Close() })
	}
}

// gate is written to while the relay isn't stalled.
type gate struct {
	r *stallingRelay
	io.Writer
}

func (g gate) Write(b []byte) (int, error) {
	g.r.mu.Lock()
	defer g.r.mu.Unlock()
	return g.Writer.Write(b)
}

func (r *stallingRelay) stall() { r.mu.Lock() }

func (r *stallingRelay) close() {
	r.mu.TryLock()
	r.mu.Unlock()
	_ = r.listener.Close()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.wg.Wait()
}

// SE-1: a pipe from OpenRelay, as the TURN server holds it, is a path like any
// other: ICE, DTLS and media go through it, and the client's own address is
// the pipe's.
func TestRelayIsAPath(t *testing.T) { bothCarriers(t, checkRelayIsAPath) }

func checkRelayIsAPath(t *testing.T, e *Engine) {
	t.Helper()
	pipe, err := e.OpenRelay()
	must(t, err)
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: pipe, Logger: quiet.NewLogger("ice")})
	t.Cleanup(func() { must(t, mux.Close()) })
	a := addPeer(t, e, "a")
	b := addPeerOver(t, e, "b", func(se *webrtc.SettingEngine) {
		se.SetICEUDPMux(mux)
		se.SetIPFilter(func(net.IP) bool { return true })
	})
	b.connect()
	pair, err := b.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	must(t, err)
	if pipe := pipe.LocalAddr().String(); net.JoinHostPort(pair.Local.Address, sprint(pair.Local.Port)) != pipe {
		t.Fatalf("connected by %s; want %s", pair.Local, pipe)
	}
	talk(t, e, a, b)
	waitEvent(t, a.events, "quality", func(ev QualityChanged) bool { return len(ev.Participants) > 0 })
	for _, c := range e.Connections() { // and statistics say so
		if c.Relayed != (c.Participant == "b") || c.Room != "r" || c.Score == "" {
			t.Errorf("%+v", c)
		}
	}
	if n := len(e.Connections()); n != 2 {
		t.Errorf("%d connections", n)
	}
}
