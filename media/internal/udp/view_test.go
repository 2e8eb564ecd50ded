package udp

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// recorder keeps what a handler got.
type recorder struct {
	mu      sync.Mutex
	packets [][]byte
	from    netip.AddrPort
	arrived chan struct{} // one token for each
}

func newRecorder() *recorder { return &recorder{arrived: make(chan struct{}, 1<<16)} }

func (r *recorder) HandleMedia(b []byte, from netip.AddrPort, _ *Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.packets = append(r.packets, bytes.Clone(b))
	r.from = from
	clear(b) // allowed, and nobody else's
	r.arrived <- struct{}{}
}

func (r *recorder) wait(t testing.TB, n int) [][]byte {
	t.Helper()
	for range n {
		select {
		case <-r.arrived:
		case <-time.After(patience):
			t.Fatal("nothing arrived")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.packets
}

// handlerFunc is a Handler of one function.
type handlerFunc func(b []byte, from netip.AddrPort, out *Batch)

func (f handlerFunc) HandleMedia(b []byte, from netip.AddrPort, out *Batch) { f(b, from, out) }

func viewConn(t testing.TB, v *View, ufrag string) *Conn {
	t.Helper()
	pc, err := v.GetConn(ufrag, v.GetListenAddresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	c := pc.(*Conn)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return c
}

// SE-3: a handler gets media from sources that its agent validated, and
// nothing else; STUN and DTLS go to the agent. Also after an ICE restart.
func TestHandlerGetsValidatedMedia(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) {
			m := listenWith(t, cfg)
			h, foreign := newRecorder(), newRecorder()
			v := m.View(h)
			c := viewConn(t, v, "alice")
			stranger := viewConn(t, m.View(foreign), "mallory")
			defer stranger.Close()
			client, from := dial(t, m)
			send(t, client, rtp)
			waitDropped(t, m, DropUnknownSource, 1)
			connect(t, c, client, "alice")
			send(t, client, rtp)
			if got := h.wait(t, 1); !bytes.Equal(got[0], rtp) || h.from != from {
				t.Fatalf("%x from %s", got[0], h.from)
			}
			send(t, client, clientHello)
			receive(t, c, clientHello)

			restarted := viewConn(t, v, "again")
			connect(t, restarted, client, "again")
			v.RemoveConnByUfrag("alice")
			connect(t, restarted, client, "again")
			send(t, client, rtp)
			h.wait(t, 1)
			if _, err := m.GetConn("again", m.GetListenAddresses()[0]); !errors.Is(err, ErrFragmentInUse) {
				t.Errorf("another's fragment: %v", err)
			}
			_ = v.Close()
			send(t, client, rtp)
			waitDropped(t, m, DropUnknownSource, 2)
			if len(foreign.packets) != 0 {
				t.Error("a stranger got media")
			}
			waitStats(t, m, "6 datagrams in", func(s Stats) bool { return s.PacketsIn == 6 && s.Sources == 0 })
		})
	}
}

// What the kernel coalesced is split as it was sent.
func TestGROSegments(t *testing.T) {
	m, peer := listen(t), listen(t)
	if !m.Stats().GRO || !peer.Stats().GSO {
		t.Log("the kernel has no UDP_GRO: nothing to show")
		return
	}
	h := newRecorder()
	c := viewConn(t, m.View(h), "alice")
	defer c.Close()
	m.admit(c.group, peer.Addresses()[0])
	out := peer.NewBatch()
	defer out.Close()
	to := peer.Destination(m.Addresses()[0])
	var want [][]byte
	for i := range 40 {
		size := 1100
		if i%7 == 6 {
			size = 90 + i
		}
		want = append(want, stamped(size, uint32(i)))
		put(out, to, want[i])
	}
	put(out, to, clientHello) // in the same batch, not media
	out.Flush()
	for i, got := range h.wait(t, len(want)) {
		if !bytes.Equal(got, want[i]) {
			t.Fatalf("datagram %d: %d bytes, want %d", i, len(got), len(want[i]))
		}
	}
	receive(t, c, clientHello)
	waitStats(t, m, "coalesced packets", func(s Stats) bool { return s.GROPackets >= 30 && s.Receives <= 10 && s.PacketsIn == 41 })
}

// What a handler doesn't want goes to the agent: SRTCP, say.
func TestPass(t *testing.T) {
	m := listen(t)
	var v *View
	v = m.View(handlerFunc(func(b []byte, from netip.AddrPort, _ *Batch) { v.Pass(b, from) }))
	c := viewConn(t, v, "alice")
	defer c.Close()
	client, from := dial(t, m)
	m.admit(c.group, from)
	send(t, client, rtp)
	receive(t, c, rtp)
	m.View(nil).Pass(rtp, from) // another's
	waitDropped(t, m, DropUnknownSource, 1)
}

// SE-3: a flood of forged media reaches no handler.
func TestForgedFlood(t *testing.T) {
	m := listen(t)
	_, from := dial(t, m)
	forger, _ := dial(t, m)
	c := viewConn(t, m.View(handlerFunc(func(_ []byte, got netip.AddrPort, _ *Batch) {
		t.Errorf("a handler got media from %s", got)
	})), "alice")
	defer c.Close()
	m.admit(c.group, from)
	for range 10_000 {
		_, _ = forger.Write(rtp)
	}
	// What the socket's buffer had no room for is the kernel's loss.
	waitStats(t, m, "forged datagrams dropped", func(s Stats) bool { return s.Dropped[DropUnknownSource] > 100 && s.PacketsIn == 0 })
}

// A relay's media reaches the handler too, and what it writes goes out; a
// destination behind a relay goes into the pipe.
func TestHandlerBehindRelay(t *testing.T) {
	m := listen(t)
	far, to := remote(t, m)
	var back atomic.Pointer[Destination]
	c := viewConn(t, m.View(handlerFunc(func(b []byte, from netip.AddrPort, out *Batch) {
		b[1] = 97
		put(out, to, b)
		put(out, back.Load(), b)
	})), "alice")
	defer c.Close()
	r, media := openRelay(t, m)
	defer r.Close()
	back.Store(m.Destination(r.addr))
	given := bytes.Clone(rtp)
	relayTo(t, r, given, media)
	waitDropped(t, m, DropUnknownSource, 1)
	m.admit(c.group, r.addr)
	relayTo(t, r, given, media)
	if !bytes.Equal(given, rtp) {
		t.Error("the TURN server's buffer was changed")
	}
	want := bytes.Clone(rtp)
	want[1] = 97
	wantNext(t, far, [][]byte{want})
	relayFrom(t, r, want)

	// What waits for the TURN server can be taken back, media only.
	_, _ = c.WriteToAddrPort(clientHello, r.addr)
	relayTo(t, r, given, media)
	if n := back.Load().Discard(); n != 1 {
		t.Errorf("%d discarded", n)
	}
	relayFrom(t, r, clientHello)
	_ = r.Close()
	out := m.NewBatch()
	defer out.Close()
	put(out, back.Load(), want)
	put(out, m.Destination(r.addr), want)
	waitDropped(t, m, DropRelayGone, 2)
}
