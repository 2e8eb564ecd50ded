package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// reader reads one socket, and handles each batch to completion.
type reader struct {
	mux *Mux
	in  receiver
	out *Batch

	// Of the batch under way.
	packets, bytes, coalesced uint64
}

func (r *reader) loop() {
	for {
		n, err := r.in.receive()
		if err == nil {
			r.handle(n)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		r.mux.stats.drop(readError)
		select {
		case <-r.mux.done:
			return
		case <-time.After(readPause):
		}
	}
}

// flushAfter is how long what was read may wait for more to go with it.
const flushAfter = time.Millisecond

// handle handles the n messages of a read, waits for the rest of a frame that
// handlers expect, and flushes.
func (r *reader) handle(n int) {
	r.out.Begin()
	var until time.Time
	for from := 0; n > 0; {
		for i := from; i < from+n; i++ {
			r.split(r.in.arrival(i))
		}
		from += n
		if d := r.out.Deferred; d == nil || !d.Expects() {
			break
		}
		if until.IsZero() {
			until = time.Now().Add(flushAfter)
		}
		// An error comes again, at the next receive.
		n, _ = r.in.more(until)
	}
	r.out.End()
	stats := &r.mux.stats
	stats.receives.Add(1)
	stats.packetsIn.Add(r.packets)
	stats.bytesIn.Add(r.bytes)
	if r.coalesced > 0 {
		stats.groPackets.Add(r.coalesced)
	}
	r.packets, r.bytes, r.coalesced = 0, 0, 0
}

// split handles each datagram of an arrival. They have one source, which is
// looked up once.
func (r *reader) split(m arrival) {
	stats := &r.mux.stats
	if m.segment < len(m.b) {
		r.coalesced += uint64((len(m.b) + m.segment - 1) / m.segment)
	}
	if relayPrefix.Contains(m.from.Addr()) {
		stats.drops(forgedRelay, max(1, (len(m.b)+m.segment-1)/max(m.segment, 1)))
		return
	}
	var source *group
	looked := false
	for rest, first := m.b, true; first || len(rest) > 0; first = false {
		n := min(m.segment, len(rest))
		b := rest[:n:n]
		rest = rest[n:]
		why := oversize
		switch {
		case n >= packetSize:
		case !isMedia(b):
			why = r.mux.route(b, m.from, r.out)
		default:
			if !looked {
				source, looked = r.mux.sourceOf(m.from), true
			}
			why = r.mux.media(source, b, m.from, r.out)
		}
		if why != passed {
			stats.drop(why)
			continue
		}
		r.packets++
		r.bytes += uint64(n)
	}
}

// injector takes datagrams that don't come from the socket. There are a few,
// so that relays don't all wait for each other.
type injector struct {
	mux   *Mux
	mu    sync.Mutex
	batch *Batch // nil until it is used
}

// injectedBytes is the arena of an injector's batch: it handles one datagram
// at a time.
const injectedBytes = 128 << 10

// inject handles b, which the handler may change.
func (j *injector) inject(b []byte, from netip.AddrPort, route func(b []byte, from netip.AddrPort, out *Batch) reason) reason {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.batch == nil {
		j.batch = newBatch(j.mux, j.mux.sockets[0], injectedBytes)
		j.mux.mu.Lock()
		j.mux.batches[j.batch] = struct{}{}
		j.mux.mu.Unlock()
	}
	j.batch.Begin()
	defer j.batch.End()
	why := route(b, from, j.batch)
	if why == passed {
		j.mux.stats.in(len(b))
	}
	return why
}
