package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxied corrects what a request says of its sender when it comes through a
// proxy that is trusted: RemoteAddr, by which failures are limited (SE-5), and
// the scheme of links.
func proxied(next http.Handler, trusted []netip.Prefix) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && contains(trusted, peer.Addr()) {
			if client, ok := forwardedFor(r, trusted); ok {
				r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			}
		} else {
			r.Header.Del("X-Forwarded-Proto") // anybody could have written it
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedFor is the last address of X-Forwarded-For that isn't a trusted
// proxy's: what stands before it was written by the client itself.
func forwardedFor(r *http.Request, trusted []netip.Prefix) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return netip.Addr{}, false
		}
		if !contains(trusted, addr) {
			return addr.Unmap(), true
		}
	}
	return netip.Addr{}, false
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
}
