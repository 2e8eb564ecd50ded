package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"

	pion "github.com/pion/turn/v4"
)

// grants knows who may use the server. User names say until when
// ("<unix seconds>:<participant>", as TURN's REST convention has it);
// passwords are an HMAC of the user name under the participant's own secret,
// which is gone for good when the participant is revoked.
type grants struct {
	realm    string
	lifetime time.Duration
	now      func() time.Time

	mu    sync.RWMutex
	live  map[string]*grant // by participant
	prune int               // size at which expired grants are looked for
}

type grant struct {
	secret  [sha256.Size]byte
	expires time.Time // of the newest credentials
}

// firstPrune is the size below which looking for expired grants isn't worth it.
const firstPrune = 1024

func newGrants(realm string, lifetime time.Duration, now func() time.Time) *grants {
	return &grants{realm: realm, lifetime: lifetime, now: now, live: map[string]*grant{}, prune: firstPrune}
}

// issue makes credentials for a participant, beside those it has.
func (g *grants) issue(participant string) (username, password string, expires time.Time) {
	expires = g.now().Add(g.lifetime).Truncate(time.Second)
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + participant
	g.mu.Lock()
	defer g.mu.Unlock()
	who := g.live[participant]
	if who == nil {
		g.pruneLocked()
		who = &grant{}
		_, _ = rand.Read(who.secret[:]) // never fails (crypto/rand)
		g.live[participant] = who
	}
	who.expires = expires
	return username, who.password(username), expires
}

// pruneLocked drops grants that expired unrevoked, once in a while.
func (g *grants) pruneLocked() {
	if len(g.live) < g.prune {
		return
	}
	now := g.now()
	for participant, who := range g.live {
		if !now.Before(who.expires) {
			delete(g.live, participant)
		}
	}
	g.prune = max(firstPrune, 2*len(g.live))
}

func (g *grants) revoke(participant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.live, participant)
}

func (g *grants) has(participant string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.live[participant] != nil
}

func (g *grants) count() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.live)
}

// key returns the long-term key (RFC 8489 §9.2.2) of a user name that is
// valid now.
func (g *grants) key(username string) (participant string, key []byte, ok bool) {
	until, participant, found := strings.Cut(username, ":")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if !found || err != nil || !g.now().Before(time.Unix(seconds, 0)) {
		return "", nil, false
	}
	g.mu.RLock()
	who := g.live[participant]
	g.mu.RUnlock()
	if who == nil {
		return "", nil, false
	}
	return participant, pion.GenerateAuthKey(username, g.realm, who.password(username)), true
}

func (w *grant) password(username string) string {
	mac := hmac.New(sha256.New, w.secret[:])
	_, _ = mac.Write([]byte(username)) // never fails (hash.Hash)
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}
