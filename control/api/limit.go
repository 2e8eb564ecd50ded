package api

import (
	"container/list"
	"maps"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxNetworks bounds the memory of failures: about 3 MB. The network that
// failed least recently is forgotten first; one that fails all the time is
// never.
const maxNetworks = 16384

// failures counts what went wrong, by the network that sent it (SE-5).
type failures struct {
	now   func() time.Time
	every rate.Limit
	burst int
	most  int

	mu       sync.Mutex
	networks map[netip.Prefix]*list.Element
	recent   *list.List // of *network, the latest first
}

type network struct {
	prefix  netip.Prefix
	limiter *rate.Limiter
}

func newFailures(cfg Config, now func() time.Time) *failures {
	f := &failures{
		now:      now,
		most:     maxNetworks,
		networks: make(map[netip.Prefix]*list.Element),
		recent:   list.New(),
	}
	f.configure(cfg)
	return f
}

// configure changes the limits, also of networks that are known.
func (f *failures) configure(cfg Config) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.every, f.burst = rate.Every(cfg.FailureInterval), cfg.FailureBurst
	now := f.now()
	for e := f.recent.Front(); e != nil; e = e.Next() {
		limiter := e.Value.(*network).limiter
		limiter.SetLimitAt(now, f.every)
		limiter.SetBurstAt(now, f.burst)
	}
}

// interval is the time after which one more failure is allowed.
func (f *failures) interval() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(float64(time.Second) / float64(f.every))
}

// note counts a failure of whoever is at remote ("host:port") and says
// whether it exceeds what that network may have.
func (f *failures) note(remote string) (exceeded bool) {
	prefix := networkOf(remote)
	f.mu.Lock()
	defer f.mu.Unlock()
	element, ok := f.networks[prefix]
	if ok {
		f.recent.MoveToFront(element)
	} else {
		if f.recent.Len() >= f.most {
			oldest := f.recent.Back()
			delete(f.networks, oldest.Value.(*network).prefix)
			f.recent.Remove(oldest)
		}
		element = f.recent.PushFront(&network{prefix: prefix, limiter: rate.NewLimiter(f.every, f.burst)})
		f.networks[prefix] = element
	}
	return !element.Value.(*network).limiter.AllowN(f.now(), 1)
}

// networkOf returns the /64 of an IPv6 address, what one subscriber has, or
// the /32 of an IPv4 one. Addresses that can't be read share one entry.
func networkOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := at.Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits) // fails on wrong lengths only
	return prefix
}

// Bounds of pace.
const (
	paceBurst = 10
	paceRate  = rate.Limit(1) // a second
	// mostPaced is how many are remembered before those who have been quiet are
	// forgotten.
	mostPaced = 1024
)

// pace bounds how often a guest does what others are told of, by the routes that
// are paced: each time is a commit and an event or a notice. What they send by
// signalling is bounded there. To leave is done once, and to come back tells
// nobody: those routes aren't paced.
type pace struct {
	now func() time.Time

	mu sync.Mutex
	of map[string]*rate.Limiter // by visit
}

func newPace(now func() time.Time) *pace {
	return &pace{now: now, of: make(map[string]*rate.Limiter)}
}

// tooOften is the answer to who isn't allowed.
func tooOften() *Problem {
	return newProblem(http.StatusTooManyRequests, CodeRateLimited,
		"That was too often in a short time: wait a moment.").withHeader("Retry-After", "1")
}

// allow says whether the guest of a visit may do one thing more now.
func (p *pace) allow(visitID string) bool {
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter := p.of[visitID]
	if limiter == nil {
		if len(p.of) >= mostPaced {
			maps.DeleteFunc(p.of, func(_ string, l *rate.Limiter) bool { return l.TokensAt(now) >= paceBurst })
		}
		limiter = rate.NewLimiter(paceRate, paceBurst)
		p.of[visitID] = limiter
	}
	return limiter.AllowN(now, 1)
}
