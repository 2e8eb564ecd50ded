package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// alone is the room of the individual consultation: any name that no other has.
const alone = "alone"

// consult has a guest of an individual consultation admitted again and again
// (PF-5).
func (r *breakoutRun) consult(ctx context.Context) error {
	if r.scenario.Admits == 0 {
		return nil
	}
	visit, err := r.api.wait(ctx)
	if err != nil {
		return fmt.Errorf("entering the waiting area: %w", err)
	}
	visitor, err := r.sit(ctx, visit, 0)
	if err != nil {
		return fmt.Errorf("waiting: %w", err)
	}
	defer visitor.leave()
	in, err := r.api.see(ctx, visit.visitID)
	if err != nil {
		return fmt.Errorf("admitting: %w", err)
	}
	// Known before anything can come of each other.
	r.where.Moving(map[string]string{visit.participantID: alone, in.participantID: alone})
	r.where.Moved()
	provider, err := r.sit(ctx, in, 1)
	if err != nil {
		return fmt.Errorf("the provider: %w", err)
	}
	defer provider.leave()
	pair := [2]seated{{visitor, visit.participantID}, {provider, in.participantID}}
	if _, _, err := r.meet(ctx, pair, time.Time{}); err != nil {
		return fmt.Errorf("admitting: %w", err)
	}
	var a admissions
	for n := range r.scenario.Admits {
		r.progress.Step("admit", n, r.scenario.Admits)
		if err := r.admitAgain(ctx, visit.visitID, pair, &a); err != nil {
			return fmt.Errorf("admitting: %w", err)
		}
	}
	r.progress.Step("admit", r.scenario.Admits, r.scenario.Admits)
	r.result.Admit = a.figures()
	for _, s := range pair {
		r.result.SDP += s.sdp()
		r.tally(s.window())
	}
	return nil
}

// seated is an attendee and their participant id.
type seated struct {
	attendee
	id string
}

// admissions are the samples of [Admissions].
type admissions struct{ request, hear, see, hearSent, seeSent []time.Duration }

func (a *admissions) figures() Admissions {
	return Admissions{
		Request: percentilesOf(a.request), Hear: percentilesOf(a.hear), See: percentilesOf(a.see),
		HearSent: percentilesOf(a.hearSent), SeeSent: percentilesOf(a.seeSent),
	}
}

// admitAgain puts the guest on hold and takes them back.
func (r *breakoutRun) admitAgain(ctx context.Context, visitID string, pair [2]seated, a *admissions) error {
	r.where.Moving(map[string]string{pair[0].id: ""})
	if err := r.api.hold(ctx, visitID); err != nil {
		return err
	}
	r.where.Moved()
	waiting, cancel := context.WithTimeout(ctx, r.scenario.patience())
	defer cancel()
	if err := pair[0].parked(waiting); err != nil {
		return err
	}
	if !sleep(ctx, settleTime) {
		return ctx.Err()
	}
	r.where.Moving(map[string]string{pair[0].id: alone})
	sent := time.Now()
	if _, err := r.api.see(ctx, visitID); err != nil {
		return err
	}
	returned := time.Now()
	r.where.Moved()
	heard, seen, err := r.meet(ctx, pair, sent)
	if err != nil {
		return err
	}
	a.request = append(a.request, returned.Sub(sent))
	a.hearSent, a.seeSent = append(a.hearSent, heard.Sub(sent)), append(a.seeSent, seen.Sub(sent))
	a.hear = append(a.hear, max(0, heard.Sub(returned)))
	a.see = append(a.see, max(0, seen.Sub(returned)))
	return nil
}

// meet waits until both receive each other's sound and video, since a time, and
// says when the later of them did.
func (r *breakoutRun) meet(ctx context.Context, pair [2]seated, since time.Time) (heard, seen time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.scenario.patience())
	defer cancel()
	for i, s := range pair {
		in, err := s.receives(ctx, pair[1-i].id, since)
		if err != nil {
			return heard, seen, err
		}
		heard, seen = later(heard, in.heard), later(seen, in.seen)
	}
	return heard, seen, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// measured is what the server's figures are of: the breakouts, or where there are
// none, the admission of all.
func (r *breakoutRun) measured(ctx context.Context) error {
	if r.scenario.Rooms == 0 {
		return r.watched(ctx, r.storm)
	}
	if err := r.storm(ctx); err != nil {
		return err
	}
	if !sleep(ctx, warmTime) {
		return ctx.Err()
	}
	return r.watched(ctx, r.breakouts)
}

// watched does something while the server and this process are watched.
func (r *breakoutRun) watched(ctx context.Context, do func(context.Context) error) error {
	runtime.GC() // what joining left behind, so that it isn't collected meanwhile
	r.collect()
	r.sum = counters{}
	r.server.enter(ctx)
	begin := currentUsage(time.Now())
	if err := do(ctx); err != nil {
		return err
	}
	r.collect()
	end := currentUsage(time.Now())
	r.server.leave(ctx)
	all := r.sum.audio.plus(r.sum.video)
	length := end.at.Sub(begin.at)
	r.result.Seconds = length.Seconds()
	r.result.Loss = all.figures(length).Loss
	r.result.Server = r.server.figures(length, all.received)
	var void []string
	r.result.Generator, void = generatorFigures(begin, end, r.sum, runtime.GOMAXPROCS(0))
	r.result.Void = r.result.Generator.Saturated
	r.result.VoidReasons = append(r.result.VoidReasons, void...)
	return nil
}

// storm lets everybody in by one request.
func (r *breakoutRun) storm(ctx context.Context) error {
	first := slices.MinFunc(r.guests, func(a, b *guest) int { return a.opened.Compare(b.opened) })
	last := slices.MaxFunc(r.guests, func(a, b *guest) int { return a.opened.Compare(b.opened) })
	storm := &r.result.Storm
	storm.LinksSeconds = figure(last.opened.Sub(first.opened).Seconds())
	r.where.Moving(r.wherever(func(int) string { return r.callID }))
	sent := time.Now()
	var err error
	if storm.Admitted, storm.Refused, err = r.api.admitAll(ctx); err != nil {
		return fmt.Errorf("admitting all: %w", err)
	}
	storm.RequestSeconds = figure(time.Since(sent).Seconds())
	r.where.Moved()
	r.result.Joins.Admitted = storm.Admitted
	in, err := r.arrive(ctx, "meet", func(int) string { return "" })
	if err != nil {
		return err
	}
	r.result.Joins.Together = len(r.guests)
	storm.Hear = since(sent, in, func(a arrival) time.Time { return a.heard })
	storm.See = since(sent, in, func(a arrival) time.Time { return a.seen })
	return nil
}

// since sums up how long after a time something came to be.
func since(from time.Time, in []arrival, at func(arrival) time.Time) Percentiles {
	var all []time.Duration
	for _, a := range in {
		all = append(all, max(0, at(a).Sub(from)))
	}
	return percentilesOf(all)
}

// arrive waits until all guests hear and see somebody in their room. Who doesn't
// is out.
func (r *breakoutRun) arrive(ctx context.Context, what string, where func(index int) string) ([]arrival, error) {
	in := make([]arrival, len(r.guests))
	errs := make([]error, len(r.guests))
	var all sync.WaitGroup
	for i, g := range r.guests {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, r.scenario.patience())
			defer cancel()
			in[i], errs[i] = g.together(ctx, where(g.index))
			if cause := g.cause(); errs[i] != nil && cause != nil {
				errs[i] = cause
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var arrived []arrival
	for i, g := range r.guests {
		if errs[i] != nil {
			r.lose(g, what, errs[i])
			continue
		}
		arrived = append(arrived, in[i])
	}
	if r.guests = r.present(); len(r.guests) == 0 {
		return nil, fmt.Errorf("%w: %v", ErrNobody, r.reasons())
	}
	return arrived, nil
}

// wherever says of all guests by participant id what where says of their index.
func (r *breakoutRun) wherever(where func(index int) string) map[string]string {
	all := make(map[string]string, len(r.guests))
	for _, g := range r.guests {
		all[g.participantID] = where(g.index)
	}
	return all
}

// collect counts what came since the last time, and returns the silences of the
// guests.
func (r *breakoutRun) collect() (silences []time.Duration) {
	for _, g := range r.guests {
		w := g.window()
		silences = append(silences, w.silence)
		r.tally(w)
	}
	r.tally(r.moderator.window())
	return silences
}

// tally adds a window to what the whole run counts.
func (r *breakoutRun) tally(w window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.audio, r.sum.video = r.sum.audio.plus(w.audio), r.sum.video.plus(w.video)
	r.sum.ticks, r.sum.lateTicks = r.sum.ticks+w.counters.ticks, r.sum.lateTicks+w.lateTicks
	r.result.NoKeyFrame += w.noKeyFrame
	r.result.Stray += w.stray
}

// reasons lists why people failed, the most frequent first.
func (r *breakoutRun) reasons() []ErrorCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	return countsOf(r.failed)
}

// finish fills in what is of the whole run.
func (r *breakoutRun) finish() {
	var took [3][]time.Duration
	for _, g := range r.guests {
		r.result.SDP += g.sdp()
		for i, t := range g.took {
			took[i] = append(took[i], t)
		}
	}
	r.result.SDP += r.moderator.sdp()
	r.result.Register, r.result.Enter = percentilesOf(took[0]), percentilesOf(took[1])
	r.result.Parked = percentilesOf(took[2])
	r.result.Joins.Errors = r.reasons()
}
