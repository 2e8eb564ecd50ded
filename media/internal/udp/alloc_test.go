//go:build !race

// The race detector makes sync.Pool drop packets at random.

package udp

import (
	"net"
	"net/netip"
	"testing"
)

// PF-8: nothing is allocated from a datagram's read through its handler to
// the sends that it causes, to the network and into a relay, whatever the
// kernel offers.
func TestFastPathDoesNotAllocate(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) {
			m := listenWith(t, cfg)
			var to []*Destination
			for range 10 {
				_, d := remote(t, m)
				to = append(to, d)
			}
			handled := make(chan struct{}, 64)
			c := viewConn(t, m.View(handlerFunc(func(b []byte, _ netip.AddrPort, out *Batch) {
				for _, d := range to {
					for range 2 {
						put(out, d, b)
					}
				}
				handled <- struct{}{}
			})), "alice")
			defer c.Close()
			client, from := dial(t, m)
			m.admit(c.group, from)
			payload := make([]byte, 1200)
			payload[0] = 0x80
			got := testing.AllocsPerRun(300, func() {
				_, _ = client.Write(payload)
				<-handled
			})
			if got >= 1 {
				t.Errorf("%v allocations per packet read", got)
			}
			r, media := openRelay(t, m)
			defer r.Close()
			m.admit(c.group, r.addr)
			to = append(to[:1], m.Destination(r.addr))
			b := make([]byte, packetSize)
			addr := net.Addr(media)
			got = testing.AllocsPerRun(300, func() {
				_, _ = r.WriteTo(payload, addr)
				<-handled
				_, _, _ = r.ReadFrom(b)
				_, _, _ = r.ReadFrom(b)
			})
			if got >= 1 {
				t.Errorf("%v allocations per packet through a relay", got)
			}
			out := m.NewBatch()
			defer out.Close()
			got = testing.AllocsPerRun(300, func() {
				out.Begin()
				for i := range 30 {
					put(out, to[0], payload[:1200-i%3])
				}
				out.End()
			})
			if got >= 1 {
				t.Errorf("%v allocations per flush of 30", got)
			}
		})
	}
}

// PF-8: nothing is allocated for a packet, in and out, socket and relay.
func TestNoAllocations(t *testing.T) {
	m := listen(t)
	c := getConn(t, m, "alice")
	defer c.Close()
	client, from := dial(t, m)
	connect(t, c, client, "alice")
	b, payload := make([]byte, packetSize), make([]byte, 1200)
	payload[0] = 0x80
	got := testing.AllocsPerRun(500, func() {
		_, _ = client.Write(payload)
		_, _, _ = c.ReadFromAddrPort(b)
		_, _ = c.WriteToAddrPort(payload, from)
		_, _ = client.Read(b)
	})
	if got >= 1 {
		t.Errorf("%v allocations per packet through the socket", got)
	}
	r, media := openRelay(t, m)
	defer r.Close()
	m.admit(c.group, r.addr)
	to := net.Addr(media)
	got = testing.AllocsPerRun(500, func() {
		_, _ = r.WriteTo(payload, to)
		_, _, _ = c.ReadFromAddrPort(b)
		_, _ = c.WriteToAddrPort(payload, r.addr)
		_, _, _ = r.ReadFrom(b)
	})
	if got >= 1 {
		t.Errorf("%v allocations per packet through a relay", got)
	}
}
