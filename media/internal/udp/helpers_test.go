package udp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

const patience = 5 * time.Second

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func listen(t testing.TB) *Mux {
	t.Helper()
	m, err := Listen(Config{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func getConn(t testing.TB, m *Mux, ufrag string) *Conn {
	t.Helper()
	pc, err := m.GetConn(ufrag, m.GetListenAddresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	c := pc.(*Conn)
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// dial returns a socket whose datagrams reach m.
func dial(t testing.TB, m *Mux) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: loopback.AsSlice()}, net.UDPAddrFromAddrPort(m.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func message(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	msg, err := stun.Build(setters...)
	if err != nil {
		t.Fatal(err)
	}
	return msg.Raw
}

// check is a connectivity check for the agent with that fragment.
func check(t testing.TB, ufrag string) []byte {
	t.Helper()
	return message(t, stun.BindingRequest, stun.TransactionID, stun.NewUsername(ufrag+":peer"),
		stun.NewShortTermIntegrity("password"), stun.Fingerprint)
}

// answer is the success response to a check.
func answer(t testing.TB, request []byte) []byte {
	t.Helper()
	return message(t, &stun.Message{TransactionID: stunTransaction(request)}, stun.BindingSuccess, stun.Fingerprint)
}

func send(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// receive expects want to be the next datagram of c, and returns its source.
func receive(t testing.TB, c *Conn, want []byte) netip.AddrPort {
	t.Helper()
	b := make([]byte, packetSize)
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	if string(b[:n]) != string(want) {
		t.Fatalf("received %x, want %x", b[:n], want)
	}
	return from
}

// connect makes the agent validate the source of client.
func connect(t testing.TB, c *Conn, client *net.UDPConn, ufrag string) {
	t.Helper()
	request := check(t, ufrag)
	send(t, client, request)
	from := receive(t, c, request)
	if _, err := c.WriteToAddrPort(answer(t, request), from); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, packetSize)); err != nil {
		t.Fatal(err)
	}
}

// waitDropped waits until reason was counted n times.
func waitDropped(t testing.TB, m *Mux, reason string, n uint64) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for m.Stats().Dropped[reason] < n {
		select {
		case <-deadline:
			t.Fatalf("%s was counted %d times, want %d: %v", reason, m.Stats().Dropped[reason], n, m.Stats().Dropped)
		case <-tick.C:
		}
	}
	if got := m.Stats().Dropped[reason]; got != n {
		t.Fatalf("%s was counted %d times, want %d", reason, got, n)
	}
}

// waitStats waits until the counters are as what says.
func waitStats(t testing.TB, m *Mux, what string, reached func(Stats) bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !reached(m.Stats()) {
		select {
		case <-deadline:
			t.Fatalf("not reached: %s: %+v", what, m.Stats())
		case <-tick.C:
		}
	}
}
