package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

const (
	// prefixCallQuality keeps how the connections of a call that goes on have
	// been: call_quality/<call>/<run of the server> → by participant. What
	// several runs noted adds up; each writes over its own only.
	prefixCallQuality = "call_quality/"
	// qualityFlush is how often what was sampled is stored: so much is lost at
	// most when the server is killed.
	qualityFlush = time.Minute
	// qualityBatch is how many calls one transaction stores.
	qualityBatch = 100
)

// ConnectionSample is how a participant's connection does now.
type ConnectionSample struct {
	ParticipantID string
	report.Sample
}

// qualityBook holds what was sampled in this run of the server of the calls
// that go on.
type qualityBook struct {
	run string

	mu    sync.Mutex
	calls map[string]map[string]report.Quality // by call, then participant
	next  time.Time                            // when to store them
}

// of copies what was sampled of a call.
func (b *qualityBook) of(callID string) map[string]report.Quality {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.calls[callID])
}

func (b *qualityBook) add(callID string, s ConnectionSample) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls == nil {
		b.calls = make(map[string]map[string]report.Quality)
	}
	if b.calls[callID] == nil {
		b.calls[callID] = make(map[string]report.Quality)
	}
	q := b.calls[callID][s.ParticipantID]
	q.Add(s.Sample)
	b.calls[callID][s.ParticipantID] = q
}

func (b *qualityBook) forget(callIDs []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range callIDs {
		delete(b.calls, id)
	}
}

// due returns the calls to store, none before it is time.
func (b *qualityBook) due(now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next.IsZero() {
		b.next = now.Add(qualityFlush)
	}
	if now.Before(b.next) {
		return nil
	}
	b.next = now.Add(qualityFlush)
	var list []string
	for id := range b.calls {
		list = append(list, id)
	}
	return list
}

// NoteQuality is told how connections do, every few seconds: it counts for the
// call that a participant is in, if any. It is called by one goroutine at a
// time. What was noted is stored once a minute.
func (s *Service) NoteQuality(ctx context.Context, samples []ConnectionSample) error {
	calls := make([]string, len(samples))
	err := s.store.View(ctx, func(tx store.Tx) error {
		for i, sample := range samples {
			var err error
			if calls[i], err = callOf(tx, sample.ParticipantID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note the quality of calls: %w", err)
	}
	for i, sample := range samples {
		if calls[i] != "" {
			s.quality.add(calls[i], sample)
		}
	}
	due := s.quality.due(s.clock())
	for len(due) > 0 {
		batch := due[:min(len(due), qualityBatch)]
		due = due[len(batch):]
		if err := s.storeQuality(ctx, batch); err != nil {
			return fmt.Errorf("store the quality of calls: %w", err)
		}
	}
	return nil
}

// callOf is the call that a participant is in, "" when they are in none.
func callOf(tx store.Tx, participantID string) (string, error) {
	seat, err := get[seatRecord](tx, prefixParticipant+participantID)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil || seat.VisitID == "" {
		return seat.CallID, err
	}
	v, err := liveVisit(tx, seat.VisitID)
	if errors.Is(err, ErrNotFound) || err == nil && v.State != VisitInCall {
		return "", nil
	}
	return v.CallID, err
}

// storeQuality stores what was sampled of calls, and forgets those that have
// ended.
func (s *Service) storeQuality(ctx context.Context, calls []string) error {
	var over []string
	err := s.store.Update(ctx, func(tx store.Tx) error {
		over = nil
		for _, id := range calls {
			call, err := get[Call](tx, prefixCall+id)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			if err != nil || call.State != CallLive {
				over = append(over, id)
				continue
			}
			if err := put(tx, prefixCallQuality+id+"/"+s.quality.run, s.quality.of(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.quality.forget(over)
	}
	return err
}

// callQuality is how the connections of a call have been, by participant. It is
// read once in a transaction: a call that ends is asked for again by the visits
// that end with it.
func (c *change) callQuality(callID string) (map[string]report.Quality, error) {
	if known, ok := c.qualities[callID]; ok {
		return known, nil
	}
	people := c.quality.of(callID)
	if people == nil {
		people = make(map[string]report.Quality)
	}
	prefix := prefixCallQuality + callID + "/"
	err := c.Range(prefix, "", func(key string, value []byte) error {
		if key == prefix+c.quality.run {
			return nil // what is in memory includes it
		}
		noted, err := decode[map[string]report.Quality](value)
		for id, q := range noted {
			q.Merge(people[id])
			people[id] = q
		}
		return err
	})
	if c.qualities == nil {
		c.qualities = make(map[string]map[string]report.Quality)
	}
	c.qualities[callID] = people
	return people, err
}

// dropQuality deletes what was stored of a call that has ended.
func (c *change) dropQuality(callID string) error {
	var keys []string
	err := c.Range(prefixCallQuality+callID+"/", "", func(key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, c.Delete(key))
	}
	return err
}
