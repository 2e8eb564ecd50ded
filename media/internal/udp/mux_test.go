package udp

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

var (
	clientHello = []byte{22, 254, 253, 0, 0}
	rtp         = []byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}
)

// SE-3: until the agent has answered a check with success, nothing but checks
// passes; afterwards everything does.
func TestSourceMustBeValidated(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	client, from := dial(t, m)

	send(t, client, clientHello)
	send(t, client, rtp)
	waitDropped(t, m, DropUnknownSource, 2)

	request := check(t, "alice")
	send(t, client, request)
	if got := receive(t, c, request); got != from {
		t.Fatalf("source %s, want %s", got, from)
	}
	// The check has arrived, but isn't answered: DTLS still doesn't pass.
	send(t, client, clientHello)
	waitDropped(t, m, DropUnknownSource, 3)
	// Nor does an answer of another kind admit the source.
	refusal := message(t, &stun.Message{TransactionID: stunTransaction(request)}, stun.BindingError, stun.CodeBadRequest)
	if _, err := c.WriteToAddrPort(refusal, from); err != nil {
		t.Fatal(err)
	}
	send(t, client, clientHello)
	waitDropped(t, m, DropUnknownSource, 4)

	if _, err := c.WriteToAddrPort(answer(t, request), from); err != nil {
		t.Fatal(err)
	}
	send(t, client, clientHello)
	receive(t, c, clientHello)
	send(t, client, rtp)
	receive(t, c, rtp)

	other, _ := dial(t, m)
	send(t, other, rtp)
	waitDropped(t, m, DropUnknownSource, 5)
}

// SE-10: malformed STUN is counted and disturbs nobody.
func TestBadSTUN(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	client, _ := dial(t, m)
	good := check(t, "alice")
	long := append([]byte{}, good...)
	long[23]++ // the username's length
	rows := map[string][]byte{
		"header only":       good[:20],
		"cut":               good[:len(good)-4],
		"no cookie":         append([]byte{0, 1, 0, 0}, make([]byte, 16)...),
		"attribute overrun": message(t, stun.BindingRequest, stun.TransactionID, stun.RawAttribute{Type: stun.AttrUsername, Value: []byte("alice:b")})[:24],
		"no username":       message(t, stun.BindingRequest, stun.TransactionID, stun.NewShortTermIntegrity("x")),
		"no integrity":      message(t, stun.BindingRequest, stun.TransactionID, stun.NewUsername("alice:b")),
		"no colon":          message(t, stun.BindingRequest, stun.TransactionID, stun.NewUsername("alice"), stun.NewShortTermIntegrity("x")),
		"username late":     message(t, stun.BindingRequest, stun.TransactionID, stun.NewShortTermIntegrity("x"), stun.NewUsername("alice:b")),
	}
	var n uint64
	for name, b := range rows {
		send(t, client, b)
		n++
		t.Log(name)
		waitDropped(t, m, DropBadSTUN, n)
	}
	send(t, client, check(t, "nobody"))
	waitDropped(t, m, DropUnknownUfrag, 1)
	send(t, client, make([]byte, packetSize))
	waitDropped(t, m, DropOversize, 1)
	connect(t, c, client, "alice")
}

// A known source's checks go by their username: after an ICE restart the same
// source speaks to a new fragment.
func TestRestartOnSameSource(t *testing.T) {
	m := listen(t)
	before := getConn(t, m, "before")
	client, _ := dial(t, m)
	connect(t, before, client, "before")
	after := getConn(t, m, "after")
	defer after.Close()
	request := check(t, "after")
	send(t, client, request)
	from := receive(t, after, request)
	m.RemoveConnByUfrag("before")
	if _, _, err := before.ReadFrom(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("reading a removed conn: %v", err)
	}
	if _, err := after.WriteToAddrPort(answer(t, request), from); err != nil {
		t.Fatal(err)
	}
	send(t, client, rtp)
	receive(t, after, rtp)
}

// SE-3: a participant who forges another's source can't draw its packets.
func TestLiveSourceIsNotTakenOver(t *testing.T) {
	m := listen(t)
	var now int64
	m.clock = func() int64 { return now }
	alice, mallory := getConn(t, m, "alice"), getConn(t, m, "mallory")
	defer alice.Close()
	defer mallory.Close()
	client, from := dial(t, m)
	connect(t, alice, client, "alice")

	forged := check(t, "mallory")
	now += int64(ownerQuiet) - 1
	if _, err := mallory.WriteToAddrPort(answer(t, forged), from); err != nil {
		t.Fatal(err)
	}
	waitDropped(t, m, DropSourceInUse, 1)
	send(t, client, rtp)
	receive(t, alice, rtp)
	// A source that its owner no longer uses may get another owner.
	now++
	if _, err := mallory.WriteToAddrPort(answer(t, forged), from); err != nil {
		t.Fatal(err)
	}
	send(t, client, rtp)
	receive(t, mallory, rtp)
}

func TestSourcesAreBounded(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	success := answer(t, check(t, "alice"))
	for port := range uint16(10 * maxSources) {
		m.admit(c.group, netip.AddrPortFrom(loopback, 1+port))
	}
	if got := m.Stats().Sources; got != maxSources {
		t.Fatalf("%d sources, want %d", got, maxSources)
	}
	_ = c.Close()
	if got := m.Stats().Sources; got != 0 {
		t.Fatalf("%d sources after the agent has gone", got)
	}
	if _, err := c.WriteToAddrPort(success, netip.AddrPortFrom(loopback, 9)); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("writing to a closed conn: %v", err)
	}
	if got := m.Stats().Sources; got != 0 {
		t.Fatal("a closed conn admitted a source")
	}
}

// One conn of an agent reads at a time, and the next takes over.
func TestConnsOfOneAgent(t *testing.T) {
	m := listen(t)
	first, second := getConn(t, m, "alice"), getConn(t, m, "alice")
	defer second.Close()
	client, _ := dial(t, m)
	connect(t, first, client, "alice")
	send(t, client, rtp)
	receive(t, first, rtp)
	_ = first.Close()
	send(t, client, clientHello)
	receive(t, second, clientHello)
}

func TestQueueIsBounded(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	from := netip.AddrPortFrom(loopback, 9)
	m.admit(c.group, from)
	for range queueLimit + 3 {
		if why := m.route(rtp, from, nil); why != passed {
			m.stats.drop(why)
		}
	}
	if got := m.Stats().Dropped[DropQueueFull]; got != 3 {
		t.Fatalf("%d dropped, want 3", got)
	}
	for range queueLimit {
		receive(t, c, rtp)
	}
}

func TestDeadlinesAndClose(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	read := func() error { _, _, err := c.ReadFromAddrPort(make([]byte, 10)); return err }
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("at the deadline: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	woken := make(chan error)
	for range 3 {
		go func() { woken <- read() }()
	}
	_ = c.Close()
	for range 3 {
		if err := <-woken; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.GetConn("alice", m.GetListenAddresses()[0]); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("GetConn after Close: %v", err)
	}
	if _, err := m.OpenRelay(); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("OpenRelay after Close: %v", err)
	}
}

func TestListenErrors(t *testing.T) {
	m := listen(t)
	_, err := Listen(Config{Address: "127.0.0.1", Port: m.Port()})
	if !errors.Is(err, ErrPortInUse) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("a busy port: %v", err)
	}
	for _, cfg := range []Config{{Address: "localhost"}, {Port: -1}, {Port: 65536}} {
		if m, err := Listen(cfg); err == nil {
			_ = m.Close()
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// Bound to everything, one socket serves IPv4 and IPv6, unmapped.
func TestDualStack(t *testing.T) {
	m, err := Listen(Config{Advertise: []netip.Addr{loopback, netip.MustParseAddr("::ffff:127.0.0.1"), netip.IPv6Loopback()}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if len(m.Addresses()) != 2 || int(m.Addresses()[0].Port()) != m.Port() || len(m.GetListenAddresses()) != 2 {
		t.Fatalf("addresses %v, port %d", m.Addresses(), m.Port())
	}
	v4 := getConn(t, m, "alice")
	defer v4.Close()
	pc, err := m.GetConn("alice", m.GetListenAddresses()[1])
	if err != nil {
		t.Fatal(err)
	}
	v6 := pc.(*Conn)
	defer v6.Close()
	_ = v6.SetReadDeadline(time.Now().Add(patience))
	client, from := dial(t, m)
	connect(t, v4, client, "alice")
	send(t, client, rtp)
	if got := receive(t, v4, rtp); got != from || !got.Addr().Is4() {
		t.Fatalf("source %s, want %s", got, from)
	}
	six, err := net.Dial("udp", m.Addresses()[1].String())
	if err != nil {
		t.Logf("no IPv6 on this host (%v): its half has nothing to show", err)
		return
	}
	defer six.Close()
	connect(t, v6, six.(*net.UDPConn), "alice")
}

// Everything at once, for the race detector: agents come and go while clients
// send and relays open and close.
func TestConcurrentUse(t *testing.T) {
	m := listen(t)
	var all sync.WaitGroup
	for _, ufrag := range []string{"a", "b", "c"} {
		client, from := dial(t, m)
		request := check(t, ufrag)
		success := answer(t, request)
		agents := func() {
			for i := range 50 {
				pc, err := m.GetConn(ufrag, m.GetListenAddresses()[0])
				if err != nil {
					t.Error(err)
					return
				}
				c := pc.(*Conn)
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
				_, _, _ = c.ReadFromAddrPort(make([]byte, 100))
				_, _ = c.WriteToAddrPort(success, from)
				_, _, _ = c.ReadFromAddrPort(make([]byte, 100))
				if i%2 == 0 {
					m.RemoveConnByUfrag(ufrag)
				}
				_ = c.Close()
			}
		}
		clients := func() {
			for range 200 {
				_, _ = client.Write(request)
				_, _ = client.Write(rtp)
			}
		}
		relays := func() {
			for range 50 {
				r, err := m.OpenRelay()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = r.WriteTo(request, m.GetListenAddresses()[0])
				_ = m.Stats()
				_ = r.Close()
			}
		}
		for _, f := range []func(){agents, clients, relays} {
			all.Go(f)
		}
	}
	all.Wait()
	if s := m.Stats(); s.Sources != 0 || s.Relays != 0 {
		t.Fatalf("left over: %+v", s)
	}
}
