package signal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// canonicalOrigin brings an origin (RFC 6454) to one spelling: lower case, no
// default port.
func canonicalOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("%q is not an origin; write scheme and host, as in https://app.example.org", s)
	}
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q says more than an origin; write scheme and host only, as in https://app.example.org", s)
	}
	return u.Scheme + "://" + canonicalHost(u.Host, u.Scheme), nil
}

func canonicalHost(host, scheme string) string {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}

// foreignOrigin returns the origin of the web page that sent the request, or
// "" when it is this server's own or no web page sent it. Programs other than
// browsers send no Origin, and could send any: the check protects users of
// browsers from pages of others (SE-8), not the server from programs.
//
// The scheme isn't compared: behind a proxy that ends TLS it isn't known.
func foreignOrigin(r *http.Request) (string, error) {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%d Origin headers", len(values))
	}
	origin, err := canonicalOrigin(values[0]) // refuses "null" too
	if err != nil {
		return "", err
	}
	scheme, host, _ := strings.Cut(origin, "://")
	if host == canonicalHost(r.Host, scheme) {
		return "", nil
	}
	return origin, nil
}

// allowsOrigin says whether list, in any spelling, has a canonical origin.
func allowsOrigin(list []string, origin string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		o, err := canonicalOrigin(s)
		return err == nil && o == origin
	})
}
