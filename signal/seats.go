package signal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// secretBytes of randomness are in a resume secret (SE-5: ≥ 128 bits).
	secretBytes = 24
	// usedFor is how long a participant's id is remembered after its seat has
	// gone: longer than any join token lives (SE-7: ≤ 5 minutes).
	usedFor = 10 * time.Minute
)

// seat is a participant's place. It outlives connections: sessions come and go,
// the seat stays until the participant is closed.
type seat struct {
	admission Admission
	name      string // as shown to others
	started   time.Time
	done      chan struct{} // closed with the seat

	// attach orders the sessions that take the seat over, one after another.
	attach sync.Mutex

	// Under the mutex of seats; participant doesn't change once set.
	participant participant
	holder      *session // nil while nobody is connected
	secret      [sha256.Size]byte
	// previous is the secret before, good until the client has surely got the
	// new one: a connection that breaks while the welcome is under way must
	// not cost the seat.
	previous    [sha256.Size]byte
	hasPrevious bool
	taken       bool // has been welcomed
	up          bool // its transport has been connected once
	gone        bool
}

// seats knows all seats by the participant's id.
type seats struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*seat
	used map[string]struct{}
	// usedOrder is used in order of time, to forget from its front.
	usedOrder []usedID
}

type usedID struct {
	id    string
	until time.Time
}

// reserve makes the seat of an admission. Errors: *refusal.
func (s *seats) reserve(a Admission) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked()
	if _, taken := s.byID[a.ParticipantID]; taken {
		return nil, &refusal{message.CodeSeatTaken, "this token's seat is taken; only its resume secret returns to it"}
	}
	if _, used := s.used[a.ParticipantID]; used {
		return nil, &refusal{message.CodeBadToken, "the token has been used; ask for a new one"}
	}
	st := &seat{admission: a, name: message.CleanName(a.Name), started: s.now(), done: make(chan struct{})}
	s.byID[a.ParticipantID] = st
	return st, nil
}

// seatParticipant completes a reserved seat.
func (s *seats) seatParticipant(st *seat, p participant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.participant = p
}

// take gives a reserved seat to its first session and returns the resume
// secret; false when it has gone already.
func (s *seats) take(st *seat, c *session) (secret string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.gone {
		return "", false
	}
	st.holder, st.taken = c, true
	return st.rotateLocked(), true
}

// find returns the seat that a resume secret is good for.
func (s *seats) find(secret string) (*seat, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findLocked(secret)
}

func (s *seats) findLocked(secret string) (*seat, bool) {
	// Ids have no dot, secrets neither (base64url).
	id, _, _ := strings.Cut(secret, ".")
	st, ok := s.byID[id]
	if !ok || !st.taken {
		return nil, false
	}
	hash := sha256.Sum256([]byte(secret))
	good := subtle.ConstantTimeCompare(hash[:], st.secret[:]) == 1
	before := subtle.ConstantTimeCompare(hash[:], st.previous[:]) == 1 && st.hasPrevious
	return st, good || before
}

// claim gives the seat that a resume secret is good for to a session. It
// returns the session that had it, or nil, and the next secret.
func (s *seats) claim(secret string, c *session) (st *seat, old *session, next string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok = s.findLocked(secret)
	if !ok {
		return nil, nil, "", false
	}
	old, st.holder = st.holder, c
	next = st.rotateLocked()
	st.previous, st.hasPrevious = sha256.Sum256([]byte(secret)), true
	return st, old, next, true
}

func (st *seat) rotateLocked() string {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // never fails: see crypto/rand
	secret := st.admission.ParticipantID + "." + base64.RawURLEncoding.EncodeToString(random)
	st.secret = sha256.Sum256([]byte(secret))
	return secret
}

// confirm is told that a session's client has got the welcome: earlier secrets
// are dead from then on.
func (s *seats) confirm(st *seat, c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.holder == c {
		st.hasPrevious = false
	}
}

// holds says whether the seat is still the session's.
func (s *seats) holds(st *seat, c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.holder == c && !st.gone
}

// release is told that a session has ended.
func (s *seats) release(st *seat, c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.holder == c {
		st.holder = nil
	}
}

// connected is told that the seat's transport is up; first says that it is for
// the first time, since the join at started.
func (s *seats) connected(st *seat) (took time.Duration, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st == nil || st.up {
		return 0, false
	}
	st.up = true
	return s.now().Sub(st.started), true
}

// participantOf is the participant of a seat, or nil.
func (s *seats) participantOf(st *seat) participant {
	if st == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.participant
}

// remove takes a seat away. first is false when it had gone before; holder is
// the session that has it, or nil.
func (s *seats) remove(st *seat) (holder *session, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.gone {
		return nil, false
	}
	st.gone = true
	close(st.done)
	id := st.admission.ParticipantID
	delete(s.byID, id)
	if st.taken {
		s.forgetLocked()
		s.used[id] = struct{}{}
		s.usedOrder = append(s.usedOrder, usedID{id, s.now().Add(usedFor)})
	}
	return st.holder, true
}

func (s *seats) forgetLocked() {
	now := s.now()
	for len(s.usedOrder) > 0 && now.After(s.usedOrder[0].until) {
		delete(s.used, s.usedOrder[0].id)
		s.usedOrder = s.usedOrder[1:]
	}
}

// all lists the seats.
func (s *seats) all() []*seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*seat, 0, len(s.byID))
	for _, st := range s.byID {
		list = append(list, st)
	}
	return list
}
