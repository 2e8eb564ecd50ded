package auth

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/atriumrtc/atrium/control/store"
)

// Errors of Passwords.
var (
	// ErrWrongPassword: it isn't the account's, or the account has none.
	ErrWrongPassword = errors.New("the password is wrong")
	// ErrTooManyFailures: the account took too many wrong ones; wait.
	ErrTooManyFailures = errors.New("too many wrong passwords")
	// ErrWeakPassword: the error says what to do.
	ErrWeakPassword = errors.New("the password is too weak")
)

// argonCost is what one hash takes. It stands in every hash, so that it can
// change later.
type argonCost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// defaultCost is the second recommended option of RFC 9106, section 4, on one
// thread: the others are for calls.
func defaultCost() argonCost { return argonCost{memory: 64 << 10, time: 3, threads: 1} }

const (
	argonSalt = 16 // bytes
	argonHash = 32 // bytes
	// hashesAtOnce bounds memory and CPU that sign-ins take from calls.
	hashesAtOnce = 2

	minPassword = 12  // characters (NIST SP 800-63B: no rules of composition)
	maxPassword = 256 // bytes

	// FailureLimit is how many wrong passwords an account may get within
	// FailureWindow.
	FailureLimit  = 10
	FailureWindow = 15 * time.Minute
	maxFailing    = 16384 // accounts that are remembered; about 2 MB

	prefixPassword = "password/"
)

// Passwords keeps the accounts' passwords, as hashes. It may be used
// concurrently.
type Passwords struct {
	now   func() time.Time
	cost  argonCost
	slots chan struct{} // hashes that may be under way
	dummy string        // hash that no password has: unknown accounts take as long

	mu      sync.Mutex
	failing map[string]*list.Element
	recent  *list.List // of *failing, the latest first
}

type failing struct {
	who   string
	count int
	since time.Time
}

// NewPasswords uses the clock; nil is the wall clock.
func NewPasswords(now func() time.Time) *Passwords {
	if now == nil {
		now = time.Now
	}
	p := &Passwords{
		now: now, cost: defaultCost(), slots: make(chan struct{}, hashesAtOnce),
		failing: make(map[string]*list.Element), recent: list.New(),
	}
	salt, hash := make([]byte, argonSalt), make([]byte, argonHash)
	_, _ = rand.Read(salt) // never fails
	_, _ = rand.Read(hash)
	p.dummy = p.cost.encode(salt, hash)
	return p
}

// CheckPassword says whether a password may be chosen, else ErrWeakPassword
// with what to do. about is what it must not be made of: the e-mail address,
// names.
func CheckPassword(password string, about ...string) error {
	switch {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: it must be valid UTF-8", ErrWeakPassword)
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Errorf("%w: it must have at least %d characters; a few words make a good one", ErrWeakPassword, minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("%w: it must have at most %d bytes", ErrWeakPassword, maxPassword)
	}
	different := make(map[rune]bool)
	for _, r := range password {
		different[r] = true
	}
	if len(different) < 5 {
		return fmt.Errorf("%w: it must have at least 5 different characters", ErrWeakPassword)
	}
	folded := strings.ToLower(password)
	for _, word := range about {
		word, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(word)), "@")
		if utf8.RuneCountInString(word) >= 4 && strings.Contains(folded, word) {
			return fmt.Errorf("%w: it must not contain your name or e-mail address", ErrWeakPassword)
		}
	}
	return nil
}

// Hash returns what to give Set. It waits for its turn: two hashes at once.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	hash, err := p.derive(ctx, p.cost, password, salt)
	if err != nil {
		return "", err
	}
	return p.cost.encode(salt, hash), nil
}

func (p *Passwords) derive(ctx context.Context, c argonCost, password string, salt []byte) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.slots }()
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, argonHash), nil
}

// encode writes a hash in the PHC string format.
func (c argonCost) encode(salt, hash []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.memory, c.time, c.threads, b.EncodeToString(salt), b.EncodeToString(hash))
}

// decodeHash reads what encode wrote, but for the hash itself.
func decodeHash(stored string) (c argonCost, salt []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 {
		return c, nil, fmt.Errorf("%w: the hash of a password can't be read", store.ErrCorrupt)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil || c.time == 0 || c.threads == 0 {
		return c, nil, fmt.Errorf("%w: the cost of a password's hash can't be read", store.ErrCorrupt)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return c, nil, fmt.Errorf("%w: the salt of a password can't be read", store.ErrCorrupt)
	}
	return c, salt, nil
}

// Set stores the account's password, by its hash.
func (p *Passwords) Set(tx store.Tx, accountID, hash string) error {
	return tx.Put(prefixPassword+accountID, []byte(hash))
}

// Delete forgets the account's password.
func (p *Passwords) Delete(tx store.Tx, accountID string) error {
	return tx.Delete(prefixPassword + accountID)
}

// Stored returns the hash of the account's password, "" when it has none.
func (p *Passwords) Stored(tx store.Tx, accountID string) (string, error) {
	hash, err := tx.Get(prefixPassword + accountID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return string(hash), err
}

// Verify compares password with stored hashes and returns the index of the one
// that it is, or ErrWrongPassword. who is the sign-in name (as a digest):
// after FailureLimit failures within FailureWindow it is answered
// ErrTooManyFailures, also for the right password. Without hashes it takes as
// long as with one.
func (p *Passwords) Verify(ctx context.Context, who, password string, hashes ...string) (int, error) {
	if len(password) > maxPassword {
		password = ""
	}
	if !p.mayTry(who) {
		return 0, ErrTooManyFailures
	}
	if len(hashes) == 0 {
		hashes = []string{""}
	}
	for i, stored := range hashes {
		known := stored != ""
		if !known {
			stored = p.dummy
		}
		good, err := p.matches(ctx, password, stored)
		if err != nil {
			return 0, err
		}
		if good && known {
			p.succeeded(who)
			return i, nil
		}
	}
	return 0, ErrWrongPassword
}

func (p *Passwords) matches(ctx context.Context, password, stored string) (bool, error) {
	cost, salt, err := decodeHash(stored)
	if err != nil {
		return false, err
	}
	hash, err := p.derive(ctx, cost, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(cost.encode(salt, hash)), []byte(stored)) == 1, nil
}

// mayTry counts the attempt as failed, until it turns out otherwise: so that a
// hundred at once are no more than ten.
func (p *Passwords) mayTry(who string) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	element, ok := p.failing[who]
	if !ok {
		if p.recent.Len() >= maxFailing {
			p.forgetLocked(p.recent.Back())
		}
		element = p.recent.PushFront(&failing{who: who, since: now})
		p.failing[who] = element
	}
	f := element.Value.(*failing)
	if passed := now.Sub(f.since); passed >= FailureWindow || passed < 0 {
		f.count, f.since = 0, now
	}
	if f.count >= FailureLimit {
		return false
	}
	f.count++
	p.recent.MoveToFront(element)
	return true
}

// succeeded takes all failures back.
func (p *Passwords) succeeded(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if element, ok := p.failing[who]; ok {
		p.forgetLocked(element)
	}
}

func (p *Passwords) forgetLocked(element *list.Element) {
	delete(p.failing, element.Value.(*failing).who)
	p.recent.Remove(element)
}
