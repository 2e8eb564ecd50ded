package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// limiterSources bounds the sources that are remembered: two generations
	// of this many. One who forges more of them than that meets the limit for
	// all sources together.
	limiterSources = 4096
	// limiterBurst is how many seconds' worth a quiet source may have at once.
	limiterBurst = 4
	// limiterAll is what all sources together may have, in multiples of one.
	limiterAll = 40
)

// limiter bounds what unauthenticated requests get, per source and in all.
type limiter struct {
	perSecond int

	mu         sync.Mutex
	all        *rate.Limiter
	young, old map[netip.Prefix]*rate.Limiter
}

func newLimiter(perSecond int) *limiter {
	l := &limiter{}
	l.configure(perSecond)
	return l
}

// configure changes the rate and forgets what each source has used of it.
func (l *limiter) configure(perSecond int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perSecond = perSecond
	l.all = rate.NewLimiter(rate.Limit(perSecond*limiterAll), perSecond*limiterAll)
	l.young, l.old = map[netip.Prefix]*rate.Limiter{}, nil
}

func (l *limiter) allow(source netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.young[source]
	if one == nil {
		if one = l.old[source]; one == nil {
			one = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond*limiterBurst)
		}
		if len(l.young) >= limiterSources {
			l.old, l.young = l.young, map[netip.Prefix]*rate.Limiter{}
		}
		l.young[source] = one
	}
	return one.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// sourceOf is what counts as one source: an IPv4 address or an IPv6 /64,
// which is what one subscriber gets.
func sourceOf(addr net.Addr) netip.Prefix {
	ip := addrPort(addr).Addr()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an IP address: all such share a limit
	}
	return p
}

// addrPort is the unmapped address of a UDP or TCP peer, else the zero value.
func addrPort(addr net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := addr.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
