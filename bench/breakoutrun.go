package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/signal/client/check"
)

// Times of a run of a [Breakout].
const (
	// settleTime is how long after a move a silence still counts as its own.
	settleTime = 300 * time.Millisecond
	// calmTime is watched after it, for the gaps that sound has without a move.
	calmTime = 500 * time.Millisecond
	// warmTime lets speakers and encodings settle before the first move.
	warmTime = 2 * time.Second
)

// asking is how many requests of one kind are under way at once, where it isn't
// their rate that is measured.
const asking = 16

// attender makes attendees.
type attender interface {
	// attend takes a seat and returns once the transport is connected and what
	// is to be published is being sent. rooms judges what the participant
	// receives. The attendee outlives ctx.
	attend(ctx context.Context, s seat, participantID string, rooms *check.Rooms) (attendee, error)
}

// breakoutRun is one run of a Breakout.
type breakoutRun struct {
	scenario Breakout
	api      consultation
	attender attender
	server   serverWatch
	progress Progress
	version  string

	result    *BreakoutResult
	callID    string   // of the group, and its main room's id
	rooms     []string // breakouts
	where     *check.Rooms
	moderator guest
	guests    []*guest // that haven't failed; all of the scenario, before they join
	sum       counters // of everybody, in the server's window

	mu     sync.Mutex
	failed map[string]int // by reason
}

// guest is a participant, from the registration on. One goroutine at a time
// has it.
type guest struct {
	index int
	link  string
	entry
	attendee // nil until joined
	opened   time.Time
	took     [3]time.Duration // to register, to enter, until parked
	out      bool             // failed
}

// RunBreakout carries the scenario out: it makes a unit, an area and a group over
// the API, and deletes them in the end, also when it fails or ctx ends.
//
// Some who can't join or drop out are no error, but counted in the result. Errors
// as of [Run].
func RunBreakout(ctx context.Context, s Breakout, o Options) (*BreakoutResult, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	t, err := o.tools(s.URL, s.Light)
	if err != nil {
		return nil, err
	}
	defer t.close()
	r := &breakoutRun{
		scenario: s, api: &apiConsultation{apiRooms: t.rooms}, attender: t.joiner, server: t.server,
		progress: o.Progress, version: o.Version,
	}
	return r.do(ctx)
}

// do carries the run out. Everybody has left, and what was made is deleted, when
// it returns.
func (r *breakoutRun) do(ctx context.Context) (*BreakoutResult, error) {
	r.failed, r.where = map[string]int{}, check.NewRooms()
	r.result = r.blank(time.Now())
	r.server.started, r.server.usedBefore = r.server.read(ctx), r.server.process.cpu()
	defer r.cleanUp(ctx)
	if err := r.api.create(ctx, r.scenario.Participants); err != nil {
		return nil, interrupted(ctx, fmt.Errorf("making the group: %w", err))
	}
	for _, step := range []func(context.Context) error{r.consult, r.register, r.begin, r.openLinks} {
		if err := step(ctx); err != nil {
			return nil, interrupted(ctx, err)
		}
	}
	if err := r.measured(ctx); err != nil {
		return nil, interrupted(ctx, err)
	}
	r.finish()
	return r.result, nil
}

func (r *breakoutRun) blank(started time.Time) *BreakoutResult {
	s := r.scenario
	return &BreakoutResult{
		Schema: SchemaBreakout, Started: started.UTC().Truncate(time.Second), Tool: thisTool(r.version),
		Scenario: BreakoutInfo{
			URL: s.URL, Participants: s.Participants, Rooms: s.Rooms, Moves: s.Moves, Admits: s.Admits, Together: s.Together, Singly: s.Singly,
			Simulcast: s.Simulcast, Light: s.Light, RampPerSecond: s.Ramp, PauseSeconds: s.Pause.Seconds(),
		},
		VoidReasons: []string{}, Moves: []BreakoutMove{}, Assertions: []Verdict{},
		Joins: BreakoutJoins{Planned: s.Participants},
	}
}

// register registers everybody by the group's link.
func (r *breakoutRun) register(ctx context.Context) error {
	for i := range r.scenario.Participants {
		r.guests = append(r.guests, &guest{index: i})
	}
	return r.each(ctx, "register", asking, func(ctx context.Context, g *guest) (err error) {
		began := time.Now()
		g.link, err = r.api.register(ctx, fmt.Sprintf("Bench %d", g.index+1))
		g.took[0] = time.Since(began)
		return err
	})
}

// begin starts the group, with its moderator in it.
func (r *breakoutRun) begin(ctx context.Context) error {
	r.result.Joins.Registered = len(r.guests)
	callID, in, err := r.api.start(ctx, "Moderator")
	if err != nil {
		return fmt.Errorf("starting the group: %w", err)
	}
	r.callID, r.moderator.entry = callID, in
	r.where.Moving(map[string]string{in.participantID: callID})
	r.where.Moved()
	if r.moderator.attendee, err = r.sit(ctx, in, r.scenario.Participants); err != nil {
		return fmt.Errorf("the moderator: %w", err)
	}
	return nil
}

// sit takes a seat, for which there is a limited time.
func (r *breakoutRun) sit(ctx context.Context, in entry, index int) (attendee, error) {
	ctx, cancel := context.WithTimeout(ctx, r.scenario.patience())
	defer cancel()
	return r.attender.attend(ctx, seat{
		token: in.token, index: index, publisher: true, simulcast: r.scenario.Simulcast, speaks: true,
	}, in.participantID, r.where)
}

// openLinks has everybody open their personal link, at the rate of the ramp, and
// set their transport up in the lobby.
func (r *breakoutRun) openLinks(ctx context.Context) error {
	start := time.Now()
	err := r.each(ctx, "join", 0, func(ctx context.Context, g *guest) (err error) {
		due := start.Add(time.Duration(float64(g.index) / r.scenario.Ramp * float64(time.Second)))
		if !sleep(ctx, time.Until(due)) {
			return ctx.Err()
		}
		g.opened = time.Now()
		if g.entry, err = r.api.enter(ctx, g.link); err != nil {
			return err
		}
		g.took[1] = time.Since(g.opened)
		g.attendee, err = r.sit(ctx, g.entry, g.index)
		g.took[2] = time.Since(g.opened)
		return err
	})
	r.result.Joins.Waiting = len(r.guests)
	if err == nil && len(r.guests) == 0 {
		err = fmt.Errorf("%w: %v", ErrNobody, r.reasons())
	}
	return err
}

// each does something for all guests, some at a time (0: all), and shows how far
// that is. Who fails is out. It fails only with the context.
func (r *breakoutRun) each(ctx context.Context, what string, atOnce int, do func(context.Context, *guest) error) error {
	if atOnce == 0 {
		atOnce = max(1, len(r.guests))
	}
	places := make(chan struct{}, atOnce)
	done := make(chan struct{}, len(r.guests))
	var all sync.WaitGroup
	total := len(r.guests)
	r.progress.Step(what, 0, total)
	for _, g := range r.guests {
		all.Go(func() {
			places <- struct{}{}
			err := do(ctx, g)
			<-places
			if err != nil {
				r.lose(g, what, err)
			}
			done <- struct{}{}
		})
	}
	for n := range total {
		<-done
		r.progress.Step(what, n+1, total)
	}
	all.Wait()
	r.guests = r.present()
	return ctx.Err()
}

// lose notes that somebody couldn't join, or dropped out.
func (r *breakoutRun) lose(g *guest, what string, err error) {
	if g.attendee != nil {
		r.tally(g.attendee.window())
		g.leave()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g.out = true
	if g.attendee != nil {
		r.result.SDP += g.sdp()
		r.result.Joins.Dropped++
	} else {
		r.result.Joins.Failed++
	}
	r.failed[fmt.Sprintf("%s: %v", what, err)]++
}

// present are the guests who haven't failed.
func (r *breakoutRun) present() (all []*guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.guests {
		if !g.out {
			all = append(all, g)
		}
	}
	return all
}

// cleanUp ends everybody and deletes what was made, also after an interrupt.
func (r *breakoutRun) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var leaving sync.WaitGroup
	for _, g := range append(r.guests, &r.moderator) {
		if g.attendee != nil && !g.out {
			leaving.Go(g.leave)
		}
	}
	leaving.Wait()
	if err := r.api.remove(ctx); err != nil {
		r.progress.Note(fmt.Sprintf("could not delete what this run made: %v; delete the unit whose name begins with atrium-bench", err))
	}
}
