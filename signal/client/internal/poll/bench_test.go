//go:build linux

package poll

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkServe reads what 200 clients receive at a time: a frame of six
// packets each, sent as six datagrams or as one run (UDP_SEGMENT). An operation
// is a packet.
func BenchmarkServe(b *testing.B) {
	const clients, packets, size = 200, 6, 1100
	for _, together := range []bool{false, true} {
		b.Run(fmt.Sprintf("run=%v", together), func(b *testing.B) {
			p, err := New()
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Close(); err != nil { // its goroutine would be first
				b.Fatal(err)
			}
			var seen int
			var sockets []*Socket
			for range clients {
				fd, _, err := open(netip.MustParseAddr("127.0.0.1"))
				if err != nil {
					b.Fatal(err)
				}
				defer unix.Close(fd) //nolint:errcheck // the benchmark is over
				s := &Socket{poller: p, fd: fd, filter: func([]byte, time.Time) bool { seen++; return false }}
				sockets = append(sockets, s)
				p.sockets[int32(fd)] = s
			}
			from, _, err := open(netip.MustParseAddr("127.0.0.1"))
			if err != nil {
				b.Fatal(err)
			}
			defer unix.Close(from) //nolint:errcheck // the benchmark is over
			data := make([]byte, packets*size)
			b.ResetTimer()
			for seen < b.N {
				b.StopTimer()
				for _, s := range sockets {
					send(b, from, s.fd, data, size, together)
				}
				b.StartTimer()
				for _, s := range sockets {
					p.serve(int32(s.fd))
				}
			}
		})
	}
}

// send sends data to a socket of this process in parts.
func send(b *testing.B, from, to int, data []byte, size int, together bool) {
	b.Helper()
	name, err := unix.Getsockname(to)
	if err != nil {
		b.Fatal(err)
	}
	step := size
	if together {
		if err := unix.SetsockoptInt(from, unix.SOL_UDP, unix.UDP_SEGMENT, size); err != nil {
			b.Skipf("no UDP_SEGMENT here: %v", err)
		}
		step = len(data)
	}
	for i := 0; i < len(data); i += step {
		if err := unix.Sendto(from, data[i:i+step], 0, name); err != nil {
			b.Fatal(err)
		}
	}
}
