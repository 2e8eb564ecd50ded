package media

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/srtp"
)

// R-GC-7, R-GC-5: Move and SetMuted wait for the batch that packets are under
// way in: what is encrypted and not sent yet isn't sent after they return.
func TestMoveWaitsForTheBatch(t *testing.T) {
	rows := []struct {
		name string
		do   func(a, b *cipherPeer) error
	}{
		{"the viewer is parked", func(_, b *cipherPeer) error { return b.engine.Move(context.Background(), b.Participant, nil) }},
		{"the publisher is parked", func(a, _ *cipherPeer) error { return a.engine.Move(context.Background(), a.Participant, nil) }},
		{"the publisher is muted", func(a, _ *cipherPeer) error { return a.SetMutedByServer(Camera, true) }},
		{"the viewer leaves", func(_, b *cipherPeer) error { b.Close(CloseLeft); return nil }},
	}
	for _, row := range rows {
		conn, to := sink(t)
		e, a, bs := directRoom(t, 1, to)
		out := newBatch(t, e)
		a.begin(t, out)
		frame, late := a.frame(t, 7, "q", 1, 5, 1000, false), a.frame(t, 7, "q", 2, 5, 1000, false)
		out.Begin()
		for _, b := range frame {
			a.d.HandleMedia(b, to, out)
		}
		done := make(chan error)
		go func() { done <- row.do(a, bs[0]) }()
		select {
		case <-done:
			t.Fatalf("%s: done while a batch was open", row.name)
		case <-time.After(20 * time.Millisecond): // the longest it can take to do nothing
		}
		out.End()
		must(t, <-done)
		drain(t, conn) // sent before it was done
		a.handle(out, late...)
		if n := drain(t, conn); n != 0 {
			t.Fatalf("%s: %d packets came after it was done", row.name, n)
		}
	}
}

// drain takes what is there of media, and counts it.
func drain(t *testing.T, conn net.PacketConn) (packets int) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
	for buf := make([]byte, mtu); ; {
		if _, _, err := conn.ReadFrom(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		if buf[1] < 192 || buf[1] > 223 { // not RTCP
			packets++
		}
	}
}

// R-GC-7: so does what waits for a relay's reader: it is dropped.
func TestMoveDropsWhatWaitsForARelay(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	pipe, err := e.OpenRelay()
	must(t, err)
	t.Cleanup(func() { must(t, pipe.Close()) })
	_, err = pipe.WriteTo([]byte{0x80, 1, 2, 3}, net.UDPAddrFromAddrPort(e.Addresses()[0])) // so that it has a peer
	must(t, err)
	bs[0].d.path.Lock()
	bs[0].d.sendToLocked(e.mux.Destination(pipe.LocalAddr().(*net.UDPAddr).AddrPort()))
	bs[0].d.path.Unlock()
	out := newBatch(t, e)
	a.begin(t, out)
	a.handle(out, a.frame(t, 7, "q", 1, 5, 1000, false)...)
	must(t, pipe.SetReadDeadline(time.Now().Add(5*time.Second)))
	if _, _, err := pipe.ReadFrom(make([]byte, mtu)); err != nil {
		t.Fatalf("nothing came through the relay, the test shows nothing: %v", err)
	}
	drain(t, pipe)
	for n, redirect := range []bool{false, true} {
		a.handle(out, a.frame(t, 7, "q", 2+n, 5, 1000, n > 0)...)
		if redirect { // meanwhile it is reached by another path
			bs[0].d.path.Lock()
			bs[0].d.sendToLocked(e.mux.Destination(to))
			bs[0].d.path.Unlock()
		}
		r := bs[0].Room()
		must(t, e.Move(context.Background(), bs[0].Participant, nil))
		if n := drain(t, pipe); n != 0 {
			t.Errorf("%d packets came through the relay after the move", n)
		}
		must(t, e.Move(context.Background(), bs[0].Participant, r))
	}
}

// R-GC-7: with real batches and sockets, readers at work and many moves: after
// Move returns, not one packet of the room that was left is sent.
func TestMoveIsolatesBatches(t *testing.T) {
	e, _, _ := fakeRoom(t, nil, 20, GroupPool())
	_, nowhere := sink(t)
	var rooms []*Room
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, id := range []string{"x", "y"} {
		r, err := e.OpenRoom(RoomOptions{ID: id, Capacity: 5})
		must(t, err)
		rooms = append(rooms, r)
		a := addCipher(t, e, id, SmallPool(), srtp.AES128GCM, nowhere)
		must(t, e.Move(context.Background(), a.Participant, r))
		a.announce(Microphone)
		out := newBatch(t, e)
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Microsecond):
				}
				var packets [][]byte
				for i := range 4 {
					pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 5, SequenceNumber: uint16(4*n + i), Timestamp: uint32(4*n+i) * 960, PayloadType: payloadOpus}, Payload: []byte("|" + id + "/mic")}
					packets = append(packets, a.protect(t, named(t, pkt, "0", "", "")))
				}
				a.handle(out, packets...)
			}
		})
	}
	t.Cleanup(func() { close(stop); wg.Wait() })
	conn, to := sink(t)
	b := addCipher(t, e, "b", SmallPool(), srtp.AES128GCM, to)
	open := b.opener(t)
	buf := make([]byte, mtu)
	flag, err := net.Dial("udp", conn.LocalAddr().String())
	must(t, err)
	defer flag.Close()
	// hear returns what was sent until now: loopback keeps the order, so that
	// a flag of our own comes after all of it.
	hear := func() (marks []string) {
		raise := func() {
			_, err := flag.Write([]byte("now"))
			must(t, err)
			must(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		}
		for raise(); ; {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				raise() // it found the buffer full, which is empty now
				continue
			}
			must(t, err)
			if string(buf[:n]) == "now" {
				return marks
			}
			if buf[1] >= 192 && buf[1] <= 223 {
				continue
			}
			pkt := open(buf[:n])
			marks = append(marks, string(pkt.Payload))
		}
	}
	rnd := rand.New(rand.NewPCG(3, 1))
	heard := 0
	for range 150 {
		to := []*Room{nil, rooms[0], rooms[1]}[rnd.IntN(3)]
		must(t, e.Move(context.Background(), b.Participant, to))
		hear() // what was sent before Move returned
		<-time.After(2 * time.Millisecond)
		for _, mark := range hear() {
			heard++
			if to == nil || !strings.HasPrefix(mark, "|"+to.id+"/") {
				t.Fatalf("%q was sent after the move away from it", mark)
			}
		}
	}
	if heard == 0 {
		t.Error("nothing was heard: the test shows nothing")
	}
}
