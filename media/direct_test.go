package media

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// directRoom is a publisher and viewers, all with direct carriers, who receive
// at to.
func directRoom(t testing.TB, viewers int, to netip.AddrPort) (*Engine, *cipherPeer, []*cipherPeer) {
	t.Helper()
	e, r, _ := fakeRoom(t, newFakeClock(), viewers+2, GroupPool())
	join := func(id string) *cipherPeer {
		c := addCipher(t, e, id, GroupPool(), srtp.AES128GCM, to)
		if err := e.Move(context.Background(), c.Participant, r); err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := join("a")
	a.announce(Microphone, Camera)
	var bs []*cipherPeer
	for i := range viewers {
		bs = append(bs, join(sprint("b", i)))
	}
	settled(r)
	return e, a, bs
}

// begin sends a key frame, so that every slot is open.
func (c *cipherPeer) begin(t testing.TB, out *udp.Batch) {
	t.Helper()
	// Twice: the layer is wanted once it flows.
	for n := range 2 {
		c.handle(out, c.frame(t, 7, "q", n, 1, 1000, true)...)
		settled(c.Room())
	}
}

// PF-8: the whole path, from an encrypted packet to the socket, costs no
// allocation, neither per packet nor per subscriber.
func TestDirectDoesNotAllocate(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 10, to)
	out := newBatch(t, e)
	a.begin(t, out)
	var frames [][][]byte
	for n := range 600 {
		frames = append(frames, a.frame(t, 7, "q", n+1, 5, 1000, false))
	}
	i := 0
	next := func() {
		a.handle(out, frames[i]...)
		i++
	}
	for range 300 {
		next()
	}
	before := e.Snapshot().PacketsOut
	if n := testing.AllocsPerRun(200, next); n != 0 {
		t.Errorf("%v allocations per frame of 5 packets to 10 subscribers; want 0", n)
	}
	if n, want := e.Snapshot().PacketsOut-before, uint64(201*5*len(bs)); n != want {
		t.Errorf("%d packets out; want %d: the test shows nothing", n, want)
	}
}

func BenchmarkDirect(b *testing.B) {
	for _, n := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprint("subscribers=", n), func(b *testing.B) {
			_, to := sink(b)
			e, a, _ := directRoom(b, n, to)
			out := newBatch(b, e)
			a.begin(b, out)
			var frames [][][]byte
			next := 1
			b.ReportAllocs()
			for b.Loop() {
				if len(frames) == 0 {
					b.StopTimer()
					for range 500 {
						frames = append(frames, a.frame(b, 7, "q", next, 5, 1000, false))
						next++
					}
					b.StartTimer()
				}
				a.handle(out, frames[0]...)
				frames = frames[1:]
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*5), "ns/forwarded")
			s := e.mux.Stats()
			b.ReportMetric(100*float64(s.GSOPackets)/float64(s.BatchPackets), "%GSO")
		})
	}
}

// receiver reads what is sent to c: packets and their size on the wire.
func receiver(t *testing.T, conn *net.UDPConn, c *cipherPeer) func() (rtp.Packet, int) {
	t.Helper()
	open := c.opener(t)
	buf := make([]byte, mtu)
	return func() (rtp.Packet, int) {
		t.Helper()
		for {
			must(t, conn.SetReadDeadline(time.Now().Add(patience)))
			n, err := conn.Read(buf)
			must(t, err)
			if buf[1] < 192 || buf[1] > 223 { // not RTCP
				return open(buf[:n]), n
			}
		}
	}
}

// The packets of a frame leave with equal sizes, by a byte of padding that
// costs less than 2 %; sound isn't padded, nor what is sent again.
func TestFramesAreEvened(t *testing.T) {
	conn, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	a.handle(out, a.frame(t, 7, "q", 1, 5, 1000, false)...)
	voice := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 8, PayloadType: payloadOpus}, Payload: make([]byte, 80)}
	a.handle(out, a.protect(t, named(t, voice, a.mid(Microphone), "", "")))
	var sizes []int
	for read := receiver(t, conn, bs[0]); ; {
		pkt, n := read()
		sizes = append(sizes, n)
		if pkt.SSRC == bs[0].transport.slots[0].binding.ssrc {
			break
		}
	}
	overhead := rtpHeaderLen + srtp.AES128GCM.Overhead()
	want := append(slices.Repeat([]int{1001 + overhead}, 5), 80+overhead)
	if got := sizes[len(sizes)-6:]; !slices.Equal(got, want) {
		t.Errorf("sizes %v; want %v", got, want)
	}
}

// SE-11: what a transport that is down can't be sent costs no number: after an
// outage of a whole range of numbers the stream goes on with the next one.
func TestOutageCostsNoNumbers(t *testing.T) {
	conn, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	b := bs[0]
	read := receiver(t, conn, b)
	last, _ := read()
	b.d.down()
	l := a.layer(Camera, 0)
	for n := range 40_000 {
		pkt := videoPacket("a", "q", n, n%100 == 0)
		pkt.SequenceNumber += 10
		raw, err := pkt.Marshal()
		must(t, err)
		l.handle(raw, e.now())
	}
	b.d.to.Store(e.mux.Destination(to))
	b.touchNow()
	settled(b.Room())
	for n := range 2 {
		pkt := videoPacket("a", "q", 40_000+n, n == 0)
		pkt.SequenceNumber += 10
		raw, err := pkt.Marshal()
		must(t, err)
		l.handle(raw, e.now())
	}
	for next := last.SequenceNumber + 1; ; next++ {
		pkt, _ := read()
		if pkt.SequenceNumber != next {
			t.Fatalf("number %d after the outage; want %d", pkt.SequenceNumber, next)
		}
		if strings.HasSuffix(string(pkt.Payload), "/40001") {
			break
		}
	}
	if s := e.Snapshot(); s.Dropped["spent_number"] != 0 || s.Dropped["write"] < 39_000 {
		t.Errorf("dropped: %v", s.Dropped)
	}
}

// rss is the resident memory of the process, in bytes.
func rss(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("no /proc: %v", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	must(t, err)
	return pages * os.Getpagesize()
}

// SE-3: forged and replayed datagrams, from strangers' addresses and from the
// right transport, are forwarded to nobody, cost the call nothing and no memory.
func TestForgedAndReplayed(t *testing.T) {
	n := 10_000
	if long() {
		n = 1_000_000
	}
	_, to := sink(t)
	e, a, bs := directRoom(t, 3, to)
	out := newBatch(t, e)
	a.begin(t, out)
	stranger, err := net.Dial("udp4", e.Addresses()[0].String())
	must(t, err)
	t.Cleanup(func() { _ = stranger.Close() })
	var genuine [][]byte
	for i := range n / 10 {
		genuine = append(genuine, a.frame(t, 7, "q", i+2, 1, 200, false)[0])
	}
	captured := make([][]byte, len(genuine))
	for i := range genuine {
		captured[i] = slices.Clone(genuine[i])
	}
	debug.FreeOSMemory()
	memory, before := rss(t), e.Snapshot()
	buf := make([]byte, mtu)
	for i := range n {
		if i%10 == 0 {
			a.handle(out, genuine[i/10])
		}
		b := append(buf[:0], captured[i/10]...)
		switch i % 4 {
		case 0: // replayed at once
		case 1: // replayed, old
			b = append(buf[:0], captured[i/20]...)
		case 2: // forged, ahead
			b[3]++
			b[len(b)-1]++
		case 3: // forged, of another SSRC
			b[8], b[9], b[10], b[11] = byte(i), byte(i>>8), byte(i>>16), 0xFF
		}
		a.handle(out, b)
		if i%10 == 5 {
			_, _ = stranger.Write(captured[i/10])
		}
	}
	after := e.Snapshot()
	if got, want := after.PacketsOut-before.PacketsOut, uint64(len(genuine)*len(bs)); got != want {
		t.Errorf("%d packets forwarded; want %d", got, want)
	}
	refused := after.Dropped["forged"] + after.Dropped["duplicate"] - before.Dropped["forged"] - before.Dropped["duplicate"]
	if refused != uint64(n) || after.Dropped["forged"] < uint64(n*2/5) {
		t.Errorf("%d refused; want %d: %v", refused, n, after.Dropped)
	}
	for deadline := time.Now().Add(patience); e.Snapshot().Dropped["socket_unknown_source"] == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the strangers' were not refused")
		}
	}
	debug.FreeOSMemory()
	if grown := rss(t) - memory; grown > 10<<20 {
		t.Errorf("%d MB more memory", grown>>20)
	}
}

// Snapshot tells what share of the media leaves in GSO runs.
func TestSnapshotOfTheSocket(t *testing.T) {
	_, to := sink(t)
	e, a, _ := directRoom(t, 2, to)
	if !e.mux.Stats().GSO {
		t.Skip("this kernel has no UDP_SEGMENT")
	}
	out := newBatch(t, e)
	a.begin(t, out)
	before := e.Snapshot().Socket
	a.handle(out, a.frame(t, 7, "q", 1, 5, 1000, false)...)
	after := e.Snapshot().Socket
	packets, gso, runs := after.BatchPackets-before.BatchPackets, after.GSOPackets-before.GSOPackets, after.GSORuns-before.GSORuns
	if packets != 10 || gso != 10 || runs != 2 || after.Sends-before.Sends != 1 {
		t.Errorf("%d packets, %d of them in %d runs, %d calls; want 10, 10, 2, 1", packets, gso, runs, after.Sends-before.Sends)
	}
}

// SE-11: sequence numbers, timestamps and rollover counters wrap on the way in
// and on the way out; who comes after that hears at once. Voice starts below
// the wrap, and 70,000 packets go through.
func TestWraps(t *testing.T) {
	profiles := []srtp.Profile{srtp.AES128GCM, srtp.AES256GCM, srtp.AES128CMSHA1}
	if !long() {
		profiles = profiles[:1]
	}
	for _, p := range profiles {
		conn, to := sink(t)
		e, r, _ := fakeRoom(t, newFakeClock(), 5, SmallPool())
		join := func(id string) *cipherPeer {
			c := addCipher(t, e, id, SmallPool(), p, to)
			must(t, e.Move(context.Background(), c.Participant, r))
			return c
		}
		a, b := join("a"), join("b")
		a.announce(Microphone)
		settled(r)
		out := newBatch(t, e)
		read := receiver(t, conn, b)
		var last rtp.Packet
		n := 0
		send := func() {
			pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 5, SequenceNumber: uint16(65_000 + n), Timestamp: uint32(1<<32-960*1000) + uint32(n*960), PayloadType: payloadOpus}}
			pkt.Payload = []byte(sprint("|a/", n))
			a.handle(out, a.protect(t, named(t, pkt, "0", "", "")))
			n++
		}
		check := func(got rtp.Packet) {
			t.Helper()
			if want := sprint("|a/", n-1); string(got.Payload) != want {
				t.Fatalf("profile %d: %q; want %q", p, got.Payload, want)
			}
			if n > 1 && (got.SequenceNumber != last.SequenceNumber+1 || got.Timestamp != last.Timestamp+960) {
				t.Fatalf("profile %d packet %d: number %d at %d after %d at %d", p, n, got.SequenceNumber, got.Timestamp, last.SequenceNumber, last.Timestamp)
			}
			last = got
		}
		for range 70_000 {
			send()
			pkt, _ := read()
			check(pkt)
		}
		must(t, e.Move(context.Background(), b.Participant, nil)) // one sink for both
		late := join("late")
		readLate := receiver(t, conn, late)
		last = rtp.Packet{}
		for i := range 3 {
			send()
			pkt, _ := readLate()
			if i == 0 {
				last.SequenceNumber, last.Timestamp = pkt.SequenceNumber-1, pkt.Timestamp-960
			}
			check(pkt)
		}
		if d := e.Snapshot().Dropped; d["forged"]+d["spent_number"]+d["late"] != 0 {
			t.Errorf("profile %d: dropped %v", p, d)
		}
	}
}
