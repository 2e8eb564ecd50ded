package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errModerator says that the group has lost its moderator.
var errModerator = errors.New("the moderator dropped out")

// roomMoves are the samples of all moves of one sort.
type roomMoves struct{ gaps, steady, told, heard, seen []time.Duration }

// breakouts opens the rooms, moves everybody between them, and closes them.
func (r *breakoutRun) breakouts(ctx context.Context) error {
	var between, back roomMoves
	moves := r.moves()
	for n, m := range moves {
		r.progress.Step("move", n, len(moves))
		into := &between
		if m.kind == moveClose {
			into = &back
		}
		if err := r.moved(ctx, m, into); err != nil {
			return err
		}
	}
	r.progress.Step("move", len(moves), len(moves))
	out := r.result
	out.AudioGap, out.SteadyGap = percentilesOf(between.gaps), percentilesOf(between.steady)
	out.Told, out.FirstAudio, out.FirstVideo = percentilesOf(between.told), percentilesOf(between.heard), percentilesOf(between.seen)
	out.Closing = Closing{
		AudioGap: percentilesOf(back.gaps), Told: percentilesOf(back.told),
		FirstAudio: percentilesOf(back.heard), FirstVideo: percentilesOf(back.seen),
	}
	return nil
}

// roomMove is one move of everybody. deal numbers where to; the main room has
// none.
type roomMove struct {
	kind string
	deal int
}

// moves are all of a run.
func (r *breakoutRun) moves() []roomMove {
	all := []roomMove{{moveOpen, 0}}
	for n := range r.scenario.Moves {
		if r.scenario.Together {
			all = append(all, roomMove{moveClose, 0}, roomMove{moveOpen, n + 1})
		} else {
			all = append(all, roomMove{moveMove, n + 1})
		}
	}
	return append(all, roomMove{moveClose, 0})
}

// dealt is who of those who are there belongs to which room, after so many moves.
func (r *breakoutRun) dealt(moves int) [][]string {
	rooms := make([][]string, r.scenario.Rooms)
	deal := r.scenario.deal(moves)
	for _, g := range r.guests {
		at := deal[g.index]
		rooms[at] = append(rooms[at], g.participantID)
	}
	return rooms
}

// request has everybody moved, and returns when the server says that it has.
func (r *breakoutRun) request(ctx context.Context, m roomMove, where func(index int) string) error {
	switch m.kind {
	case moveOpen:
		return r.api.openAll(ctx)
	case moveClose:
		return r.api.closeAll(ctx)
	}
	if !r.scenario.Singly {
		to := make(map[string]string, len(r.guests))
		for _, g := range r.guests {
			to[g.participantID] = where(g.index)
		}
		return r.api.moveAll(ctx, to)
	}
	errs := make([]error, len(r.guests))
	var all sync.WaitGroup
	for i, g := range r.guests {
		all.Go(func() { errs[i] = r.api.move(ctx, g.participantID, where(g.index)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// attend says whether the guests are being moved.
func (r *breakoutRun) attend(moving bool) {
	for _, g := range r.guests {
		g.moving(moving)
	}
}

// moved measures one move of everybody.
func (r *breakoutRun) moved(ctx context.Context, m roomMove, into *roomMoves) error {
	if !sleep(ctx, r.scenario.Pause) {
		return ctx.Err()
	}
	if m.kind == moveOpen {
		var err error
		if r.rooms, err = r.api.plan(ctx, r.dealt(m.deal)); err != nil {
			return fmt.Errorf("planning the breakouts: %w", err)
		}
	}
	where := func(int) string { return r.callID }
	if m.kind != moveClose {
		deal := r.scenario.deal(m.deal)
		where = func(index int) string { return r.rooms[deal[index]] }
	}
	r.collect()
	stray := r.result.Stray
	r.where.Moving(r.wherever(where))
	r.attend(true)
	sent := time.Now()
	if err := r.request(ctx, m, where); err != nil {
		return fmt.Errorf("%s: %w", m.kind, err)
	}
	took := time.Since(sent)
	r.where.Moved()
	in, err := r.arrive(ctx, m.kind, where)
	if err != nil {
		return err
	}
	if !sleep(ctx, settleTime) {
		return ctx.Err()
	}
	r.attend(false)
	gaps := r.collect()
	if !sleep(ctx, calmTime) {
		return ctx.Err()
	}
	steady := r.collect()
	select {
	case <-r.moderator.gone():
		return fmt.Errorf("%w: %w", errModerator, r.moderator.cause())
	default:
	}
	into.gaps, into.steady = append(into.gaps, gaps...), append(into.steady, steady...)
	for _, a := range in {
		into.told = append(into.told, a.told.Sub(sent))
		into.heard = append(into.heard, a.heard.Sub(sent))
		into.seen = append(into.seen, a.seen.Sub(sent))
	}
	r.result.Moves = append(r.result.Moves, BreakoutMove{
		Kind: m.kind, RequestSeconds: took.Seconds(), AudioGap: percentilesOf(gaps),
		Told:       since(sent, in, func(a arrival) time.Time { return a.told }),
		FirstAudio: since(sent, in, func(a arrival) time.Time { return a.heard }),
		FirstVideo: since(sent, in, func(a arrival) time.Time { return a.seen }),
		Stray:      r.result.Stray - stray,
	})
	return nil
}
