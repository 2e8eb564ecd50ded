package turn

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	pion "github.com/pion/turn/v4"
)

const patience = 5 * time.Second

// media stands for the media socket: it has an address, but no socket. What
// reaches it is echoed.
var media = netip.MustParseAddrPort("127.0.0.1:47882")

// fakeRelay is a Relay as media's: pipes that reach media only.
type fakeRelay struct {
	opened    atomic.Int32
	open      atomic.Int32
	delivered atomic.Int64 // bytes to media
	strayed   atomic.Int64 // datagrams to anything else, which go nowhere
}

func (r *fakeRelay) OpenRelay() (net.PacketConn, error) {
	r.open.Add(1)
	p := &pipe{relay: r, echo: make(chan []byte, 64), closed: make(chan struct{})}
	p.local = &net.UDPAddr{IP: net.IPv4(198, 51, 100, 1), Port: int(1024 + r.opened.Add(1))}
	return p, nil
}

type pipe struct {
	net.PacketConn // deadlines aren't used
	relay          *fakeRelay
	local          *net.UDPAddr
	echo           chan []byte
	closed         chan struct{}
	once           sync.Once
}

func (p *pipe) LocalAddr() net.Addr { return p.local }

func (p *pipe) WriteTo(b []byte, to net.Addr) (int, error) {
	if addrPort(to) != media {
		p.relay.strayed.Add(1)
		return len(b), nil
	}
	p.relay.delivered.Add(int64(len(b)))
	select {
	case p.echo <- append([]byte(nil), b...):
	default:
	}
	return len(b), nil
}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case e := <-p.echo:
		return copy(b, e), net.UDPAddrFromAddrPort(media), nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	p.once.Do(func() {
		p.relay.open.Add(-1)
		close(p.closed)
	})
	return nil
}

// epoch is where the tests' clocks stand.
var epoch = time.Unix(1_800_000_000, 0)

// clock stands until it is moved.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return epoch.Add(time.Duration(c.offset.Load())) }
func (c *clock) set(after time.Duration) { c.offset.Store(int64(after)) }

// start returns a server on any free port of 127.0.0.1.
func start(t testing.TB, change func(*Config, *Options)) (*Server, *fakeRelay) {
	t.Helper()
	relay := &fakeRelay{}
	cfg := DefaultConfig()
	cfg.Address, cfg.Port = "127.0.0.1", 0
	o := Options{Relay: relay, MediaAddresses: func() []netip.AddrPort { return []netip.AddrPort{media} }}
	if change != nil {
		change(&cfg, &o)
	}
	s, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := relay.open.Load(); n != 0 {
			t.Errorf("%d relays are left open", n)
		}
	})
	return s, relay
}

func address(s *Server) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(s.Port())).String()
}

// connect returns a pion client of s that has no allocation yet.
func connect(t testing.TB, s *Server, network, username, password string) (*pion.Client, net.PacketConn) {
	t.Helper()
	var conn net.PacketConn
	if network == "tcp" {
		c, err := net.Dial("tcp", address(s))
		if err != nil {
			t.Fatal(err)
		}
		conn = pion.NewSTUNConn(c)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	client, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: address(s), TURNServerAddr: address(s), Conn: conn,
		Username: username, Password: password, LoggerFactory: silent{}, RTO: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		_ = conn.Close()
	})
	return client, conn
}

// allocate returns the relayed conn of a new client of the participant.
func allocate(t testing.TB, s *Server, network, participant string) (net.PacketConn, *pion.Client) {
	t.Helper()
	username, password, _ := s.Credentials(participant)
	client, _ := connect(t, s, network, username, password)
	conn, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, client
}

// greeting is longer than 4 bytes: pion's framing over TCP, its client's too,
// holds shorter ChannelData back until more comes. No media packet is that short.
const greeting = "a greeting"

// echo expects media to answer.
func echo(t testing.TB, conn net.PacketConn) {
	t.Helper()
	if _, err := conn.WriteTo([]byte(greeting), net.UDPAddrFromAddrPort(media)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 100)
	n, from, err := conn.ReadFrom(b)
	if err != nil || string(b[:n]) != greeting || addrPort(from) != media {
		t.Fatalf("received %q from %v, %v", b[:n], from, err)
	}
}

// eventually waits for a condition, at most as long as SE-2 allows.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// raw is a client that speaks bytes.
type raw struct {
	t    testing.TB
	conn net.Conn
}

func dialRaw(t testing.TB, s *Server) raw {
	t.Helper()
	conn, err := net.Dial("udp", address(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return raw{t, conn}
}

func build(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func (r raw) send(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// receive returns the next answer, nil when there is none within wait.
func (r raw) receive(wait time.Duration) *stun.Message {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 2000)
	n, err := r.conn.Read(b)
	if err != nil {
		return nil
	}
	m := &stun.Message{Raw: b[:n]}
	if err := m.Decode(); err != nil {
		r.t.Fatal(err)
	}
	return m
}

// ask sends an authenticated request and returns the code of its answer, 0
// for success.
func (r raw) ask(s *Server, username, password string, method stun.Method, extra ...stun.Setter) int {
	r.t.Helper()
	r.send(build(r.t, stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), udpTransport()))
	challenge := r.receive(patience)
	if challenge == nil {
		r.t.Fatal("no challenge")
	}
	var nonce stun.Nonce
	if err := nonce.GetFrom(challenge); err != nil {
		r.t.Fatal(err)
	}
	setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, extra...)
	r.send(build(r.t, append(setters, stun.NewUsername(username), stun.NewRealm(s.cfg.Load().Realm), nonce,
		stun.NewLongTermIntegrity(username, s.cfg.Load().Realm, password))...))
	m := r.receive(patience)
	switch {
	case m == nil:
		r.t.Fatal("no answer")
	case m.Type.Class == stun.ClassSuccessResponse:
		return 0
	}
	var code stun.ErrorCodeAttribute
	if err := code.GetFrom(m); err != nil {
		r.t.Fatalf("%s: %v", m, err)
	}
	return int(code.Code)
}

// udpTransport is the REQUESTED-TRANSPORT of UDP.
func udpTransport() stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocolUDP, 0, 0, 0}}
}

type peerAddress struct{ netip.AddrPort }

func (p peerAddress) AddTo(m *stun.Message) error {
	a := stun.XORMappedAddress{IP: p.Addr().AsSlice(), Port: int(p.Port())}
	return a.AddToAs(m, stun.AttrXORPeerAddress)
}
