package udp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

// modes are the ways in which a batch reaches the network.
var modes = map[string]Config{
	"gso":      {Address: "127.0.0.1"},
	"plain":    {Address: "127.0.0.1", DisableGSO: true, DisableGRO: true},
	"portable": {Address: "127.0.0.1", portable: true},
	"readers":  {Address: "127.0.0.1", Readers: 3},
	"dual":     {Advertise: []netip.Addr{loopback}}, // IPv4 on an IPv6 socket
}

func listenWith(t testing.TB, cfg Config) *Mux {
	t.Helper()
	m, err := Listen(cfg)
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

// remote is a plain socket that a batch sends to.
func remote(t testing.TB, m *Mux) (*net.UDPConn, *Destination) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = c.Close() })
	return c, m.Destination(c.LocalAddr().(*net.UDPAddr).AddrPort())
}

// put commits a datagram to d.
func put(b *Batch, d *Destination, payload []byte) {
	room := b.Reserve(d, len(payload)+10)
	b.Commit(len(append(room, payload...)))
}

// stamped is a datagram of size bytes that differs from every other.
func stamped(size int, number uint32) []byte {
	b := bytes.Repeat([]byte{byte(number)}, size)
	b[0] = 0x80
	binary.BigEndian.PutUint32(b[1:], number)
	return b
}

// wantNext expects the next datagrams of c, in this order.
func wantNext(t testing.TB, c *net.UDPConn, want [][]byte) {
	t.Helper()
	b := make([]byte, maxRunBytes)
	for i, w := range want {
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("datagram %d of %d: %v", i, len(want), err)
		}
		if !bytes.Equal(b[:n], w) {
			t.Fatalf("datagram %d of %d: %d bytes %x…, want %d bytes %x…", i, len(want), n, b[:min(n, 8)], len(w), w[:8])
		}
	}
}

// Whatever the sizes and the order of destinations: every receiver gets what
// was sent to it, byte for byte, in order; with GSO, without, and portably.
func TestBatchKeepsBytesAndOrder(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) {
			m := listenWith(t, cfg)
			out := m.NewBatch()
			defer out.Close()
			random := rand.New(rand.NewPCG(1, 2))
			const remotes = 5
			var conns [remotes]*net.UDPConn
			var to [remotes]*Destination
			for i := range remotes {
				conns[i], to[i] = remote(t, m)
			}
			var number uint32
			for range 40 {
				var want [remotes][][]byte
				sizes := []int{40 + random.IntN(1200), 40 + random.IntN(1200), 1200}
				for range random.IntN(150) {
					i := random.IntN(remotes)
					number++
					b := stamped(sizes[random.IntN(len(sizes))], number)
					put(out, to[i], b)
					want[i] = append(want[i], b)
				}
				out.Flush()
				for i := range remotes {
					wantNext(t, conns[i], want[i])
				}
			}
			s := m.Stats()
			if s.BatchPackets != uint64(number) || s.PacketsOut != uint64(number) {
				t.Errorf("%d packets counted, %d sent", s.BatchPackets, number)
			}
			if s.GSO != (s.GSOPackets > 0) || s.GSOPackets > s.BatchPackets || s.GSOPackets < 2*s.GSORuns {
				t.Errorf("GSO %v, %d packets in %d runs of %d", s.GSO, s.GSOPackets, s.GSORuns, s.BatchPackets)
			}
			if batched := name != "portable"; batched && s.Sends > 80 {
				t.Errorf("%d system calls for 40 flushes", s.Sends)
			}
		})
	}
}

// A frame of equal packets and a shorter last one to each of many, written
// packet by packet: one run for each destination, one system call for all.
func TestFramesToManyBecomeRuns(t *testing.T) {
	m := listen(t)
	if !m.Stats().GSO {
		t.Log("the kernel has no UDP_SEGMENT: nothing to show")
		return
	}
	out := m.NewBatch()
	defer out.Close()
	const remotes, packets = 50, 5
	var conns [remotes]*net.UDPConn
	var to [remotes]*Destination
	for i := range remotes {
		conns[i], to[i] = remote(t, m)
	}
	frame := [packets][]byte{}
	for k := range packets {
		frame[k] = stamped(1000-k/(packets-1), uint32(k))
		for i := range remotes {
			put(out, to[i], frame[k])
		}
	}
	if out.Pending() != remotes*packets {
		t.Errorf("%d wait", out.Pending())
	}
	out.Flush()
	for i := range remotes {
		wantNext(t, conns[i], frame[:])
	}
	if s := m.Stats(); s.Sends != 1 || s.GSORuns != remotes || s.GSOPackets != remotes*packets {
		t.Errorf("%d system calls, %d packets in %d runs", s.Sends, s.GSOPackets, s.GSORuns)
	}
}

// What a run may hold.
func TestRunLimits(t *testing.T) {
	rows := map[string]struct {
		sizes []int
		runs  []int // segments of each
	}{
		"equal":            {[]int{500, 500, 500}, []int{3}},
		"shorter is last":  {[]int{500, 500, 300, 500}, []int{3, 1}},
		"shorter, shorter": {[]int{500, 300, 300}, []int{2, 1}},
		"longer":           {[]int{300, 500, 500}, []int{1, 2}},
		"64 segments":      {repeat(100, 130), []int{64, 64, 2}},
		"65,000 bytes":     {repeat(1300, 51), []int{50, 1}},
		"one":              {[]int{700}, []int{1}},
	}
	m := listen(t)
	if !m.Stats().GSO {
		t.Log("the kernel has no UDP_SEGMENT: nothing to show")
		return
	}
	for name, row := range rows {
		b := newBatch(m, m.sockets[0], batchBytes)
		d := m.Destination(netip.AddrPortFrom(loopback, 9))
		for i, n := range row.sizes {
			put(b, d, stamped(n, uint32(i)))
		}
		var got []int
		for _, r := range b.runs {
			got = append(got, int(r.count))
		}
		if len(got) != len(row.runs) {
			t.Errorf("%s: runs %v, want %v", name, got, row.runs)
			continue
		}
		for i := range got {
			if got[i] != row.runs[i] {
				t.Errorf("%s: runs %v, want %v", name, got, row.runs)
			}
		}
		b.Discard()
		if b.Pending() != 0 {
			t.Errorf("%s: something is left", name)
		}
	}
	if s := m.Stats(); s.PacketsOut != 0 || s.Dropped[DropDiscarded] == 0 {
		t.Errorf("discarded: %+v", s)
	}
}

func repeat(v, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// A full batch is flushed, at each of its limits, and generations wrap.
func TestBatchLimits(t *testing.T) {
	m := listen(t)
	b := newBatch(m, m.sockets[0], 4096)
	c, d := remote(t, m)
	var want [][]byte
	for i := range 10 {
		want = append(want, stamped(1000, uint32(i)))
		if i == 9 {
			b.generation = 1<<32 - 1
		}
		put(b, d, want[i])
	}
	b.Flush()
	if b.generation == 0 {
		t.Fatal("generation 0 would make every slot look valid")
	}
	put(b, d, want[0])
	b.Flush()
	wantNext(t, c, append(want, want[0]))
	if b.Reserve(d, maxRunBytes+1) != nil || b.Reserve(d, -1) != nil {
		t.Error("a datagram of any size has room")
	}
	for _, n := range []int{0, -1, 101} { // more than was reserved, or nothing
		b.Reserve(d, 100)
		b.Commit(n)
	}
	b.Commit(10) // nothing reserved
	b.Reserve(nil, 10)
	b.Commit(10)
	if b.Pending() != 0 {
		t.Errorf("%d wait", b.Pending())
	}
}

// One destination used by several batches at once.
func TestDestinationIsShared(t *testing.T) {
	m := listen(t)
	c, d := remote(t, m)
	const writers, each = 4, 50
	done := make(chan struct{})
	for range writers {
		go func() {
			b := m.NewBatch()
			for i := range each {
				put(b, d, stamped(200, uint32(i)))
				if i%5 == 4 {
					b.Flush()
				}
			}
			b.Close()
			done <- struct{}{}
		}()
	}
	for range writers {
		<-done
	}
	b := make([]byte, packetSize)
	for range writers * each {
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.batches) != len(m.sockets) {
		t.Errorf("%d batches are known after all were closed", len(m.batches))
	}
}

// Socket addresses as the kernel writes them.
func TestRawAddress(t *testing.T) {
	for _, s := range []string{"192.0.2.7:1234", "[2001:db8::1]:65535", "[::1]:1", "[fe80::1%3]:9"} {
		want := netip.MustParseAddrPort(s)
		var raw [rawAddress]byte
		n := putRawAddress(&raw, want, true)
		if got := parseRawAddress(&raw); n != rawAddress || got != want {
			t.Errorf("%s on an IPv6 socket: %d bytes, %s", s, n, got)
		}
		n = putRawAddress(&raw, want, false)
		if want.Addr().Is4() != (n == rawAddress4) {
			t.Errorf("%s on an IPv4 socket: %d bytes", s, n)
		}
		if got := parseRawAddress(&raw); n > 0 && got != want {
			t.Errorf("%s on an IPv4 socket: %s", s, got)
		}
	}
}
