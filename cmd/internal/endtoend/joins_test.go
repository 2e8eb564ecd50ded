//go:build long

package endtoend

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	joinLanes = 4
	// warmJoins fill what is made once, and pools.
	warmJoins = 100
	// What may stay beyond the baseline: 5 % of the heap, and what of it the
	// collector hasn't looked at.
	heapSlack = 1 << 20
)

// used is what must be back where it was when everybody has left.
type used struct{ goroutines, descriptors, heap float64 }

// 10,000 people who join by API and WebSocket with real transports, hear
// somebody and leave again, leave nothing behind in the server: goroutines,
// file descriptors and heap are back at the baseline (SE-18).
func TestTenThousandJoins(t *testing.T) {
	// The heap is to be read, not what waits for the collector.
	t.Setenv("GOGC", "10")
	_, _, args := ownPorts(t)
	s := startServer(t, args...)
	var room struct{ ID string }
	s.post(t, "/rooms", `{"type":"plain","capacity":20}`, &room)
	connect(t, s, room.ID, "Host", "participant", s.URL,
		client.Publication{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{})})

	joins(t, s, room.ID, warmJoins)
	before := s.used(t)
	from := time.Now()
	n := setCount(t, "ATRIUM_LONG_JOINS", 10_000)
	joins(t, s, room.ID, n)
	t.Logf("%d joins and leaves in %s", n, time.Since(from).Round(time.Second))
	var after used
	for deadline := time.Now().Add(2 * time.Minute); ; {
		after = s.used(t)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors &&
			after.heap <= before.heap*1.05+heapSlack {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("before %+v, after %+v", before, after)
			break
		}
	}
	t.Logf("before %+v, after %+v", before, after)
	m := s.metrics(t)
	if got := m["atrium_media_participants"]; got != 1 {
		t.Errorf("%g participants are left; want the host", got)
	}
	if got := m["atrium_media_transports_total"]; got != float64(1+warmJoins+n) {
		t.Errorf("%g transports came up; want %d", got, 1+warmJoins+n)
	}
	if got := m["atrium_media_panics_total"] + m["atrium_signal_panics_total"]; got != 0 {
		t.Errorf("%g panics", got)
	}
}

// joins lets n people join, hear the host, and leave, some at a time.
func joins(t *testing.T, s *server, room string, n int) {
	t.Helper()
	var next atomic.Int64
	var lanes sync.WaitGroup
	failed := make(chan error, joinLanes)
	for range joinLanes {
		lanes.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if i%1000 == 0 {
					t.Logf("%d of %d joins", i, n)
				}
				if err := s.visit(t.Context(), room); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	lanes.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

// visit is one person's stay.
func (s *server) visit(ctx context.Context, room string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	token, err := s.token(ctx, room, "Guest", "participant")
	if err != nil {
		return err
	}
	c, err := client.Connect(ctx, client.Options{
		URL: s.URL, Token: token, IPFilter: net.IP.IsLoopback,
		Publish: []client.Publication{{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{})}},
	})
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer c.Close() //nolint:errcheck // it is nil always
	if err := c.WaitFor(ctx, func(st client.State) bool { return len(st.Receiving) > 0 }); err != nil {
		return fmt.Errorf("hear somebody: %w", err)
	}
	if err := c.Leave(ctx); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// used reads the server's metrics for some seconds, which makes it collect, and
// returns the least.
func (s *server) used(t *testing.T) used {
	t.Helper()
	var least used
	for i := range 50 {
		// Its connections are the server's descriptors and goroutines.
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		m := s.metrics(t)
		u := used{m["go_goroutines"], m["process_open_fds"], m["go_memstats_heap_alloc_bytes"]}
		if i == 0 {
			least = u
		}
		least = used{
			min(least.goroutines, u.goroutines), min(least.descriptors, u.descriptors), min(least.heap, u.heap),
		}
		<-time.After(50 * time.Millisecond)
	}
	return least
}
