// Package api serves the HTTP interface of the control plane under /api/v1,
// its OpenAPI 3.1 description at /api/v1/openapi.json, and a page to read it
// at /docs.
//
// [New] returns the handler. The routes stand in routes.go, each with its
// documentation; the handlers translate between HTTP and control.Service and
// hold no rules.
//
// The one contract to know: every error is application/problem+json
// (RFC 9457) with a stable field code ([Problem]); the codes are the
// constants Code… of problem.go. A request with an unknown field is refused
// with 400 naming the field. A panic in a handler answers 500, is logged and
// disturbs nobody else.
//
// Who may call: everything but POST /entry needs an API key
// (Authorization: Bearer atk_…). Only failures count against a caller's
// limit, by /64 of IPv6 or single IPv4 address, so that those who come from
// one address with good links are never blocked (SE-5).
package api
