package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// attendance keeps who has joined, when, and what each looks at. Its fields
// are guarded by mu; peers are called without it.
type attendance struct {
	scenario Scenario

	// arrived has an element while somebody waits for the first layout.
	arrived chan struct{}

	mu      sync.Mutex
	members []member
	failed  map[string]int // by reason
}

// member is one participant of the scenario, by its index.
type member struct {
	id      string
	peer    peer          // nil until joined
	began   time.Time     // to join
	token   time.Duration // that the API took
	took    time.Duration // the whole join
	looking []wanted      // last layout sent; nil: none yet
}

func newAttendance(s Scenario) *attendance {
	return &attendance{
		scenario: s, arrived: make(chan struct{}, 1),
		members: make([]member, s.Participants), failed: map[string]int{},
	}
}

func (a *attendance) joined(index int, m member) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.members[index] = m
	select {
	case a.arrived <- struct{}{}:
	default: // somebody waits already; one look finds both
	}
}

func (a *attendance) failure(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed[err.Error()]++
}

// progress counts who has joined and who failed to.
func (a *attendance) progress() (joined, failed int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.members {
		if m.peer != nil {
			joined++
		}
	}
	for _, n := range a.failed {
		failed += n
	}
	return joined, failed
}

// peers are those that have joined.
func (a *attendance) peers() []peer {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []peer
	for _, m := range a.members {
		if m.peer != nil {
			all = append(all, m.peer)
		}
	}
	return all
}

// tilesLocked is what a member should look at now.
func (a *attendance) tilesLocked(viewer int) []wanted {
	tiles := a.scenario.Tiles(viewer, func(p int) bool { return a.members[p].peer != nil })
	all := make([]wanted, 0, len(tiles))
	for _, t := range tiles {
		all = append(all, wanted{a.members[t.Publisher].id, t.Width, t.Height, t.Priority})
	}
	return all
}

// change is a layout to be sent.
type change struct {
	peer  peer
	tiles []wanted
}

// changes takes the layouts that differ from what was last sent; of those who
// have had none yet only where firstOnly is set.
func (a *attendance) changes(firstOnly bool) []change {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []change
	for i := range a.members {
		m := &a.members[i]
		if m.peer == nil || firstOnly && m.looking != nil {
			continue
		}
		if tiles := a.tilesLocked(i); m.looking == nil || !slices.Equal(tiles, m.looking) {
			m.looking = tiles
			all = append(all, change{m.peer, tiles})
		}
	}
	return all
}

// keepLayouts sends who arrives a first layout at once, and everybody a new one
// at each tick by which others have come. It ends with ctx.
func (a *attendance) keepLayouts(ctx context.Context, tick <-chan time.Time) {
	for {
		var due []change
		select {
		case <-ctx.Done():
			return
		case <-a.arrived:
			due = a.changes(true)
		case <-tick:
			due = a.changes(false)
		}
		for _, c := range due {
			// A peer that can't take it is found gone at the end of the run.
			_ = c.peer.look(ctx, c.tiles)
		}
	}
}

// errGone stands for a peer that went without a reason.
var errGone = errors.New("gone without a reason")

// figures fills in how the joins went.
func (a *attendance) figures(r *Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reasons := map[string]int{}
	var join, token, first []time.Duration
	r.Joins.Planned = a.scenario.Participants
	for reason, n := range a.failed {
		r.Joins.Failed += n
		reasons["join: "+reason] += n
	}
	for i, m := range a.members {
		if m.peer == nil {
			continue
		}
		r.Joins.Completed++
		join, token = append(join, m.took), append(token, m.token)
		c := m.peer.counters()
		r.SDP += c.sdp
		r.Joins.NoKeyFrame += c.noKeyFrame
		if !c.firstFrame.IsZero() {
			r.Joins.Seeing++
			first = append(first, max(0, c.firstFrame.Sub(a.firstSightLocked(i))))
		}
		select {
		case <-m.peer.gone():
			r.Joins.Dropped++
			cause := m.peer.cause()
			if cause == nil {
				cause = errGone
			}
			reasons[fmt.Sprintf("dropped: %v", cause)]++
		default:
		}
	}
	r.Join, r.Token, r.FirstFrame = percentilesOf(join), percentilesOf(token), percentilesOf(first)
	r.Joins.Errors = countsOf(reasons)
}

// countsOf lists reasons, the most frequent first.
func countsOf(reasons map[string]int) []ErrorCount {
	all := []ErrorCount{}
	for reason, n := range reasons {
		all = append(all, ErrorCount{reason, n})
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Count > all[j].Count || all[i].Count == all[j].Count && all[i].Error < all[j].Error
	})
	return all
}

// firstSightLocked is from when a member can be expected to see somebody: its
// own join, or that of the first other publisher where that came later.
func (a *attendance) firstSightLocked(viewer int) time.Time {
	var other time.Time
	for p, m := range a.members[:a.scenario.Publishers] {
		if p != viewer && m.peer != nil && (other.IsZero() || m.began.Before(other)) {
			other = m.began
		}
	}
	if own := a.members[viewer].began; own.After(other) {
		return own
	}
	return other
}
