package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// fakeServer stands for API and signalling. Time is that of the bubble.
type fakeServer struct {
	createErr, tokenErr, removeErr error
	// joinTime of a participant; an error for those for whom refuse holds.
	joinTime time.Duration
	refuse   func(index int) error

	mu      sync.Mutex
	removed []string
	peers   []*fakePeer
}

func (f *fakeServer) create(_ context.Context, _ string, capacity int) (string, error) {
	return fmt.Sprintf("room-%d", capacity), f.createErr
}

func (f *fakeServer) token(_ context.Context, _, name string, publisher bool) (string, string, error) {
	time.Sleep(10 * time.Millisecond)
	return "id of " + name, fmt.Sprint("token ", publisher), f.tokenErr
}

func (f *fakeServer) remove(ctx context.Context, roomID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removed = append(f.removed, roomID)
	return errors.Join(f.removeErr, ctx.Err())
}

func (f *fakeServer) join(ctx context.Context, s seat) (peer, error) {
	if !sleep(ctx, f.joinTime) {
		return nil, ctx.Err()
	}
	if f.refuse != nil {
		if err := f.refuse(s.index); err != nil {
			return nil, err
		}
	}
	p := &fakePeer{seat: s, joined: time.Now(), ended: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peers = append(f.peers, p)
	return p, nil
}

// fakePeer sends 100 packets a second and receives 1000, 1 of them lost.
type fakePeer struct {
	seat   seat
	joined time.Time
	ended  chan struct{}
	err    error

	mu      sync.Mutex
	marked  time.Time
	layouts [][]wanted
	left    bool
}

func (p *fakePeer) look(_ context.Context, tiles []wanted) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.layouts = append(p.layouts, slices.Clone(tiles))
	return nil
}

func (p *fakePeer) counters() counters {
	seconds := int64(time.Since(p.joined) / time.Second)
	return counters{
		sdp:   2,
		audio: mediaCounters{sent: 50 * seconds, received: 500 * seconds},
		video: mediaCounters{sent: 50 * seconds, received: 499 * seconds, lost: seconds},
		ticks: 100 * seconds, firstFrame: p.joined.Add(time.Second),
	}
}

func (p *fakePeer) addLatencies(_, video *hdrhistogram.Histogram) {
	_ = video.RecordValue(1000) // within its range
}

func (p *fakePeer) mark() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marked = time.Now()
}

func (p *fakePeer) gone() <-chan struct{} { return p.ended }
func (p *fakePeer) cause() error          { return p.err }

func (p *fakePeer) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = true
}

// silent is a Progress that keeps notes.
type silent struct{ notes []string }

func (*silent) Joining(int, int, int)                        {}
func (*silent) Measuring(time.Duration, time.Duration, Live) {}
func (*silent) Step(string, int, int)                        {}
func (s *silent) Note(text string)                           { s.notes = append(s.notes, text) }
func (*silent) Close()                                       {}

func fakeRun(f *fakeServer, s Scenario) (*run, *silent) {
	progress := &silent{}
	return &run{scenario: s, rooms: f, joiner: f, progress: progress, version: "test"}, progress
}

func (f *fakeServer) mustBeClean(t *testing.T) {
	t.Helper()
	if len(f.removed) != 1 {
		t.Errorf("rooms removed: %q, want one", f.removed)
	}
	for _, p := range f.peers {
		if !p.left {
			t.Errorf("peer %d has not left", p.seat.index)
		}
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{joinTime: 100 * time.Millisecond}
		s := valid()
		s.Participants, s.Publishers, s.Ramp = 10, 4, 10
		r, progress := fakeRun(f, s)
		started := time.Now()
		result, err := r.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.mustBeClean(t)
		if len(progress.notes) > 0 {
			t.Errorf("notes: %q", progress.notes)
		}
		// The last of ten begins after 0.9 s and joins within 0.11 s.
		window := started.Add(1010 * time.Millisecond)
		for _, p := range f.peers {
			if p.marked.Before(window) || p.marked.After(window.Add(progressEvery)) {
				t.Errorf("the steady window begins at %v, want %v", p.marked.Sub(started), window.Sub(started))
			}
			if p.seat.publisher != (p.seat.index < 4) || p.seat.speaks != (p.seat.index < 3) || !p.seat.simulcast ||
				p.seat.token != fmt.Sprint("token ", p.seat.publisher) {
				t.Errorf("seat: %+v", p.seat)
			}
		}
		j := result.Joins
		if j.Planned != 10 || j.Completed != 10 || j.Failed != 0 || j.Dropped != 0 || j.Seeing != 10 || !result.Complete() {
			t.Errorf("joins: %+v", j)
		}
		if result.SDP != 20 || value(t, result.Join.P95) != 0.11 || value(t, result.Token.Max) != 0.01 {
			t.Errorf("sdp %d, join %v, token %v", result.SDP, *result.Join.P95, *result.Token.Max)
		}
		// All but the first come later than the first other publisher.
		if p50, most := value(t, result.FirstFrame.P50), value(t, result.FirstFrame.Max); p50 != 1.11 || most != 1.11 {
			t.Errorf("first frame p50 %v max %v, want 1.11", p50, most)
		}
		if first := value(t, result.FirstFrame.Min); fmt.Sprintf("%.2f", first) != "1.01" {
			t.Errorf("the first participant's first frame after %v, want 1.01 from the second one's join", first)
		}
		if got := value(t, result.Loss); got < 0.000999 || got > 0.001001 {
			t.Errorf("loss %v, want 0.001", got)
		}
		if result.Audio.ReceivedPackets != 10*20*500 || result.Video.SentRate < 499 || result.Video.SentRate > 501 {
			t.Errorf("audio %+v video %+v", result.Audio, result.Video)
		}
		if result.Latency.Count != 10 || result.LatencyAudio.Count != 0 || result.LatencyVideo.Count != 10 {
			t.Errorf("latency samples %d, %d, %d", result.Latency.Count, result.LatencyAudio.Count, result.LatencyVideo.Count)
		}
		if result.Server.CPU != nil || result.Server.Problem == "" {
			t.Errorf("server figures without metrics: %+v", result.Server)
		}
	})
}

// The layout follows who is there: each sees all publishers in the end, and is
// sent nothing when nothing has changed.
func TestRunLayouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{joinTime: 100 * time.Millisecond}
		s := valid()
		s.Participants, s.Publishers, s.Ramp, s.For = 6, 3, 1, 5*time.Second
		r, _ := fakeRun(f, s)
		if _, err := r.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range f.peers {
			last := p.layouts[len(p.layouts)-1]
			want := 3
			if p.seat.publisher {
				want = 2
			}
			if len(last) != want || last[0].width != 1280 {
				t.Errorf("%d looks at %+v", p.seat.index, last)
			}
			// One as it arrives, then one for each publisher that comes.
			if most := 1 + max(0, 2-p.seat.index); len(p.layouts) != most {
				t.Errorf("%d was sent %d layouts, want %d", p.seat.index, len(p.layouts), most)
			}
		}
	})
}

func TestRunPartlyFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{refuse: func(index int) error {
			if index%2 == 1 {
				return errors.New("room full")
			}
			return nil
		}}
		s := valid()
		s.Participants, s.Publishers, s.For = 5, 5, time.Second
		r, _ := fakeRun(f, s)
		time.AfterFunc(time.Second, func() {
			f.peers[0].err = errors.New("removed")
			close(f.peers[0].ended)
		})
		result, err := r.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.mustBeClean(t)
		want := []ErrorCount{{"join: room full", 2}, {"dropped: removed", 1}}
		if j := result.Joins; j.Completed != 3 || j.Failed != 2 || j.Dropped != 1 || !slices.Equal(j.Errors, want) || result.Complete() {
			t.Errorf("joins: %+v, want errors %v", j, want)
		}
	})
}

func TestRunFails(t *testing.T) {
	refused := errors.New("refused")
	for _, row := range []struct {
		name    string
		server  *fakeServer
		want    error
		says    string
		removed int
	}{
		{"no room", &fakeServer{createErr: refused}, refused, "making the room", 0},
		{"no tokens", &fakeServer{tokenErr: refused}, ErrNobody, "token: refused", 1},
		{"no joins", &fakeServer{refuse: func(int) error { return refused }}, ErrNobody, "refused", 1},
		{"joins hang", &fakeServer{joinTime: time.Hour}, ErrNobody, "deadline", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := fakeRun(row.server, valid())
				_, err := r.do(t.Context())
				if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
					t.Errorf("%v, want %v saying %q", err, row.want, row.says)
				}
				if len(row.server.removed) != row.removed {
					t.Errorf("rooms removed: %q, want %d", row.server.removed, row.removed)
				}
			})
		})
	}
}

// An interrupt at any point leaves no room and no peer behind.
func TestRunInterrupted(t *testing.T) {
	for _, after := range []time.Duration{0, 5 * time.Millisecond, 500 * time.Millisecond, 10 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeServer{joinTime: 100 * time.Millisecond}
				r, _ := fakeRun(f, valid())
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				began := time.Now()
				if _, err := r.do(ctx); !errors.Is(err, ErrInterrupted) {
					t.Errorf("%v, want ErrInterrupted", err)
				}
				if late := time.Since(began) - after; late > time.Second {
					t.Errorf("it took %v to end", late)
				}
				f.mustBeClean(t)
			})
		})
	}
}

func TestRunNotesALeftRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{removeErr: errors.New("server gone")}
		s := valid()
		s.For = time.Second
		r, progress := fakeRun(f, s)
		if _, err := r.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(progress.notes) != 1 || !strings.Contains(progress.notes[0], "room-30") || !strings.Contains(progress.notes[0], "server gone") {
			t.Errorf("notes: %q, want one that names the room and the error", progress.notes)
		}
	})
}
