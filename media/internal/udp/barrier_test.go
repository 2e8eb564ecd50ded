package udp

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// When Barrier returns, nothing of before is under way or will be sent: not in
// readers, not in relays, not in batches of others. Under load, with the race
// detector watching.
func TestBarrier(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) { testBarrier(t, cfg) })
	}
}

func testBarrier(t *testing.T, cfg Config) {
	m := listenWith(t, cfg)
	_, before := remote(t, m)
	_, after := remote(t, m)
	var route atomic.Pointer[Destination]
	var over atomic.Bool // nothing may go to before any more
	route.Store(before)
	stop := loadMux(t, m, func(b []byte, _ netip.AddrPort, out *Batch) {
		d := route.Load()
		for range 20 {
			put(out, d, b)
		}
		if d == before && over.Load() {
			t.Error("a packet went the old way after Barrier")
		}
	})
	for range 30 {
		m.Barrier() // in between, too
	}
	in := m.Stats().PacketsIn
	waitStats(t, m, "load", func(s Stats) bool { m.Barrier(); return s.PacketsIn > in+20 })
	route.Store(after)
	m.Barrier()
	over.Store(true)
	m.mu.RLock()
	batches := slices.Collect(maps.Keys(m.batches))
	m.mu.RUnlock()
	for _, b := range batches {
		b.gate.Lock() // nobody is in it now
		for i := range b.runs {
			if b.runs[i].to == before {
				t.Error("a batch still holds a packet for the old destination")
			}
		}
		b.gate.Unlock()
	}
	for range 10 {
		m.Barrier()
	}
	stop()
}

// loadMux makes forward work without a pause until stop: for readers, for a
// relay, and in a batch of its own.
func loadMux(t *testing.T, m *Mux, forward handlerFunc) (stop func()) {
	c := viewConn(t, m.View(forward), "alice")
	end := make(chan struct{})
	var work sync.WaitGroup
	load := func(f func()) {
		work.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					f()
				}
			}
		})
	}
	for range 2 {
		client, from := dial(t, m)
		m.admit(c.group, from)
		load(func() { _, _ = client.Write(rtp) })
	}
	r, media := openRelay(t, m)
	m.admit(c.group, r.addr)
	load(func() { _, _ = r.WriteTo(rtp, media) })
	own := m.NewBatch()
	load(func() {
		own.Begin()
		forward(rtp, netip.AddrPort{}, own)
		own.End()
	})
	return func() {
		close(end)
		work.Wait()
		own.Close()
		_ = r.Close()
		_ = c.Close()
	}
}

// Idle workers cost a Barrier nothing, and it waits for busy ones.
func TestBarrierWaits(t *testing.T) {
	m := listen(t)
	m.Barrier()
	entered, release := make(chan struct{}), make(chan struct{})
	c := viewConn(t, m.View(handlerFunc(func([]byte, netip.AddrPort, *Batch) {
		entered <- struct{}{}
		<-release
	})), "alice")
	defer c.Close()
	client, from := dial(t, m)
	m.admit(c.group, from)
	send(t, client, rtp)
	<-entered
	passed := make(chan struct{})
	go func() { m.Barrier(); close(passed) }()
	select {
	case <-passed:
		t.Error("Barrier didn't wait for a handler")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	<-passed
	_ = m.Close()
	m.Barrier()
}

// Close in the middle of everything ends it all.
func TestCloseUnderLoad(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) {
			m := listenWith(t, cfg)
			_, to := remote(t, m)
			c := viewConn(t, m.View(handlerFunc(func(b []byte, _ netip.AddrPort, out *Batch) {
				for range 50 {
					put(out, to, b)
				}
			})), "alice")
			var work sync.WaitGroup
			for range 3 {
				client, from := dial(t, m)
				m.admit(c.group, from)
				work.Go(func() {
					for range 500 {
						_, _ = client.Write(rtp)
					}
				})
			}
			work.Go(func() {
				b := m.NewBatch()
				defer b.Close()
				for range 500 {
					put(b, to, rtp)
				}
			})
			for m.Stats().PacketsOut == 0 {
				m.Barrier()
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			work.Wait()
			b := m.NewBatch()
			put(b, to, rtp)
			b.Close()
			if m.Stats().Dropped[DropClosed] == 0 {
				t.Error("what came after Close isn't counted")
			}
		})
	}
}

// Several readers share the port, each source always goes to the same one.
func TestReaders(t *testing.T) {
	m := listenWith(t, Config{Address: "127.0.0.1", Readers: 4})
	if len(m.sockets) == 1 {
		t.Log("ports can't be shared here: nothing to show")
		return
	}
	var mu sync.Mutex
	by := map[netip.AddrPort]map[*Batch]int{}
	done := make(chan struct{}, 1000)
	c := viewConn(t, m.View(handlerFunc(func(_ []byte, from netip.AddrPort, out *Batch) {
		mu.Lock()
		if by[from] == nil {
			by[from] = map[*Batch]int{}
		}
		by[from][out]++
		mu.Unlock()
		done <- struct{}{}
	})), "alice")
	defer c.Close()
	const clients, each = 24, 10
	for range clients {
		client, from := dial(t, m)
		m.admit(c.group, from)
		for range each {
			send(t, client, rtp)
		}
		for range each {
			<-done
		}
	}
	used := map[*Batch]bool{}
	mu.Lock()
	defer mu.Unlock()
	for from, batches := range by {
		if len(batches) != 1 {
			t.Errorf("%s came through %d readers", from, len(batches))
		}
		for b, n := range batches {
			used[b] = true
			if n != each {
				t.Errorf("%d of %d packets of %s", n, each, from)
			}
		}
	}
	if len(by) != clients || len(used) < 2 {
		t.Errorf("%d sources through %d readers", len(by), len(used))
	}
}
