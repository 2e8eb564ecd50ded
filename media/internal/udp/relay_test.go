package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func openRelay(t testing.TB, m *Mux) (*Relay, *net.UDPAddr) {
	t.Helper()
	pc, err := m.OpenRelay()
	if err != nil {
		t.Fatal(err)
	}
	r := pc.(*Relay)
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return r, net.UDPAddrFromAddrPort(m.Addresses()[0])
}

func relayTo(t testing.TB, r *Relay, b []byte, to net.Addr) {
	t.Helper()
	if n, err := r.WriteTo(b, to); n != len(b) || err != nil {
		t.Fatalf("WriteTo: %d, %v", n, err)
	}
}

func relayFrom(t testing.TB, r *Relay, want []byte) *net.UDPAddr {
	t.Helper()
	b := make([]byte, packetSize)
	n, from, err := r.ReadFrom(b)
	if err != nil || string(b[:n]) != string(want) {
		t.Fatalf("received %x, %v, want %x", b[:n], err, want)
	}
	return from.(*net.UDPAddr)
}

// A relay is a path like any other: checks first, then media, both ways.
func TestRelayBothWays(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	r, media := openRelay(t, m)
	defer r.Close()

	relayTo(t, r, clientHello, media)
	waitDropped(t, m, DropUnknownSource, 1) // SE-3 holds for relays too
	request := check(t, "alice")
	relayTo(t, r, request, media)
	from := receive(t, c, request)
	if !relayPrefix.Contains(from.Addr()) || from.String() != r.LocalAddr().String() {
		t.Fatalf("source %s of relay %s", from, r.LocalAddr())
	}
	response := answer(t, request)
	if _, err := c.WriteTo(response, r.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if got := relayFrom(t, r, response); got.String() != media.String() {
		t.Fatalf("the answer came from %s, want %s", got, media)
	}
	relayTo(t, r, clientHello, media)
	receive(t, c, clientHello)
	if _, err := c.WriteToAddrPort(rtp, from); err != nil {
		t.Fatal(err)
	}
	relayFrom(t, r, rtp)
	if s := m.Stats(); s.PacketsIn != 2 || s.PacketsOut != 2 || s.Relays != 1 || s.Sources != 1 {
		t.Fatalf("%+v", s)
	}

	_ = r.Close()
	if _, _, err := r.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("reading a closed relay: %v", err)
	}
	if _, err := r.WriteTo(rtp, media); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("writing to a closed relay: %v", err)
	}
	if _, err := c.WriteToAddrPort(rtp, from); err != nil {
		t.Fatal(err)
	}
	waitDropped(t, m, DropRelayGone, 1)
	if s := m.Stats(); s.Relays != 0 || s.Sources != 0 {
		t.Fatalf("a closed relay left %+v", s)
	}
}

// A client checks all our candidates at once: each answer comes from where its
// check went, media from where the client sends media.
func TestRelayRemembersDestinations(t *testing.T) {
	m, err := Listen(Config{Address: "127.0.0.1", Advertise: []netip.Addr{loopback, netip.MustParseAddr("203.0.113.7")}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c := getConn(t, m, "alice")
	defer c.Close()
	r, inside := openRelay(t, m)
	defer r.Close()
	public := net.UDPAddrFromAddrPort(m.Addresses()[1])
	first, second := check(t, "alice"), check(t, "alice")
	relayTo(t, r, first, inside)
	relayTo(t, r, second, public)
	from := receive(t, c, first)
	receive(t, c, second)
	for _, row := range []struct {
		request []byte
		want    *net.UDPAddr
	}{{first, inside}, {second, public}, {first, inside}} {
		response := answer(t, row.request)
		if _, err := c.WriteToAddrPort(response, from); err != nil {
			t.Fatal(err)
		}
		if got := relayFrom(t, r, response); got.String() != row.want.String() {
			t.Fatalf("the answer came from %s, want %s", got, row.want)
		}
	}
	relayTo(t, r, clientHello, inside)
	relayTo(t, r, check(t, "alice"), public)
	if _, err := c.WriteToAddrPort(rtp, from); err != nil {
		t.Fatal(err)
	}
	if got := relayFrom(t, r, rtp); got.String() != inside.String() {
		t.Fatalf("media came from %s, want %s", got, inside)
	}
}

// SE-1: a relay reaches the media socket and nothing else.
func TestRelayReachesMediaOnly(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	r, media := openRelay(t, m)
	defer r.Close()
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	request := check(t, "alice")
	var n uint64
	for _, to := range []net.Addr{
		sink.LocalAddr(),
		&net.TCPAddr{IP: media.IP, Port: media.Port},
		&net.UDPAddr{IP: media.IP, Port: media.Port + 1},
		&net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: media.Port},
		&net.UDPAddr{IP: net.IPv4zero, Port: media.Port},
		&net.UDPAddr{IP: net.IPv6unspecified, Port: media.Port},
		&net.UDPAddr{IP: net.ParseIP("169.254.169.254"), Port: media.Port},
		&net.UDPAddr{IP: net.ParseIP("64:ff9b::7f00:1"), Port: media.Port},
		&net.UDPAddr{IP: net.ParseIP("2002:7f00:1::"), Port: media.Port},
		&net.UDPAddr{IP: net.ParseIP("::7f00:1"), Port: media.Port},
		&net.UDPAddr{IP: net.ParseIP("224.0.0.1"), Port: media.Port},
		&net.UDPAddr{Port: media.Port},
		r.LocalAddr(),
	} {
		relayTo(t, r, request, to)
		n++
		waitDropped(t, m, DropRelayDestination, n)
	}
	if s := m.Stats(); s.PacketsIn != 0 || s.BytesIn != 0 {
		t.Fatalf("something was delivered: %+v", s)
	}
	_ = sink.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, err := sink.ReadFrom(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the sink received %d bytes, %v", n, err)
	}
	// The mapped form of the media socket's address is that address.
	relayTo(t, r, request, &net.UDPAddr{IP: media.IP.To16(), Port: media.Port})
	receive(t, c, request)
}

// SE-1: nobody on the network can pose as a relay.
func TestForgedRelaySource(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	r, _ := openRelay(t, m)
	defer r.Close()
	m.admit(c.group, r.addr)
	forger := &reader{mux: m}
	forger.split(arrival{b: rtp, segment: len(rtp), from: r.addr})
	waitDropped(t, m, DropForgedRelay, 1)
	if s := m.Stats(); s.PacketsIn != 0 || forger.packets != 0 {
		t.Fatal("a forged relay source passed")
	}
}

func TestRelayAddressesAreReusedLate(t *testing.T) {
	m := listen(t)
	seen := map[string]bool{}
	for range 500 {
		r, _ := openRelay(t, m)
		if addr := r.LocalAddr().String(); seen[addr] || !relayPrefix.Contains(r.addr.Addr()) {
			t.Fatalf("%s was given twice", addr)
		}
		seen[r.LocalAddr().String()] = true
		_ = r.Close()
	}
	// The last address is followed by the first that is free.
	held, _ := openRelay(t, m)
	defer held.Close()
	m.nextRelay = relayAddresses - 1
	last, _ := openRelay(t, m)
	defer last.Close()
	if want := "198.51.100.254:65535"; last.LocalAddr().String() != want {
		t.Fatalf("last address %s, want %s", last.LocalAddr(), want)
	}
	m.nextRelay = (int(held.addr.Addr().As4()[3])-1)*relayPorts + int(held.addr.Port()) - relayFirstPort
	next, _ := openRelay(t, m)
	defer next.Close()
	if next.addr == held.addr {
		t.Fatal("an address in use was given again")
	}
}

func TestRelayQueueAndDeadline(t *testing.T) {
	m := listen(t)
	r, media := openRelay(t, m)
	c := getConn(t, m, "alice")
	defer c.Close()
	// Nothing is sent to a client that never sent: it has no permission.
	if _, err := c.WriteToAddrPort(rtp, r.addr); err != nil {
		t.Fatal(err)
	}
	waitDropped(t, m, DropRelayGone, 1)
	relayTo(t, r, rtp, media)
	for range queueLimit + 2 {
		_, _ = c.WriteToAddrPort(rtp, r.addr)
	}
	waitDropped(t, m, DropRelayQueueFull, 2)
	_, _ = c.WriteToAddrPort(make([]byte, packetSize), r.addr)
	waitDropped(t, m, DropOversize, 1)
	relayTo(t, r, make([]byte, packetSize), media)
	waitDropped(t, m, DropOversize, 2)
	for range queueLimit {
		relayFrom(t, r, rtp)
	}
	_ = r.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := r.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("at the deadline: %v", err)
	}
	_ = r.SetReadDeadline(time.Time{})
	woken := make(chan error)
	go func() { _, _, err := r.ReadFrom(nil); woken <- err }()
	_ = m.Close() // closes what the TURN server forgot
	if err := <-woken; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
}
