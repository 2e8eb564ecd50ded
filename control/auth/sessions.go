package auth

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Lifetimes of a session.
const (
	SessionIdle  = 12 * time.Hour     // without a request
	SessionLimit = 7 * 24 * time.Hour // in all
	// sessionStep is how coarse the time of the last request is, so that
	// requests don't each write.
	sessionStep = 5 * time.Minute

	prefixSession   = "session/"
	prefixSessionOf = "session_of/" // <account>/<digest>
)

// ErrNoSession: unknown, ended or expired.
var ErrNoSession = errors.New("no such session")

// Session is somebody's being signed in. Only the digest of its token is kept.
type Session struct {
	AccountID string    `json:"account_id"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"` // exact to sessionStep
}

// live says whether the session is good at that time. A clock that went back
// doesn't revive one that a request found expired: that deleted it.
func (s Session) live(now time.Time) bool {
	return now.Sub(s.SeenAt) < SessionIdle && now.Sub(s.CreatedAt) < SessionLimit
}

// Sessions keeps who is signed in. Its methods take the transaction that they
// belong to.
type Sessions struct {
	now func() time.Time
}

// NewSessions uses the clock; nil is the wall clock.
func NewSessions(now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{now: now}
}

func (s *Sessions) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// Create signs an account in. digest is that of NewSessionToken.
func (s *Sessions) Create(tx store.Tx, accountID string, digest [32]byte) error {
	now := s.clock()
	key := hex.EncodeToString(digest[:])
	data, err := json.Marshal(Session{AccountID: accountID, CreatedAt: now, SeenAt: now})
	if err != nil {
		return err
	}
	return errors.Join(tx.Put(prefixSession+key, data), tx.Put(prefixSessionOf+accountID+"/"+key, nil))
}

// Find returns the session of a token, or ErrNoSession. stale says that Touch
// is due.
func (s *Sessions) Find(tx store.Tx, digest [32]byte) (session Session, stale bool, err error) {
	data, err := tx.Get(prefixSession + hex.EncodeToString(digest[:]))
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, false, ErrNoSession
	}
	if err != nil {
		return Session{}, false, err
	}
	if err := json.Unmarshal(data, &session); err != nil {
		return Session{}, false, fmt.Errorf("%w: a session can't be read", store.ErrCorrupt)
	}
	now := s.clock()
	if !session.live(now) {
		return Session{}, true, ErrNoSession
	}
	return session, now.Sub(session.SeenAt) >= sessionStep, nil
}

// Touch notes a request of the session, or deletes one that has expired.
func (s *Sessions) Touch(tx store.Tx, digest [32]byte) error {
	session, _, err := s.Find(tx, digest)
	if errors.Is(err, ErrNoSession) {
		return s.Delete(tx, digest)
	}
	if err != nil {
		return err
	}
	session.SeenAt = s.clock()
	data, err := json.Marshal(session)
	if err != nil {
		return err
	}
	return tx.Put(prefixSession+hex.EncodeToString(digest[:]), data)
}

// Delete signs out. It's no error if there is no such session.
func (s *Sessions) Delete(tx store.Tx, digest [32]byte) error {
	key := hex.EncodeToString(digest[:])
	data, err := tx.Get(prefixSession + key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var session Session
	if err := json.Unmarshal(data, &session); err != nil {
		return fmt.Errorf("%w: a session can't be read", store.ErrCorrupt)
	}
	return errors.Join(tx.Delete(prefixSession+key), tx.Delete(prefixSessionOf+session.AccountID+"/"+key))
}

// DeleteAll signs an account out everywhere.
func (s *Sessions) DeleteAll(tx store.Tx, accountID string) error {
	return s.deleteBut(tx, accountID, "")
}

// DeleteOthers signs an account out everywhere else.
func (s *Sessions) DeleteOthers(tx store.Tx, accountID string, keep [32]byte) error {
	return s.deleteBut(tx, accountID, hex.EncodeToString(keep[:]))
}

func (s *Sessions) deleteBut(tx store.Tx, accountID, keep string) error {
	prefix := prefixSessionOf + accountID + "/"
	var keys []string
	err := tx.Range(prefix, "", func(key string, _ []byte) error {
		if key = strings.TrimPrefix(key, prefix); key != keep {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := errors.Join(tx.Delete(prefixSession+key), tx.Delete(prefix+key)); err != nil {
			return err
		}
	}
	return nil
}

// Purge deletes those of the next most sessions that have expired, in order of
// their digests, after one (at first ""), and returns the last it looked at, ""
// at the end.
func (s *Sessions) Purge(tx store.Tx, after string, most int) (next string, err error) {
	now := s.clock()
	from := ""
	if after != "" {
		from = prefixSession + after
	}
	var dead [][32]byte
	seen := 0
	err = tx.Range(prefixSession, from, func(key string, value []byte) error {
		if seen == most {
			return store.ErrStop
		}
		seen++
		next = strings.TrimPrefix(key, prefixSession)
		var session Session
		digest, err := hex.DecodeString(next)
		if err != nil || len(digest) != 32 || json.Unmarshal(value, &session) != nil {
			return fmt.Errorf("%w: a session can't be read", store.ErrCorrupt)
		}
		if !session.live(now) {
			dead = append(dead, [32]byte(digest))
		}
		return nil
	})
	for _, digest := range dead {
		err = errors.Join(err, s.Delete(tx, digest))
	}
	if seen < most {
		next = ""
	}
	return next, err
}
