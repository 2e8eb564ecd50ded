package signal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// secretBytes of randomness are in a resume secret (SE-5: ≥ 128 bits).
const secretBytes = 24

// seat is a participant's place. It outlives connections: sessions come and go,
// the seat stays until the participant is closed.
type seat struct {
	admission Admission
	name      string // as shown to others
	started   time.Time
	done      chan struct{} // closed once everybody knows that the seat has gone

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
	tokenID     string // of the token that took it last
	taken       bool   // has been welcomed
	up          bool   // its transport has been connected once
	gone        bool

	// What the authority is to be told, and was: see presence.go.
	lost    bool // the holder's transport is
	silent  bool // the holder doesn't answer pings, for now
	telling bool
	told    bool // present, as the authority was told last
	reason  media.CloseReason
}

// seats knows all seats by the participant's id, those that have gone until
// the authority knows it.
type seats struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*seat
}

// reserve makes the seat of an admission. Where the participant has a seat
// already and comes with another token, kept is true: it is that one, to be
// taken over. Errors: *refusal, the context's.
func (s *seats) reserve(ctx context.Context, a Admission) (st *seat, kept bool, err error) {
	for {
		s.mu.Lock()
		st, found := s.byID[a.ParticipantID]
		if !found {
			st = &seat{
				admission: a, tokenID: a.TokenID, name: message.CleanName(a.Name), started: s.now(), done: make(chan struct{}),
			}
			s.byID[a.ParticipantID] = st
			s.mu.Unlock()
			return st, false, nil
		}
		gone, kept := st.gone, st.taken && st.tokenID != a.TokenID
		s.mu.Unlock()
		switch {
		case kept && !gone:
			return st, true, nil
		case !gone:
			return nil, false, &refusal{message.CodeSeatTaken, "this token's seat is taken; its resume secret or a new token returns to it"}
		}
		select { // the authority must hear of the end before it hears of a new beginning
		case <-st.done:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
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

// takeOver gives a seat to a session that came with a new token; false when
// the seat has gone. It returns the session that had it, or nil. Secrets from
// before are dead: who has them isn't who was admitted last.
func (s *seats) takeOver(st *seat, tokenID string, c *session) (old *session, secret string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.gone {
		return nil, "", false
	}
	old, st.holder = st.holder, c
	st.tokenID, st.hasPrevious, st.lost, st.silent = tokenID, false, false, false
	return old, st.rotateLocked(), true
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
	if !ok || !st.taken || st.gone {
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
	st.lost, st.silent = false, false
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

// holders are the sessions of participants who are connected.
func (s *seats) holders(participantIDs []string) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*session
	for _, id := range participantIDs {
		if st := s.byID[id]; st != nil && st.holder != nil {
			list = append(list, st.holder)
		}
	}
	return list
}

// remove takes a seat away. first is false when it had gone before; holder is
// the session that has it, or nil. One that was welcomed stays known until
// forget.
func (s *seats) remove(st *seat, reason media.CloseReason) (holder *session, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.gone {
		return nil, false
	}
	st.gone, st.reason = true, reason
	if !st.taken {
		s.forgetLocked(st)
	}
	return st.holder, true
}

func (s *seats) forgetLocked(st *seat) {
	delete(s.byID, st.admission.ParticipantID)
	close(st.done)
}

// count is the number of seats that are there.
func (s *seats) count() int {
	n := 0
	for _, st := range s.all() {
		if !s.isGone(st) {
			n++
		}
	}
	return n
}

func (s *seats) isGone(st *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.gone
}

// all lists the seats, those too that have gone and are being reported.
func (s *seats) all() []*seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*seat, 0, len(s.byID))
	for _, st := range s.byID {
		list = append(list, st)
	}
	return list
}
