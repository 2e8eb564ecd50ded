package report

import "time"

// VisitTotals are what visits of a place come to.
type VisitTotals struct {
	// Arrivals are stays, TransferredIn those of them that came from another
	// area, Seen those who were admitted.
	Arrivals      int            `json:"arrivals"`
	TransferredIn int            `json:"transferred_in,omitempty"`
	Seen          int            `json:"seen"`
	Outcomes      map[string]int `json:"outcomes"`
	Waited        int64          `json:"waited"` // ms
	Held          int64          `json:"held"`
	Talked        int64          `json:"talked"`
	Waits         Histogram      `json:"waits"`
}

// Add adds a row.
func (t *VisitTotals) Add(r VisitRow) {
	t.Arrivals++
	if r.Stay > 0 {
		t.TransferredIn++
	}
	if !r.Joined.IsZero() {
		t.Seen++
	}
	t.outcome(r.Outcome, 1)
	t.Waited += r.Waited
	t.Held += r.Held
	t.Talked += r.Talked
	t.Waits.Add(r.Waited)
}

func (t *VisitTotals) outcome(name string, n int) {
	if t.Outcomes == nil {
		t.Outcomes = make(map[string]int)
	}
	t.Outcomes[name] += n
}

// Merge adds other totals.
func (t *VisitTotals) Merge(o VisitTotals) {
	t.Arrivals += o.Arrivals
	t.TransferredIn += o.TransferredIn
	t.Seen += o.Seen
	for name, n := range o.Outcomes {
		t.outcome(name, n)
	}
	t.Waited += o.Waited
	t.Held += o.Held
	t.Talked += o.Talked
	t.Waits.Merge(o.Waits)
}

// CallTotals are what calls of a place come to.
type CallTotals struct {
	Calls  int   `json:"calls"`
	Talked int64 `json:"talked"` // ms from start to end
	Peak   int   `json:"peak"`   // of the largest
	Guests int   `json:"guests"`
	// Rated are calls with a quality; Score is the sum of their means.
	Rated int     `json:"rated,omitempty"`
	Score float64 `json:"score,omitempty"`
}

// Add adds a row.
func (t *CallTotals) Add(r CallRow) {
	t.Calls++
	t.Talked += r.lasted()
	t.Peak = max(t.Peak, r.Peak)
	t.Guests += r.Guests
	if q := r.Quality; q != nil && q.Samples > 0 {
		t.Rated++
		t.Score += float64(q.Score) / float64(q.Samples)
	}
}

// Merge adds other totals.
func (t *CallTotals) Merge(o CallTotals) {
	t.Calls += o.Calls
	t.Talked += o.Talked
	t.Peak = max(t.Peak, o.Peak)
	t.Guests += o.Guests
	t.Rated += o.Rated
	t.Score += o.Score
}

// BusyTotals say for how long calls went on within a time: two that went on all
// through a quarter of an hour come to half an hour.
type BusyTotals struct {
	Busy int64 `json:"busy"` // ms
}

// Merge adds other totals.
func (t *BusyTotals) Merge(o BusyTotals) { t.Busy += o.Busy }

// StaffTotals are the calls of an account.
type StaffTotals struct {
	Calls  int   `json:"calls"`
	Talked int64 `json:"talked"` // ms
}

// Add adds a call.
func (t *StaffTotals) Add(s StaffTime) {
	t.Calls++
	t.Talked += s.Talked
}

// Merge adds other totals.
func (t *StaffTotals) Merge(o StaffTotals) {
	t.Calls += o.Calls
	t.Talked += o.Talked
}

// ConsultTotals are what Consult Now links come to.
type ConsultTotals struct {
	Issued   int       `json:"issued"`
	Extended int       `json:"extended"` // links, however often
	States   States    `json:"states"`
	ToEnter  Histogram `json:"to_enter"`
}

// States counts links by how they ended.
type States map[string]int

// Add adds a row.
func (t *ConsultTotals) Add(r ConsultRow) {
	t.Issued++
	if r.Extensions > 0 {
		t.Extended++
	}
	t.state(r.State, 1)
	if r.State == ConsultEntered {
		t.ToEnter.Add(r.toEnter())
	}
}

func (t *ConsultTotals) state(name string, n int) {
	if t.States == nil {
		t.States = make(States)
	}
	t.States[name] += n
}

// Merge adds other totals.
func (t *ConsultTotals) Merge(o ConsultTotals) {
	t.Issued += o.Issued
	t.Extended += o.Extended
	for name, n := range o.States {
		t.state(name, n)
	}
	t.ToEnter.Merge(o.ToEnter)
}

// Busy calls visit with the quarters of UTC that a call went on in, and for how
// many milliseconds of each.
func (r CallRow) Busy(visit func(quarter time.Time, ms int64) error) error {
	for at := r.Started.UTC().Truncate(Quarter); at.Before(r.Ended); at = at.Add(Quarter) {
		from, until := later(at, r.Started), earlier(at.Add(Quarter), r.Ended)
		if ms := until.Sub(from).Milliseconds(); ms > 0 {
			if err := visit(at, ms); err != nil {
				return err
			}
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
