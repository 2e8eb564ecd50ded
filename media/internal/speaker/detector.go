package speaker

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Ranked is a source and how loud it is, from 0 (just audible) to 1.
type Ranked struct {
	ID    uint32
	Level float64
}

// Detector finds the loudest sources of one room and those who speak. Times
// are on the caller's monotonic clock.
type Detector struct {
	cfg Config

	// meters by id: replaced, never changed, so that Observe needs no lock.
	meters atomic.Pointer[map[uint32]*meter]

	mu       sync.Mutex // all below, and the meters' own fields
	ticked   bool
	now      time.Duration // of the last tick
	changed  bool          // a member was removed since
	spoke    bool          // a speaker was removed since
	members  []*meter      // of the loudest N
	others   []*meter      // scratch: candidates for a place
	loudest  []Ranked      // result, reused
	speaking []Ranked      // result, reused
}

// New makes a detector. Zero fields of cfg mean their defaults.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg.withDefaults()}
	d.meters.Store(&map[uint32]*meter{})
	return d
}

// Add begins to listen to a source. It does nothing when id is known.
func (d *Detector) Add(id uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.meters.Load()
	if old[id] != nil {
		return
	}
	meters := maps.Clone(old)
	meters[id] = &meter{id: id}
	d.meters.Store(&meters)
}

// Remove forgets a source; its place is empty from the next tick on.
func (d *Detector) Remove(id uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.meters.Load()
	m := old[id]
	if m == nil {
		return
	}
	meters := maps.Clone(old)
	delete(meters, id)
	d.meters.Store(&meters)
	if m.member {
		d.members = slices.DeleteFunc(d.members, func(other *meter) bool { return other == m })
		d.changed = true
	}
	d.spoke = d.spoke || m.speaking
}

// Observe takes in the level of one packet: -dBov, 0 (loudest) to 127, as
// ParseAudioLevel of package codec returns it. Unknown ids are ignored. It may
// be called from any goroutine, doesn't wait and doesn't allocate.
func (d *Detector) Observe(id uint32, level uint8, now time.Duration) {
	if m := (*d.meters.Load())[id]; m != nil {
		m.observe(level, now)
	}
}

// Tick works out the lists; call it every 100 ms. loudest are those to be
// forwarded, loudest first, at most N: among them some who are quiet at the
// moment. changed says that one joined or left them (not that their order is
// another). loudest is valid until the next Tick.
func (d *Detector) Tick(now time.Duration) (loudest []Ranked, changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	elapsed := time.Duration(0)
	if d.ticked {
		elapsed = max(now-d.now, 0)
	}
	d.ticked, d.now = true, now

	changed, d.changed = d.changed, false
	meters := *d.meters.Load()
	d.others = d.others[:0]
	for _, m := range meters {
		m.tick(now, elapsed)
		d.spoke = m.speak(&d.cfg, elapsed) || d.spoke
		if !m.member {
			d.others = append(d.others, m)
		}
	}
	if d.leaveLocked(now) {
		changed = true
	}
	slices.SortFunc(d.others, louderFirst)
	if d.enterLocked(now, elapsed) {
		changed = true
	}
	slices.SortFunc(d.members, louderFirst)
	d.loudest = d.loudest[:0]
	for _, m := range d.members {
		d.loudest = append(d.loudest, Ranked{ID: m.id, Level: m.level(&d.cfg)})
	}
	return d.loudest, changed
}

// leaveLocked empties the places of those who have been quiet for Hold.
func (d *Detector) leaveLocked(now time.Duration) bool {
	before := len(d.members)
	d.members = slices.DeleteFunc(d.members, func(m *meter) bool {
		if m.loudest >= d.cfg.Audible {
			m.quietSince = now
		}
		m.member = now-m.quietSince < d.cfg.Hold
		return !m.member
	})
	return len(d.members) != before
}

// enterLocked gives places to those who are due one: d.others, loudest first.
func (d *Detector) enterLocked(now, elapsed time.Duration) bool {
	changed := false
	for _, m := range d.others {
		if m.loudest < d.cfg.Audible {
			m.louder = max(m.louder-elapsed, 0)
			continue
		}
		if len(d.members) < d.cfg.N {
			d.members = append(d.members, m)
			m.enter(now)
			changed = true
			continue
		}
		i := quietest(d.members)
		// Not the newcomer's smoothed loudness: that outlasts a bang.
		if m.loudness < d.members[i].rank+d.cfg.Margin {
			m.louder = max(m.louder-elapsed, 0)
			continue
		}
		if m.louder += elapsed; m.louder < d.cfg.MarginTime {
			continue
		}
		d.members[i].member = false
		d.members[i] = m
		m.enter(now)
		changed = true
	}
	return changed
}

func (m *meter) enter(now time.Duration) {
	m.member, m.quietSince, m.louder = true, now, 0
}

// Speaking returns those who speak as of the last Tick, loudest first. changed
// says that one began or stopped since the last call. The list is valid until
// the next call; Tick and Speaking are to be called by one goroutine.
func (d *Detector) Speaking() (speaking []Ranked, changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.others = d.others[:0]
	for _, m := range *d.meters.Load() {
		if m.speaking {
			d.others = append(d.others, m)
		}
	}
	slices.SortFunc(d.others, louderFirst)
	d.speaking = d.speaking[:0]
	for _, m := range d.others {
		d.speaking = append(d.speaking, Ranked{ID: m.id, Level: m.level(&d.cfg)})
	}
	changed, d.spoke = d.spoke, false
	return d.speaking, changed
}

// louderFirst sorts by smoothed loudness, ties by id so that the order doesn't
// depend on the map's.
func louderFirst(a, b *meter) int {
	if a.rank != b.rank {
		return cmp.Compare(b.rank, a.rank)
	}
	return cmp.Compare(a.id, b.id)
}

func quietest(members []*meter) int {
	lowest := 0
	for i, m := range members {
		if louderFirst(members[lowest], m) < 0 {
			lowest = i
		}
	}
	return lowest
}
