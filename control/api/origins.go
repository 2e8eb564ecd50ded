package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Names of the cookies. __Host- has browsers refuse them unless they are
// Secure, of this very host and of path /; they count http://localhost as
// secure.
const (
	sessionCookie = "__Host-atrium"
	visitCookie   = "__Host-atrium_visit"
)

// hostCookie is the value of a Set-Cookie header; maxAge is in seconds.
func hostCookie(name, value string, maxAge int) string {
	return (&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}).String()
}

// endCookie has the browser forget a cookie.
func endCookie(name string) string { return hostCookie(name, "", -1) }

// ownCookie returns a cookie of a request that a page of ours sent, "" else:
// no other page's request is judged by cookies.
func ownCookie(r *http.Request, name string) string {
	if originOf(r.Context()).foreign != "" {
		return ""
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// foreignOrigin refuses a page of an origin that isn't listed (SE-8).
func foreignOrigin() *Problem {
	return newProblem(http.StatusForbidden, CodeForeignOrigin,
		"This web page may not call Atrium: an administrator adds its origin to the organisation's allowed_origins.")
}

// originClass says what page sent a request: foreign is its origin when that
// isn't ours.
func (s *Server) originClass(r *http.Request, base string) (foreign string, problem *Problem) {
	origin := r.Header.Get("Origin")
	if origin == "" || strings.EqualFold(origin, base) || sameHost(origin, r.Host) {
		// Browsers that send no Origin say with Sec-Fetch-Site that another
		// page is behind it.
		if origin == "" && s.crossOrigin.Check(r) != nil {
			return "", foreignOrigin()
		}
		return "", nil
	}
	listed, err := s.control.OriginAllowed(r.Context(), origin, "")
	if err != nil {
		return "", problemOf(s.failed(r.Context(), "check an origin", err))
	}
	if !listed {
		return "", foreignOrigin()
	}
	return origin, nil
}

// sameHost is how net/http's CrossOriginProtection compares: behind a proxy
// that ends TLS the scheme isn't known.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// crossHeaders are the request headers that pages of listed origins may send.
const crossHeaders = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"

// allowCross lets a page of a listed origin read the answer. It says nothing
// of credentials: cookies are for our own pages.
func allowCross(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After, Location")
}

// servePreflight answers what browsers ask before a request of another
// origin's page.
func (s *Server) servePreflight(w http.ResponseWriter) {
	methods := make([]string, 0, len(s.methods))
	for method := range s.methods {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", crossHeaders)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// isPreflight says whether a browser asks for leave.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
