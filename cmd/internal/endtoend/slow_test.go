//go:build long

package endtoend

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	slowRounds = 5
	slowWindow = 10 * time.Second
	// letGo is how long those that were stalled get to take in what waited.
	letGo = 3 * time.Second
	// slowViewers are who must notice nothing.
	slowViewers = 8
	// slowLimit is by how much the 99th percentile of their latency may change.
	slowLimit = 10 * time.Millisecond
)

// A receiver that stops reading its UDP socket, and one that stops reading its
// TCP connection, don't slow the others: in turns with and without, the 99th
// percentile of the others' latency stays the same within 10 ms (SE-9, SE-14).
// The best windows are compared: what a busy machine adds, it adds to some of
// either kind; what a slow receiver would add, to all that it is in.
func TestSlowReceiver(t *testing.T) {
	udpPort, tcpPort, args := ownPorts(t)
	s := startServer(t, args...)
	var room struct{ ID string }
	s.post(t, "/rooms", `{"type":"plain","capacity":20}`, &room)
	video, err := source.NewTraceVideo(source.TraceConfig{RIDs: []string{"f"}})
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s, room.ID, "Publisher", "participant", s.URL,
		client.Publication{Source: message.SourceCamera, Video: &largeVideo{TraceVideo: video}},
		client.Publication{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{})})
	var viewers []*client.Client
	for range slowViewers {
		viewers = append(viewers, connect(t, s, room.ID, "Viewer", "viewer", s.URL))
	}
	var slow []*road
	for i := range 2 {
		r := newRoad(t, udpPort, tcpPort, uint64(i))
		r.blocked.Store(i == 1) // leaves TCP
		connect(t, s, room.ID, "Slow", "viewer", r.signalling(s))
		slow = append(slow, r)
	}
	for _, v := range viewers {
		within(t, v, func(st client.State) bool { return len(st.Receiving) == 2 })
	}

	var with, without []float64
	for range setCount(t, "ATRIUM_LONG_SLOW", slowRounds) {
		without = append(without, latency(t, viewers, slowWindow))
		refused := s.refused(t)
		carried := []uint64{slow[0].datagrams.Load(), slow[1].stream.Load()}
		for _, r := range slow {
			r.stalled.Lock()
		}
		with = append(with, latency(t, viewers, slowWindow))
		for _, r := range slow {
			r.stalled.Unlock()
		}
		refused = s.refused(t) - refused
		t.Logf("99th percentile in ms: %.1f without, %.1f with slow receivers; %g packets refused to them",
			without[len(without)-1], with[len(with)-1], refused)
		if refused == 0 {
			t.Fatal("all fitted into buffers: nobody was slow")
		}
		latency(t, viewers, letGo)
		if slow[0].datagrams.Load() == carried[0] || slow[1].stream.Load() == carried[1] {
			t.Fatal("a slow receiver didn't come back: the next round would be without it")
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	t.Logf("the 99th percentiles, in ms: without %.1f, with slow receivers %.1f", without, with)
	if d := time.Duration((with[0] - without[0]) * float64(time.Millisecond)); d >= slowLimit {
		t.Errorf("the others' latency rose by %s; want less than %s", d, slowLimit)
	}
	for _, v := range viewers {
		if got := v.Stats(); got.Video.Jumps+got.Video.Timestamps+got.Video.PictureGaps+got.Video.NoKeyFrame > 0 {
			t.Errorf("a viewer judges %+v", got.Video)
		}
	}
}

// largeVideo is a video of some 6 Mbit/s: what the kernel takes in ahead for a
// TCP connection, up to 4 MB, is full within a window.
type largeVideo struct {
	*source.TraceVideo
	filled []byte
}

// Capture implements source.Video.
func (v *largeVideo) Capture(p *source.Picture, req source.Request) error {
	if err := v.TraceVideo.Capture(p, req); err != nil {
		return err
	}
	for i := range p.Frames {
		f := &p.Frames[i]
		v.filled = append(append(v.filled[:0], f.Data...), make([]byte, 4*len(f.Data))...)
		f.Data = v.filled // there is one encoding
	}
	return nil
}

// refused is how many packets didn't fit into a queue to somebody.
func (s *server) refused(t *testing.T) float64 {
	t.Helper()
	m := s.metrics(t)
	return m[`atrium_media_packets_dropped_total{reason="write"}`] + m[`atrium_media_packets_dropped_total{reason="socket_tcp_queue_full"}`]
}

// latency lets a window pass and returns the 99th percentile of all, in ms.
func latency(t *testing.T, viewers []*client.Client, window time.Duration) float64 {
	t.Helper()
	for _, v := range viewers {
		v.ResetStats()
	}
	timer := time.NewTimer(window)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
	all := check.NewLatency()
	for _, v := range viewers {
		v.AddLatency(all, all)
	}
	if all.TotalCount() < slowViewers*100 {
		t.Fatalf("%d packets for all in %s", all.TotalCount(), window)
	}
	return float64(all.ValueAtPercentile(99)) / 1000
}

// connect joins a room with a client, until the test ends.
func connect(t *testing.T, s *server, room, name, role, url string, publish ...client.Publication) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	token, err := s.token(ctx, room, name, role)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(ctx, client.Options{
		URL: url, Token: token, NearWrap: true, IPFilter: net.IP.IsLoopback,
		NetworkTypes: []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4},
		Publish:      publish,
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// within waits for a state.
func within(t *testing.T, c *client.Client, ok func(client.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.WaitFor(ctx, ok); err != nil {
		t.Fatalf("%v; the state is %+v", err, c.State())
	}
}
