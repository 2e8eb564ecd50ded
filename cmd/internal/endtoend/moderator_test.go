package endtoend

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client"
)

// A moderator whose connection is cut in mid-breakouts: the others stay where
// they are and go on hearing each other, are told of nothing but who is in charge
// now, and the moderator who returns has it back (R-GC-6).
func TestModeratorIsCutOff(t *testing.T) {
	s := newConsultation(t)
	host := s.lead(byDefault)
	assistant := s.assist()
	people := s.admitted(4)
	where := s.split(people, 2, 0)
	all := append([]*attendee{assistant}, people...)
	inCharge(t, all, host.ID(), "the host is in charge")

	t.Run("closed", func(t *testing.T) {
		s.cutOff(t, assistant, people, where, func() { _ = host.Close() })
		host = s.backInCharge(t, all, byDefault)
	})
	// No FIN: the server finds out by itself.
	silent := func(t *testing.T, way func(*testing.T, *frozenLine, *client.Options)) {
		line := &frozenLine{}
		_ = host.Close() // they come again, by a line that can freeze
		inCharge(t, all, assistant.ID(), "the assistant takes over")
		host = s.backInCharge(t, all, func(o *client.Options) { way(t, line, o) })
		s.cutOff(t, assistant, people, where, line.freeze)
		_ = host.Close()
		host = s.backInCharge(t, all, byDefault)
	}
	t.Run("silent", func(t *testing.T) {
		silent(t, func(t *testing.T, line *frozenLine, o *client.Options) { o.HTTPClient = line.client(t) })
	})
	// Nor media, nor what ICE sends: as when a network cable is pulled.
	t.Run("dead", func(t *testing.T) {
		silent(t, func(t *testing.T, line *frozenLine, o *client.Options) {
			o.HTTPClient, o.UDPMux = line.client(t), line.mux(t)
		})
	})
	faultless(t, all...)
}

// inCharge waits until all are told that somebody is in charge, and returns when
// the last one was.
func inCharge(t *testing.T, all []*attendee, id, what string) time.Time {
	t.Helper()
	for _, a := range all {
		a.comesTo(t, what, func(st client.State) bool { return st.Room.Controls.InCharge == id })
	}
	return time.Now()
}

// cutOff cuts the host's connection, and sees to it that nobody notices but by
// who is in charge.
func (s *consultation) cutOff(t *testing.T, successor *attendee, people []*attendee, where []string, cut func()) {
	t.Helper()
	var before [][2]int64
	for _, a := range people {
		a.ResetStats()
		before = append(before, [2]int64{a.rooms.Load(), a.people.Load()})
	}
	from := time.Now()
	cut()
	told := inCharge(t, append([]*attendee{successor}, people...), successor.ID(), "the successor is in charge")
	t.Logf("a successor is in charge after %v (R-GC-6: 5 s)", told.Sub(from).Round(time.Millisecond))
	for i, a := range people {
		heard := a.Stats().Audio.Packets
		a.hears(t, heard+50) // a second
		st := a.State()
		if now := [2]int64{a.rooms.Load(), a.people.Load()}; now != before[i] || st.Room.ID != where[i] {
			t.Errorf("%s got messages about rooms and people: %v, before %v; is in %s", a.name, now, before[i], st.Room.ID)
		}
		if silence := a.Stats().Silence; silence > noticed {
			t.Errorf("%s heard nobody for %v", a.name, silence)
		}
	}
}

// noticed is a silence that people notice, and that a busy machine doesn't make.
const noticed = 2 * time.Second

// hears waits until somebody has received so many packets of sound.
func (a *attendee) hears(t *testing.T, packets uint64) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for a.Stats().Audio.Packets < packets {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s hears nothing more", a.name)
		}
	}
}

// backInCharge has the host return.
func (s *consultation) backInCharge(t *testing.T, all []*attendee, way func(*client.Options)) *attendee {
	t.Helper()
	from := time.Now()
	host := s.lead(way)
	told := inCharge(t, all, host.ID(), "the host has it back")
	t.Logf("the host is back and in charge after %v", told.Sub(from).Round(time.Millisecond))
	return host
}

// frozenLine is a way to the server that can go dead without a word.
type frozenLine struct {
	mu     sync.Mutex
	frozen bool
	conns  []net.Conn
}

// client makes connections that go this way.
func (l *frozenLine) client(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, conn)
		return frozenConn{conn, l}, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, conn := range l.conns {
			_ = conn.Close()
		}
	})
	return &http.Client{Transport: transport}
}

// mux makes a socket that sends and receives this way.
func (l *frozenLine) mux(t *testing.T) ice.UDPMux {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	mux := webrtc.NewICEUDPMux(nil, frozenSocket{socket, l})
	t.Cleanup(func() { _ = mux.Close() }) // and the socket
	return mux
}

// freeze lets nothing through from now on, either way.
func (l *frozenLine) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
}

// frozenConn is one connection of a line. Once that is frozen, what is written
// is lost, what comes is kept back, and closing it says nothing to the server.
type frozenConn struct {
	net.Conn
	line *frozenLine
}

// Read implements net.Conn.
func (c frozenConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.line.isFrozen() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Write implements net.Conn.
func (c frozenConn) Write(b []byte) (int, error) {
	if c.line.isFrozen() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn.
func (c frozenConn) Close() error {
	if c.line.isFrozen() {
		return nil
	}
	return c.Conn.Close()
}

// frozenSocket is a socket of a line. Once that is frozen, what is written or
// comes is lost.
type frozenSocket struct {
	net.PacketConn
	line *frozenLine
}

// ReadFrom implements net.PacketConn.
func (c frozenSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.line.isFrozen() {
			return n, from, err
		}
	}
}

// WriteTo implements net.PacketConn.
func (c frozenSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.line.isFrozen() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

func (l *frozenLine) isFrozen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.frozen
}
