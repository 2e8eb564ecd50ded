package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// Errors of [Run], beside [ErrScenario] and those of the API client.
var (
	// ErrInterrupted: the context ended before the steady window did.
	ErrInterrupted = errors.New("interrupted; nothing was measured")
	// ErrNobody: not one participant could join.
	ErrNobody = errors.New("nobody could join")
)

// Times of a run.
const (
	defaultJoinTimeout = 30 * time.Second
	// relayoutEvery gathers joins into one new layout, as pages do.
	relayoutEvery = 200 * time.Millisecond
	// progressEvery is how often the progress of the joins is shown anew.
	progressEvery = 250 * time.Millisecond
	// liveEvery is that of the steady window: reading the counters of a
	// thousand participants takes some 10 ms, so of many they are read less
	// often: livePerPeer is what each adds.
	liveEvery   = time.Second
	livePerPeer = 10 * time.Millisecond
	// cleanupTimeout bounds the end of a run, so that an interrupt ends it even
	// when the server no longer answers.
	cleanupTimeout = 10 * time.Second
	// speakers are the publishers with a loud microphone; in a real group more
	// than three voices at a time are rare.
	speakers = 3
)

// Progress is told how a run gets on; one goroutine at a time calls it.
type Progress interface {
	// Joining says how many of total have joined and failed to.
	Joining(joined, failed, total int)
	// Measuring says how much of the steady window has passed.
	Measuring(passed, total time.Duration, now Live)
	// Step says how much of something else is done.
	Step(name string, done, total int)
	// Note says something that people should know and no figure tells.
	Note(text string)
	// Close ends the display.
	Close()
}

// Live are figures of the steady window so far.
type Live struct {
	SentRate, ReceivedRate float64 // packets per second
	Lost                   int64   // packets
	Gone                   int     // participants
}

// run is one run of a scenario against the server behind rooms and joiner.
type run struct {
	scenario Scenario
	rooms    rooms
	joiner   joiner
	server   serverWatch
	progress Progress
	version  string

	attendance *attendance
}

// do carries the run out. The room is deleted and every peer has left when it
// returns, also when it fails.
func (r *run) do(ctx context.Context) (*Result, error) {
	started := time.Now()
	r.attendance = newAttendance(r.scenario)
	r.server.started, r.server.usedBefore = r.server.read(ctx), r.server.process.cpu()
	roomID, err := r.rooms.create(ctx, "atrium-bench", r.scenario.Participants)
	if err != nil {
		return nil, interrupted(ctx, fmt.Errorf("making the room: %w", err))
	}
	defer r.cleanUp(ctx, roomID)

	stop := r.keepLayouts(ctx)
	defer stop()
	if err := r.joinAll(ctx, roomID); err != nil {
		return nil, err
	}
	result := r.blank(started)
	if err := r.measure(ctx, result); err != nil {
		return nil, err
	}
	r.attendance.figures(result)
	return result, nil
}

// interrupted replaces the error of something that was cut short.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

func (r *run) blank(started time.Time) *Result {
	s := r.scenario
	return &Result{
		Schema: SchemaRoom, Started: started.UTC().Truncate(time.Second),
		Tool: thisTool(r.version),
		Scenario: ScenarioInfo{
			URL: s.URL, Participants: s.Participants, Publishers: s.Publishers, Layout: s.Layout,
			Simulcast: s.Simulcast, Light: s.Light, AllLayers: s.AllLayers, Seconds: s.For.Seconds(), RampPerSecond: s.Ramp,
		},
		VoidReasons: []string{}, Assertions: []Verdict{},
	}
}

// thisTool says what makes results here.
func thisTool(version string) Tool {
	return Tool{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

// keepLayouts sends layouts while people come; the returned function ends that.
func (r *run) keepLayouts(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(relayoutEvery)
		defer ticker.Stop()
		r.attendance.keepLayouts(ctx, ticker.C)
	})
	return func() { cancel(); running.Wait() }
}

// joinAll begins the joins at the rate of the ramp and waits until each has
// succeeded or failed.
func (r *run) joinAll(ctx context.Context, roomID string) error {
	var joins sync.WaitGroup
	done := make(chan struct{})
	go func() {
		defer close(done)
		start := time.Now()
		for i := range r.scenario.Participants {
			due := start.Add(time.Duration(float64(i) / r.scenario.Ramp * float64(time.Second)))
			if !sleep(ctx, time.Until(due)) {
				break
			}
			joins.Go(func() {
				if err := r.joinOne(ctx, roomID, i); err != nil {
					r.attendance.failure(err)
				}
			})
		}
		joins.Wait()
	}()
	r.showJoins(done)
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	if joined, _ := r.attendance.progress(); joined == 0 {
		result := new(Result)
		r.attendance.figures(result)
		return fmt.Errorf("%w: %s", ErrNobody, result.Joins.Errors[0].Error)
	}
	return nil
}

func (r *run) showJoins(done <-chan struct{}) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		joined, failed := r.attendance.progress()
		r.progress.Joining(joined, failed, r.scenario.Participants)
		select {
		case <-done:
			joined, failed = r.attendance.progress()
			r.progress.Joining(joined, failed, r.scenario.Participants)
			return
		case <-ticker.C:
		}
	}
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (r *run) joinOne(ctx context.Context, roomID string, index int) error {
	timeout := r.scenario.JoinTimeout
	if timeout == 0 {
		timeout = defaultJoinTimeout
	}
	joining, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m := member{began: time.Now()}
	publisher := index < r.scenario.Publishers
	id, token, err := r.rooms.token(joining, roomID, fmt.Sprintf("bench %d", index+1), publisher)
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	m.id, m.token = id, time.Since(m.began)
	m.peer, err = r.joiner.join(joining, seat{
		token: token, index: index, publisher: publisher,
		simulcast: r.scenario.Simulcast, speaks: index < speakers, allLayers: r.scenario.AllLayers,
	})
	if err != nil {
		return err
	}
	m.took = time.Since(m.began)
	r.attendance.joined(index, m)
	return nil
}

// cleanUp ends the peers and deletes the room, also after an interrupt.
func (r *run) cleanUp(ctx context.Context, roomID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var leaving sync.WaitGroup
	for _, p := range r.attendance.peers() {
		leaving.Go(p.leave)
	}
	leaving.Wait()
	if err := r.rooms.remove(ctx, roomID); err != nil {
		r.progress.Note(fmt.Sprintf("could not delete the room %s: %v; delete it with DELETE /api/v1/rooms/%s", roomID, err, roomID))
	}
}
