package udp

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
)

const (
	benchPacket  = 1200
	benchFrame   = 5 // packets of a frame
	benchRemotes = 50
)

// sinks are sockets that nobody reads: what overflows their small buffers the
// kernel throws away, so a benchmark times the sending.
// With gro they take a run as a whole, as a network card would.
func sinks(b *testing.B, m *Mux, gro bool) []*Destination {
	b.Helper()
	var to []*Destination
	for range benchRemotes {
		s, err := openSockets(Config{DisableGRO: !gro}, loopback)
		if err != nil {
			b.Fatal(err)
		}
		c := s[0].conn
		_ = c.SetReadBuffer(1)
		b.Cleanup(func() { _ = c.Close() })
		to = append(to, m.Destination(c.LocalAddr().(*net.UDPAddr).AddrPort()))
	}
	return to
}

// A frame of 5 packets to each of 50, per packet.
func BenchmarkWrite(b *testing.B) {
	payload := make([]byte, benchPacket)
	for _, row := range []struct {
		name  string
		cfg   Config
		frame int
		gro   bool
	}{
		{"gso", Config{Address: "127.0.0.1"}, benchFrame, false},
		{"gso-taken-whole", Config{Address: "127.0.0.1"}, benchFrame, true},
		{"gso-singles", Config{Address: "127.0.0.1"}, 1, false},
		{"sendmmsg", Config{Address: "127.0.0.1", DisableGSO: true}, benchFrame, false},
	} {
		b.Run(row.name, func(b *testing.B) {
			m := listenWith(b, row.cfg)
			to := sinks(b, m, row.gro)
			out := m.NewBatch()
			defer out.Close()
			b.ReportAllocs()
			for i := 0; i < b.N; {
				for range row.frame {
					for _, d := range to {
						room := out.Reserve(d, benchPacket)
						copy(room[:benchPacket], payload)
						out.Commit(benchPacket)
					}
				}
				out.Flush()
				i += row.frame * len(to)
			}
			reportCalls(b, m.Stats().Sends)
		})
	}
	b.Run("WriteToUDPAddrPort", func(b *testing.B) {
		m := listenWith(b, Config{Address: "127.0.0.1"})
		to := sinks(b, m, false)
		b.ReportAllocs()
		for i := range b.N {
			_, _ = m.sockets[0].conn.WriteToUDPAddrPort(payload, to[i%len(to)].addr)
		}
		reportCalls(b, uint64(b.N))
	})
}

func reportCalls(b *testing.B, calls uint64) {
	b.ReportMetric(float64(calls)/float64(b.N), "syscalls/op")
}

// Only the batch's own work: no system call.
func BenchmarkBatch(b *testing.B) {
	m := listenWith(b, Config{Address: "127.0.0.1"})
	to := sinks(b, m, false)
	out := newBatch(m, m.sockets[0], batchBytes)
	w, ok := out.sender.(interface{ prepareAll(*Batch) })
	if !ok {
		b.Log("no sendmmsg here")
		return
	}
	b.ReportAllocs()
	for i := 0; i < b.N; {
		for range benchFrame {
			for _, d := range to {
				out.Reserve(d, benchPacket)
				out.Commit(benchPacket)
			}
		}
		w.prepareAll(out)
		out.clear()
		i += benchFrame * len(to)
	}
}

// Datagrams waiting in the socket, read and handed to a handler, per packet.
// The sender's time isn't counted.
func BenchmarkRead(b *testing.B) {
	for _, row := range []struct {
		name  string
		cfg   Config
		frame int
	}{
		{"gro", Config{Address: "127.0.0.1"}, benchFrame},
		{"gro-singles", Config{Address: "127.0.0.1"}, 1},
		{"recvmmsg", Config{Address: "127.0.0.1", DisableGRO: true}, benchFrame},
		{"ReadFromUDPAddrPort", Config{Address: "127.0.0.1", portable: true}, 1},
	} {
		b.Run(row.name, func(b *testing.B) { benchmarkRead(b, row.cfg, row.frame) })
	}
}

func benchmarkRead(b *testing.B, cfg Config, frame int) {
	m, sockets := unread(b, cfg)
	var handled atomic.Int64
	c := viewConn(b, m.View(handlerFunc(func([]byte, netip.AddrPort, *Batch) { handled.Add(1) })), "alice")
	defer c.Close()
	peer := listenWith(b, Config{Address: "127.0.0.1"})
	m.admit(c.group, peer.Addresses()[0])
	to, out := peer.Destination(m.Addresses()[0]), peer.NewBatch()
	defer out.Close()
	r := &reader{mux: m, in: sockets[0].newReceiver(), out: newBatch(m, sockets[0], batchBytes)}
	const burst = 60 // packets
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += burst {
		b.StopTimer()
		for range burst / frame {
			for range frame {
				out.Reserve(to, benchPacket)[:1][0] = 0x80
				out.Commit(benchPacket)
			}
			out.Flush()
		}
		want := int64(i + burst)
		b.StartTimer()
		for handled.Load() < want {
			n, err := r.in.receive()
			if err != nil {
				b.Fatal(err)
			}
			r.handle(n)
		}
	}
	b.StopTimer()
	reportCalls(b, m.Stats().Receives)
}

// unread is a mux whose sockets nobody reads.
func unread(b *testing.B, cfg Config) (*Mux, []*socket) {
	b.Helper()
	sockets, err := openSockets(cfg, loopback)
	if err != nil {
		b.Fatal(err)
	}
	m := newMux(sockets, loopback, nil)
	b.Cleanup(func() { _ = m.Close() })
	return m, sockets
}

// Idle workers, and one more batch of somebody's.
func BenchmarkBarrier(b *testing.B) {
	m := listenWith(b, Config{Address: "127.0.0.1"})
	out := m.NewBatch()
	defer out.Close()
	for range b.N {
		m.Barrier()
	}
}
