package auth

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

func openStore(t testing.TB) store.Store {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "atrium.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func update(t testing.TB, db store.Store, f func(tx store.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// clock is a wall clock that tests move.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.at.Store(&start)
	return c
}
func (c *clock) now() time.Time { return *c.at.Load() }
func (c *clock) move(d time.Duration) {
	moved := c.now().Add(d)
	c.at.Store(&moved)
}

// cheap makes hashes that cost next to nothing: the race detector makes the
// real ones take seconds.
func cheap(now func() time.Time) *Passwords {
	p := NewPasswords(now)
	p.cost = argonCost{memory: 64, time: 1, threads: 1}
	p.dummy = p.cost.encode(make([]byte, argonSalt), make([]byte, argonHash))
	return p
}

// A hash of one cost is good when the cost has changed since.
func TestPasswordCost(t *testing.T) {
	ctx := context.Background()
	hash, err := cheap(nil).Hash(ctx, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	p := NewPasswords(nil)
	if _, err := p.Verify(ctx, "who", "correct horse battery", hash); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.dummy, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Fatalf("the cost is another: %s", p.dummy)
	}
}

func TestPasswordRules(t *testing.T) {
	for _, row := range []struct {
		password string
		ok       bool
	}{
		{"correct horse battery", true},
		{"пароль для врача", true},
		{"elevenchars", false},
		{strings.Repeat("ab", 20), false},
		{strings.Repeat("long words ", 30), false},
		{"anna.meyer is my password", false},
		{"bad utf8 \xff password", false},
	} {
		err := CheckPassword(row.password, "Anna.Meyer@example.org", "Anna")
		if (err == nil) != row.ok || err != nil && !errors.Is(err, ErrWeakPassword) {
			t.Errorf("%q: %v", row.password, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	db, p, ctx := openStore(t), cheap(nil), context.Background()
	hash, err := p.Hash(ctx, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Hash(ctx, "correct horse battery")
	if err != nil || again == hash || !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%q, %q: %v", hash, again, err)
	}
	update(t, db, func(tx store.Tx) error { return p.Set(tx, "a", hash) })
	var stored, none string
	update(t, db, func(tx store.Tx) (err error) {
		if stored, err = p.Stored(tx, "a"); err != nil {
			return err
		}
		none, err = p.Stored(tx, "b")
		return err
	})
	if i, err := p.Verify(ctx, "who", "correct horse battery", none, stored); err != nil || i != 1 {
		t.Fatalf("%d, %v", i, err)
	}
	for _, hashes := range [][]string{{stored}, {none}, {}} {
		if _, err := p.Verify(ctx, "who", "wrong horse battery", hashes...); !errors.Is(err, ErrWrongPassword) {
			t.Fatalf("%v: %v", hashes, err)
		}
	}
	if _, err := p.Verify(ctx, "who", "x", "broken"); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("a broken hash: %v", err)
	}
	if _, err := p.Verify(ctx, "nobody", p.dummy); !errors.Is(err, ErrWrongPassword) {
		t.Fatal("an account without a password let somebody in")
	}
}

// SE-5: ten failures in a quarter of an hour, also when they come at once, and
// for one account only.
func TestPasswordFailures(t *testing.T) {
	c := newClock()
	p, ctx := cheap(c.now), context.Background()
	hash, err := p.Hash(ctx, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	var wrong, refused atomic.Int32
	var wg sync.WaitGroup
	for range FailureLimit + 5 {
		wg.Go(func() {
			switch _, err := p.Verify(ctx, "who", "wrong", hash); {
			case errors.Is(err, ErrWrongPassword):
				wrong.Add(1)
			case errors.Is(err, ErrTooManyFailures):
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if wrong.Load() != FailureLimit || refused.Load() != 5 {
		t.Fatalf("%d wrong, %d refused", wrong.Load(), refused.Load())
	}
	if _, err := p.Verify(ctx, "who", "correct horse battery", hash); !errors.Is(err, ErrTooManyFailures) {
		t.Fatalf("the right one after ten failures: %v", err)
	}
	if _, err := p.Verify(ctx, "another", "correct horse battery", hash); err != nil {
		t.Fatalf("another account: %v", err)
	}
	c.move(FailureWindow)
	if _, err := p.Verify(ctx, "who", "correct horse battery", hash); err != nil {
		t.Fatalf("after a quarter of an hour: %v", err)
	}
}

func TestSessions(t *testing.T) {
	c, db, ctx := newClock(), openStore(t), context.Background()
	s, keys := NewSessions(c.now), newKeys(t)
	token, digest := keys.NewSessionToken()
	if got, ok := SessionDigest(token); !ok || got != digest {
		t.Fatal("a token isn't recognised")
	}
	find := func(digest [32]byte) (found Session, stale bool, err error) {
		err = db.View(ctx, func(tx store.Tx) error {
			found, stale, err = s.Find(tx, digest)
			return err
		})
		return found, stale, err
	}
	_, other := keys.NewSessionToken()
	update(t, db, func(tx store.Tx) error {
		return errors.Join(s.Create(tx, "a", digest), s.Create(tx, "a", other))
	})
	if got, stale, err := find(digest); err != nil || stale || got.AccountID != "a" {
		t.Fatalf("%+v, %v, %v", got, stale, err)
	}
	c.move(SessionIdle - time.Second)
	if _, stale, err := find(digest); err != nil || !stale {
		t.Fatalf("just before its end: %v, %v", stale, err)
	}
	update(t, db, func(tx store.Tx) error { return s.Touch(tx, digest) })
	c.move(2 * time.Second)
	if _, _, err := find(digest); err != nil {
		t.Fatalf("after a request: %v", err)
	}
	if _, _, err := find(other); !errors.Is(err, ErrNoSession) {
		t.Fatalf("idle for %v: %v", SessionIdle, err)
	}
	update(t, db, func(tx store.Tx) error { return s.Touch(tx, other) })
	c.move(-time.Hour)
	if _, _, err := find(other); !errors.Is(err, ErrNoSession) {
		t.Fatalf("the clock went back (SE-20): %v", err)
	}
	for range 20 { // at most a week, however busy
		c.move(SessionIdle - time.Minute)
		update(t, db, func(tx store.Tx) error { return s.Touch(tx, digest) })
	}
	if _, _, err := find(digest); !errors.Is(err, ErrNoSession) {
		t.Fatalf("after more than %v: %v", SessionLimit, err)
	}
	update(t, db, func(tx store.Tx) error { return s.Create(tx, "a", digest) })
	update(t, db, func(tx store.Tx) error { return s.DeleteAll(tx, "a") })
	if _, _, err := find(digest); !errors.Is(err, ErrNoSession) {
		t.Fatalf("after signing out everywhere: %v", err)
	}
}

func TestSessionPurge(t *testing.T) {
	c, db, ctx := newClock(), openStore(t), context.Background()
	s, keys := NewSessions(c.now), newKeys(t)
	make5 := func(account string) {
		for range 5 {
			_, digest := keys.NewSessionToken()
			update(t, db, func(tx store.Tx) error { return s.Create(tx, account, digest) })
		}
	}
	make5("old")
	c.move(SessionIdle)
	make5("new")
	for after, first := "", true; first || after != ""; first = false {
		from := after
		update(t, db, func(tx store.Tx) (err error) {
			after, err = s.Purge(tx, from, 3)
			return err
		})
	}
	count := map[string]int{}
	err := db.View(ctx, func(tx store.Tx) error {
		return tx.Range(prefixSessionOf, "", func(key string, _ []byte) error {
			count[strings.Split(key, "/")[1]]++
			return nil
		})
	})
	if err != nil || count["old"] != 0 || count["new"] != 5 {
		t.Fatalf("%v, %v", count, err)
	}
}

func TestRotateKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	before, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed, token := before.Seal([]byte("x"), "p"), issue(t, before)
	head, digest := before.Sign("head", []byte("m")), before.Digest("e-mail", "a@example.org")
	if err := RotateKeys(path); err != nil {
		t.Fatal(err)
	}
	after, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(sealed, "p"); err != nil || string(got) != "x" {
		t.Fatalf("what the old key sealed: %q, %v", got, err)
	}
	if _, err := NewTokens(after, at(start)).Verify(token); err != nil {
		t.Fatalf("a token of the old key: %v", err)
	}
	if !after.Known(head) || !VerifySignature("head", []byte("m"), head) {
		t.Fatal("the old key's signature is worth nothing")
	}
	if !bytes.Equal(after.Digest("e-mail", "a@example.org"), digest) {
		t.Fatal("look-ups are lost")
	}
	if _, err := NewTokens(before, at(start)).Verify(issue(t, after)); !errors.Is(err, ErrInvalid) {
		t.Fatal("the new key isn't in use")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if err := RotateKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrKeyFile) {
		t.Fatalf("no file: %v", err)
	}
}

func TestSignature(t *testing.T) {
	keys := newKeys(t)
	s := keys.Sign("head", []byte("m"))
	altered := s
	altered.Value = append([]byte{s.Value[0] ^ 1}, s.Value[1:]...)
	short := s
	short.Key = s.Key[1:]
	for name, row := range map[string]struct {
		purpose, message string
		s                Signature
		want             bool
	}{
		"right":           {"head", "m", s, true},
		"another purpose": {"tail", "m", s, false},
		"another message": {"head", "n", s, false},
		"altered":         {"head", "m", altered, false},
		"a short key":     {"head", "m", short, false},
	} {
		if got := VerifySignature(row.purpose, []byte(row.message), row.s); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if newKeys(t).Known(s) {
		t.Error("a stranger's key is known")
	}
}

func TestOperatorKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "operator.json")
	key, secret, err := LoadOperatorKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, same, err := LoadOperatorKey(path)
	if err != nil || same != secret {
		t.Fatalf("the second start: %q, %q, %v", secret, same, err)
	}
	_, other := newToken(operatorPrefix)
	if !key.Is(secret) || !again.Is(secret) || key.Is("") || key.Is(string(other[:])) || key.Is(secret+"x") {
		t.Fatal("the wrong key is the operator's, or the right one isn't")
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOperatorKey(path); !errors.Is(err, ErrKeyFile) || strings.Contains(err.Error(), secret) {
		t.Fatalf("a damaged file: %v", err)
	}
}
