package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// prefix of all routes.
const prefix = "/api/v1"

// Options of New. Control, Tokens, Store and Keys are needed.
type Options struct {
	Control *control.Service
	Tokens  *auth.Tokens
	Store   store.Store // of sessions, passwords, gateways and webhooks: Control's own
	Keys    *auth.Keys  // make the tokens of sessions

	Policy    *auth.Policy     // nil: auth.NewPolicy
	Sessions  *auth.Sessions   // nil: auth.NewSessions
	Passwords *auth.Passwords  // nil: auth.NewPasswords; failures are counted in it
	Outbox    *notify.Outbox   // nil: notify.NewOutbox
	Operator  auth.OperatorKey // zero: there is no operator
	// Guests recognises visit tokens; nil: Control.
	Guests Guests
	// Nodes tells the state of the servers of this deployment; nil: none.
	Nodes func(context.Context) []Node

	// BaseURL returns the address that whoever sent the request reached us by,
	// without a slash at the end: https://calls.example.org. It begins every
	// link that is handed out. nil: from the request's Host and TLS.
	BaseURL func(*http.Request) string
	Logger  *slog.Logger     // nil: no logs
	Now     func() time.Time // nil: the wall clock
}

// Guests says whose a visit token is, by its digest; ErrUnauthenticated when
// it is nobody's, or the visit has ended. *control.Service is one.
type Guests interface {
	VisitByToken(ctx context.Context, digest [32]byte) (control.Actor, error)
}

// Server serves /api/v1/ and /docs; it is what the handlers share. Only the
// limits change after New.
type Server struct {
	control   *control.Service
	tokens    *auth.Tokens
	store     store.Store
	keys      *auth.Keys
	policy    *auth.Policy
	sessions  *auth.Sessions
	passwords *auth.Passwords
	outbox    *notify.Outbox
	operator  auth.OperatorKey
	guests    Guests
	nodes     func(context.Context) []Node

	baseURL     func(*http.Request) string
	log         *slog.Logger
	now         func() time.Time
	failures    *failures
	pace        *pace
	streams     *streams
	crossOrigin *http.CrossOriginProtection
	maxBody     int64
	evenTime    time.Duration

	mux     *http.ServeMux
	handler http.Handler    // mux, guarded
	methods map[string]bool // that any route uses
	routes  []route         // all that were registered
	openAPI []byte
}

// New returns the server of /api/v1/ (all but /api/v1/signal, which a more
// specific pattern beside it may serve) and of /docs.
func New(cfg Config, o Options) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("api.New: %w", err)
	}
	if o.Control == nil || o.Tokens == nil || o.Store == nil || o.Keys == nil {
		return nil, errors.New("api.New: Control, Tokens, Store and Keys are needed")
	}
	o = o.withDefaults()
	s := &Server{
		control: o.Control, tokens: o.Tokens, store: o.Store, keys: o.Keys,
		policy: o.Policy, sessions: o.Sessions, passwords: o.Passwords, outbox: o.Outbox,
		operator: o.Operator, guests: o.Guests, nodes: o.Nodes,
		baseURL: o.BaseURL, log: o.Logger, now: o.Now,
		failures:    newFailures(cfg, o.Now),
		pace:        newPace(o.Now),
		streams:     newStreams(),
		crossOrigin: http.NewCrossOriginProtection(),
		maxBody:     cfg.MaxBodyBytes,
		evenTime:    evenTime,
		mux:         http.NewServeMux(),
		methods:     make(map[string]bool),
	}
	description := s.register()
	if err := s.checkRoutes(); err != nil {
		return nil, fmt.Errorf("api.New: %w", err)
	}
	document, err := json.MarshalIndent(description, "", " ")
	if err != nil {
		return nil, fmt.Errorf("api.New: describe the API: %w", err)
	}
	s.openAPI = document
	s.mux.HandleFunc("GET "+prefix+"/openapi.json", s.serveOpenAPI)
	s.mux.HandleFunc("/api/", s.serveUnknown)
	s.mux.Handle("GET /docs", docsHandler())
	s.mux.Handle("GET /docs/", docsHandler())
	s.handler = s.guard(s.mux)
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Policy == nil {
		o.Policy = auth.NewPolicy()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Guests == nil {
		o.Guests = o.Control
	}
	if o.Sessions == nil {
		o.Sessions = auth.NewSessions(o.Now)
	}
	if o.Passwords == nil {
		o.Passwords = auth.NewPasswords(o.Now)
	}
	if o.Outbox == nil {
		o.Outbox = notify.NewOutbox(o.Keys, o.Now)
	}
	if o.BaseURL == nil {
		o.BaseURL = requestURL
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Nodes == nil {
		o.Nodes = func(context.Context) []Node { return nil }
	}
	return o
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Reconfigure puts other limits of failures in force; cfg must be valid.
// MaxBodyBytes is part of the routes and stays.
func (s *Server) Reconfigure(cfg Config) { s.failures.configure(cfg) }

// requestURL is the default of Options.BaseURL.
func requestURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newHuma returns huma set up to be strict and quiet: no pages or formats of
// its own, errors as problems.
func (s *Server) newHuma() huma.API {
	config := huma.DefaultConfig("Atrium", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // it adds $schema to every answer
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{rework}
	strict := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	config.Formats = map[string]huma.Format{
		"application/json": strict,
		"json":             strict, // for application/problem+json
	}
	return huma.NewAPI(config, adapter{Adapter: humago.NewAdapter(s.mux, ""), server: s})
}

// unmarshal refuses what encoding/json would quietly replace, and doesn't
// quote the body in its errors.
func unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("is not valid UTF-8")
	}
	err := json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return errors.New("is not valid JSON: error after byte " + strconv.FormatInt(syntax.Offset, 10))
	case errors.As(err, &wrong):
		return fmt.Errorf("has a value of the wrong type: %s in place of %s", wrong.Value, wrong.Type)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("is not complete JSON")
	}
	return err
}

// adapter lets statuses be corrected as rework corrects bodies, and notes the
// methods in use.
type adapter struct {
	huma.Adapter
	server *Server
}

func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.server.methods[op.Method] = true
	a.Adapter.Handle(op, func(ctx huma.Context) { handler(&statusContext{ctx}) })
}

// humaContext names the embedded field; Context is a method of it.
type humaContext = huma.Context

// statusContext writes reworkStatus of the status that huma chose.
type statusContext struct{ humaContext }

func (c *statusContext) SetStatus(status int) { c.humaContext.SetStatus(reworkStatus(status)) }

// Unwrap lets humago.Unwrap find the request.
func (c *statusContext) Unwrap() huma.Context { return c.humaContext }
