package turn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// SE-2: at most 12 allocations a participant, whatever credentials and
// transport it uses; one that ends makes room.
func TestQuota(t *testing.T) {
	s, _ := start(t, nil)
	first, _ := allocate(t, s, "tcp", "alice")
	for range s.cfg.Load().MaxAllocationsPerUser - 1 {
		username, password, _ := s.Credentials("alice")
		if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
			t.Fatalf("within the quota: %d", got)
		}
	}
	username, password, _ := s.Credentials("alice")
	last := dialRaw(t, s)
	if got := last.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 486 {
		t.Fatalf("above the quota: %d, want 486", got)
	}
	if got := s.Snapshot(); got.Refused[RefusedQuota] != 1 || got.Allocations != 12 {
		t.Fatalf("%+v", got)
	}
	bob, secret, _ := s.Credentials("bob")
	if got := dialRaw(t, s).ask(s, bob, secret, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("another participant: %d", got)
	}
	_ = first.Close()
	eventually(t, "there is room", func() bool { return s.Snapshot().Allocations == 12 })
	if got := last.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("after one has ended: %d", got)
	}
}

// slowRelay opens relays that take a while to close.
type slowRelay struct {
	Relay
	closing chan struct{} // closed when a relay begins to close
}

func (r *slowRelay) OpenRelay() (net.PacketConn, error) {
	conn, err := r.Relay.OpenRelay()
	return slowConn{conn, r}, err
}

type slowConn struct {
	net.PacketConn
	relay *slowRelay
}

func (c slowConn) Close() error {
	close(c.relay.closing)
	<-time.After(50 * time.Millisecond)
	return c.PacketConn.Close()
}

// When Close returns no relay is open, also where another goroutine is closing
// it at that moment; and none is opened after it.
func TestCloseLeavesNoRelay(t *testing.T) {
	slow := &slowRelay{closing: make(chan struct{})}
	s, relay := start(t, func(_ *Config, o *Options) {
		slow.Relay = o.Relay
		o.Relay = slow
	})
	username, password, _ := s.Credentials("alice")
	if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("allocate: %d", got)
	}
	revoked := make(chan struct{})
	go func() { defer close(revoked); s.Revoke("alice") }()
	<-slow.closing
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := relay.open.Load(); n != 0 {
		t.Errorf("%d relays are open after Close", n)
	}
	<-revoked
	slow.closing = make(chan struct{})
	if _, _, err := s.allocations.AllocatePacketConn("", 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a relay after Close: %v", err)
	}
	closed := &relayConn{PacketConn: slowConn{}}
	closed.closed.Store(true)
	if _, err := closed.WriteTo([]byte("late"), nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sent through a relay that was closed: %v", err)
	}
}

// Limits that change bind at once, and end nothing that stands.
func TestReconfigure(t *testing.T) {
	s, _ := start(t, nil)
	username, password, _ := s.Credentials("alice")
	if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("the first: %d", got)
	}
	cfg := *s.cfg.Load()
	cfg.MaxAllocationsPerUser, cfg.UnauthenticatedPerSecond = 1, cfg.UnauthenticatedPerSecond+1
	s.Reconfigure(cfg)
	if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 486 {
		t.Fatalf("above the new quota: %d, want 486", got)
	}
	if got := s.Snapshot().Allocations; got != 1 {
		t.Fatalf("%d allocations, want 1", got)
	}
	if s.limiter.perSecond != cfg.UnauthenticatedPerSecond {
		t.Fatalf("%d answers a second, want %d", s.limiter.perSecond, cfg.UnauthenticatedPerSecond)
	}
}

// An allocation that can't be made gives its place back.
func TestFailedAllocationsDontCount(t *testing.T) {
	s, _ := start(t, func(c *Config, o *Options) {
		c.MaxAllocationsPerUser = 1
		o.Relay = &failingRelay{left: 2, Relay: o.Relay}
	})
	username, password, _ := s.Credentials("alice")
	client := dialRaw(t, s)
	for _, want := range []int{508, 508, 0} {
		if got := client.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	}
	if got := s.Snapshot().Refused[RefusedRelay]; got != 2 {
		t.Fatalf("%d counted", got)
	}
}

type failingRelay struct {
	Relay
	left int // by the only UDP reader
}

func (r *failingRelay) OpenRelay() (net.PacketConn, error) {
	if r.left--; r.left >= 0 {
		return nil, errors.New("none left")
	}
	return r.Relay.OpenRelay()
}

// SE-2: a participant who leaves loses its allocations within 5 s and can't
// make or refresh any; new credentials of the same participant work, the old
// ones don't.
func TestRevoke(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s, relay := start(t, nil)
			other, _ := allocate(t, s, network, "bob")
			conn, _ := allocate(t, s, network, "alice")
			echo(t, conn)
			client := dialRaw(t, s)
			username, password, _ := s.Credentials("alice")
			if got := client.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
				t.Fatalf("allocate: %d", got)
			}
			s.Revoke("alice")
			if got := s.Snapshot(); got.Allocations != 1 || relay.open.Load() != 1 {
				t.Fatalf("after Revoke: %+v", got)
			}
			delivered := relay.delivered.Load()
			_, _ = conn.WriteTo([]byte("late"), net.UDPAddrFromAddrPort(media))
			if got := client.ask(s, username, password, stun.MethodRefresh); got != 400 {
				t.Errorf("refresh: %d, want 400", got)
			}
			if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 400 {
				t.Errorf("allocate: %d, want 400", got)
			}
			echo(t, other) // handled after all of the above
			if got := relay.delivered.Load() - delivered; got != int64(len(greeting)) {
				t.Errorf("%d bytes were delivered, want only bob's", got)
			}
			again, secret, _ := s.Credentials("alice")
			if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport()); username != again && got != 400 {
				t.Errorf("old credentials: %d", got)
			}
			if got := dialRaw(t, s).ask(s, again, secret, stun.MethodAllocate, udpTransport()); got != 0 {
				t.Errorf("new credentials: %d", got)
			}
		})
	}
}

// SE-2: an allocation that was under way when its participant was revoked
// ends, too.
func TestRevokeDuringAllocate(t *testing.T) {
	var s *Server
	s, relay := start(t, func(_ *Config, o *Options) { o.Relay = &revokingRelay{Relay: o.Relay, server: &s} })
	username, password, _ := s.Credentials("alice")
	_ = dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport())
	eventually(t, "the relay is closed", func() bool { return relay.open.Load() == 0 })
	if got := s.Snapshot(); got.Allocations != 0 || got.AllocationsTotal != 1 {
		t.Fatalf("%+v", got)
	}
}

type revokingRelay struct {
	Relay
	server **Server
}

func (r *revokingRelay) OpenRelay() (net.PacketConn, error) {
	(*r.server).Revoke("alice")
	return r.Relay.OpenRelay()
}

// SE-2: an unauthenticated request gets one answer of at most three times its
// size.
func TestReplySize(t *testing.T) {
	s, _ := start(t, func(c *Config, _ *Options) { c.Realm = "12345678" })
	kind := func(m stun.Method) stun.Setter { return stun.NewType(m, stun.ClassRequest) }
	forged := []stun.Setter{stun.NewUsername("1900000000:alice"), stun.NewRealm("x"), stun.NewNonce("abc"), stun.NewLongTermIntegrity("a", "b", "c")}
	for _, row := range []struct {
		name     string
		request  []byte
		answered bool
	}{
		{"as browsers begin", build(t, stun.TransactionID, kind(stun.MethodAllocate), udpTransport()), true},
		{"smallest", build(t, stun.TransactionID, kind(stun.MethodAllocate)), false},
		{"refresh", build(t, stun.TransactionID, kind(stun.MethodRefresh)), false},
		{"binding", build(t, stun.TransactionID, kind(stun.MethodBinding)), true},
		{"forged", build(t, append([]stun.Setter{stun.TransactionID, kind(stun.MethodAllocate)}, forged...)...), true},
		{"unknown method", build(t, stun.TransactionID, kind(stun.Method(0x123))), false},
		{"indication", build(t, stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)), false},
		{"response", build(t, stun.TransactionID, stun.BindingSuccess), false},
		{"not STUN", []byte("GET / HTTP/1.1\r\n\r\n"), false},
		{"no allocation's channel", []byte{0x40, 0, 0, 4, 1, 2, 3, 4}, false},
		{"empty", nil, false},
	} {
		client := dialRaw(t, s)
		client.send(row.request)
		wait := patience
		if !row.answered {
			wait = 50 * time.Millisecond
		}
		m := client.receive(wait)
		if (m != nil) != row.answered {
			t.Errorf("%s: answered %v, want %v", row.name, m != nil, row.answered)
			continue
		}
		if m == nil {
			continue
		}
		if len(m.Raw) > maxReplyRatio*len(row.request) {
			t.Errorf("%s: %d bytes for %d", row.name, len(m.Raw), len(row.request))
		}
		if client.receive(20*time.Millisecond) != nil {
			t.Errorf("%s: two answers", row.name)
		}
	}
	if got := s.Snapshot().Refused; got[RefusedBadMessage] == 0 {
		t.Errorf("nothing malformed was counted: %v", got)
	}
}

// SE-2: answers to the unauthenticated are bounded per source; those who hold
// credentials behind the same address go on.
func TestUnauthenticatedRate(t *testing.T) {
	s, _ := start(t, func(c *Config, o *Options) {
		c.UnauthenticatedPerSecond = 5
		o.Now = func() time.Time { return epoch }
	})
	conn, _ := allocate(t, s, "udp", "alice")
	const most = 5*limiterBurst - 1 // that took one answer, or more where it asked again
	client := dialRaw(t, s)
	request := build(t, stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), udpTransport())
	const sent = 100
	for range sent {
		client.send(request)
	}
	refused := func() int { return int(s.Snapshot().Refused[RefusedRateLimited]) }
	eventually(t, "most were refused", func() bool { return refused() >= sent-most })
	answers := 0
	for client.receive(50*time.Millisecond) != nil {
		answers++
	}
	if answers == 0 || answers > most || answers+refused() != sent {
		t.Errorf("%d answers and %d refused of %d, want %d answers at most", answers, refused(), sent, most)
	}
	echo(t, conn)
}

func TestLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(10), time.Unix(0, 0)
	prefix := func(i int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
	}
	passed := 0
	for i := range 5 * limiterSources {
		if l.allow(prefix(i), now) {
			passed++
		}
	}
	if n := len(l.young) + len(l.old); n > 2*limiterSources {
		t.Errorf("%d sources are remembered", n)
	}
	if passed != 10*limiterAll {
		t.Errorf("%d of forged sources passed, want %d", passed, 10*limiterAll)
	}
	a := &net.UDPAddr{IP: net.ParseIP("2001:db8:1:2::3"), Port: 1}
	b := &net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:ffff::4"), Port: 2}
	if sourceOf(a) != sourceOf(b) || sourceOf(a).Bits() != 64 {
		t.Errorf("%s and %s are one subscriber's", sourceOf(a), sourceOf(b))
	}
	if got := sourceOf(&net.UDPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}); got.String() != "192.0.2.1/32" {
		t.Errorf("mapped source %s", got)
	}
}

// SE-2: TCP connections are bounded per source, and what can't be framed ends
// its connection only.
func TestTCPConnections(t *testing.T) {
	s, _ := start(t, func(c *Config, _ *Options) { c.MaxTCPConnectionsPerSource = 2 })
	open := func() net.Conn {
		c, err := net.Dial("tcp", address(s))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		return c
	}
	ended := func(c net.Conn) {
		t.Helper()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Fatal("an answer")
		} else if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
			t.Fatal("the connection stays open")
		}
	}
	first, second := open(), open()
	eventually(t, "both are in", func() bool { return s.Snapshot().TCPConnections == 2 })
	ended(open())
	if got := s.Snapshot().Refused[RefusedTCPConnection]; got != 1 {
		t.Errorf("%d refused", got)
	}
	for i, junk := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), {0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0}} {
		c := []net.Conn{first, second}[i]
		if _, err := c.Write(junk); err != nil {
			t.Fatal(err)
		}
		ended(c)
	}
	eventually(t, "both are out", func() bool { return s.Snapshot().TCPConnections == 0 })
	echoConn, _ := allocate(t, s, "tcp", "alice")
	echo(t, echoConn)
}

// SE-10: the framing never returns more than it was given, never loops, and
// returns what was sent.
func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 3, 1, 2, 3, 0}, 100)
	f.Add(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...), 100)
	f.Add([]byte{0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42}, 1600)
	f.Fuzz(func(t *testing.T, in []byte, room int) {
		r := bufio.NewReaderSize(bytes.NewReader(in), 2*maxFrame)
		b := make([]byte, min(max(room, 0), 2000))
		read := 0
		for {
			n, err := readFrame(r, b)
			if err != nil {
				if !errors.Is(err, errFrame) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
				return
			}
			if n < 4 || n%4 != 0 || n > len(b) || !bytes.Equal(b[:n], in[read:read+n]) {
				t.Fatalf("a frame of %d bytes", n)
			}
			read += n
		}
	})
}

// SE-10: the guard takes anything.
func FuzzGuard(f *testing.F) {
	f.Add(build(f, stun.TransactionID, stun.BindingRequest))
	f.Add(build(f, stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest), peerAddress{media}))
	f.Add([]byte{0x40, 0, 0, 4, 1, 2, 3, 4})
	s, _ := start(f, nil)
	client := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	f.Fuzz(func(t *testing.T, b []byte) {
		g := guard{server: s}
		if v := g.inbound(b, client); v.reply != nil {
			t.Fatal("an authenticated answer to a stranger")
		}
		_ = g.outbound(b)
	})
}
