package control

import "time"

const (
	// ConsultTime is how long a Consult Now link can be entered by, and what
	// each extension adds (R-CN-2).
	ConsultTime = 5 * time.Minute
	// ConsultLife is for how long after its creation it can be extended.
	ConsultLife = 24 * time.Hour
)

// consultMoves is the machine of a Consult Now link's states: where it can go
// from each. used and revoked links are dead for good.
//
//	sent → opened → entered
//	sent → failed → sent (another try went through)
//	sent, opened → expired → sent, opened (extended)
//	any but entered → revoked
func consultMoves() map[ConsultState][]ConsultState {
	return map[ConsultState][]ConsultState{
		ConsultSent:    {ConsultOpened, ConsultEntered, ConsultExpired, ConsultFailed, ConsultRevoked},
		ConsultOpened:  {ConsultEntered, ConsultExpired, ConsultRevoked},
		ConsultFailed:  {ConsultSent, ConsultRevoked},
		ConsultExpired: {ConsultSent, ConsultOpened, ConsultRevoked},
		ConsultEntered: {},
		ConsultRevoked: {},
	}
}

// may says whether the link can go to another state.
func (r *consultRecord) may(to ConsultState) error {
	for _, s := range consultMoves()[r.State] {
		if s == to {
			return nil
		}
	}
	return &StateError{CodeWrongState, map[ConsultState]string{
		ConsultSent:    "The link has been sent.",
		ConsultOpened:  "The link has been opened.",
		ConsultFailed:  "The message could not be sent; send it again.",
		ConsultExpired: "The link has expired; extend it or send another.",
		ConsultEntered: "The link has been used.",
		ConsultRevoked: "The link was revoked; send another.",
	}[r.State]}
}

// enterable says whether Enter may still use the link up: until its last
// millisecond, and from the moment it is handed over, even if the gateway's
// word of that comes after (R-CN-2).
func (r *consultRecord) enterable(now time.Time) bool {
	if r.State != ConsultSent && r.State != ConsultOpened {
		return false
	}
	return r.ExpiresAt.IsZero() || !now.After(r.ExpiresAt)
}

// open says whether something may still come of the link: it can be entered
// by, extended or sent again.
func (r *consultRecord) open(now time.Time) bool {
	return r.State != ConsultEntered && r.State != ConsultRevoked && now.Before(r.CreatedAt.Add(ConsultLife))
}

// handOver starts the clock, once.
func (r *consultRecord) handOver(at time.Time) {
	if r.HandedOverAt.IsZero() {
		r.HandedOverAt = at
		r.ExpiresAt = r.bounded(at.Add(ConsultTime * time.Duration(1+r.Extensions)))
	}
}

// extend adds ConsultTime; where the time has run out, from now on.
func (r *consultRecord) extend(now time.Time) {
	r.Extensions++
	if r.ExpiresAt.IsZero() {
		return // the clock has not started: handOver counts it
	}
	from := r.ExpiresAt
	if now.After(from) {
		from = now
	}
	r.ExpiresAt = r.bounded(from.Add(ConsultTime))
}

// bounded keeps a deadline within the life of the link.
func (r *consultRecord) bounded(t time.Time) time.Time {
	if end := r.CreatedAt.Add(ConsultLife); t.After(end) {
		return end
	}
	return t
}

// back is the state that an expired link returns to.
func (r *consultRecord) back() ConsultState {
	if r.OpenedAt.IsZero() {
		return ConsultSent
	}
	return ConsultOpened
}
