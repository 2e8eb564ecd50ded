// Package api serves the HTTP interface of the control plane under /api/v1,
// its OpenAPI 3.1 description at /api/v1/openapi.json, and a page to read it
// at /docs.
//
// [New] returns the handler. Each group of routes stands in a file of its
// own, with its documentation and handlers (routes.go lists the groups and says
// what a route is); the handlers translate between HTTP and control.Service and
// hold no rules.
//
// The one contract to know: every error is application/problem+json
// (RFC 9457) with a stable field code ([Problem]); the codes are the
// constants Code… of problem.go. A request with an unknown field is refused
// with 400 naming the field. A panic in a handler answers 500, is logged and
// disturbs nobody else.
//
// Who may call: every route names a permission of auth.Table and the thing it
// is asked for (the route struct of routes.go); New fails for one that
// doesn't, and one middleware decides by the roles that the caller holds at
// that moment on the thing, and on what it stands in (authorise.go; R-P-1,
// R-P-2, R-T-4). Callers show an API key (Authorization: Bearer atk_…), a
// session of staff (ats_… or the cookie __Host-atrium), a visit of a guest
// (atv_… or the cookie __Host-atrium_visit) or the operator key (ato_…).
// Cookies count only in requests of pages of this server; pages of other
// origins are refused unless an organisation lists them (origins.go; SE-8).
//
// Only failures count against a caller's limit, by /64 of IPv6 or single IPv4
// address, so that those who come from one address with good links are never
// blocked (SE-5).
package api
