package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// Bounds of event streams.
const (
	// heartbeat is how often a stream says that it lives: often enough for
	// proxies that give up on silent connections after 30 s.
	heartbeat = 15 * time.Second
	// stallTime is for how long a reader may take nothing (SE-9). What waits
	// for it meanwhile is in the kernel's buffers only.
	stallTime = 10 * time.Second
	// mostStreams is how many one person or app may have open.
	mostStreams = 64
	// reconnectTime is what browsers are told to wait before they come back,
	// in milliseconds.
	reconnectTime = 2000
)

// errStreamOver ends a stream that has nothing more to tell.
var errStreamOver = errors.New("the event stream is over")

// streams are the event streams of a Server.
type streams struct {
	heartbeat, stall time.Duration
	ended            chan struct{} // closed: no streams any more
	end              sync.Once

	mu   sync.Mutex
	open map[control.Actor]int
}

func newStreams() *streams {
	return &streams{
		heartbeat: heartbeat, stall: stallTime, ended: make(chan struct{}), open: make(map[control.Actor]int),
	}
}

// EndStreams ends all event streams, now and later: their readers come back
// to another server, or to this one when it has started again. It may be
// called more than once.
func (s *Server) EndStreams() { s.streams.end.Do(func() { close(s.streams.ended) }) }

// enter counts a stream; false when there are too many.
func (s *streams) enter(a control.Actor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[a] >= mostStreams {
		return false
	}
	s.open[a]++
	return true
}

func (s *streams) leave(a control.Actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[a]--; s.open[a] <= 0 {
		delete(s.open, a)
	}
}

// feed is what a stream tells.
type feed interface {
	// watch returns what reports news, and changes of who may hear them.
	// Whatever happens after it has returned is reported.
	watch(ctx context.Context) ([]store.Watcher, error)
	// tell writes what there is to tell since the last call; errStreamOver
	// when that was the last. rewatch says that watch would return others now.
	tell(ctx context.Context, out *eventWriter) (rewatch bool, err error)
}

// streamOf answers with what a feed tells.
func (s *Server) streamOf(actor control.Actor, f feed) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		from := originOf(ctx.Context())
		from.request = r // with its path's parameters: see still
		s.serveStream(context.WithValue(ctx.Context(), originKey{}, from), w, actor, f)
	}}
}

func (s *Server) serveStream(ctx context.Context, w http.ResponseWriter, actor control.Actor, f feed) {
	if !s.streams.enter(actor) {
		writeProblem(w, newProblem(http.StatusTooManyRequests, CodeRateLimited,
			"Too many event streams are open: close some.").withHeader("Retry-After", "1"))
		return
	}
	defer s.streams.leave(actor)
	out := newEventWriter(w, s.streams.stall)
	for {
		again, err := s.follow(ctx, f, out)
		if again {
			continue
		}
		switch {
		case errors.Is(err, errStreamOver), ctx.Err() != nil:
		case errors.Is(err, errStalled):
			s.log.DebugContext(ctx, "the reader of an event stream stalled or has gone", "err", err)
		case !out.started:
			writeProblem(w, problemOf(s.failed(ctx, "event stream", err)))
		case !errors.Is(err, store.ErrClosed):
			s.log.ErrorContext(ctx, "an event stream failed", "err", err)
		}
		return
	}
}

// follow tells what a feed has, until something else is to be watched.
func (s *Server) follow(ctx context.Context, f feed, out *eventWriter) (again bool, err error) {
	watchers, err := f.watch(ctx)
	if err != nil {
		return false, err
	}
	waker := wakeOn(ctx, watchers)
	defer waker.stop()
	beat := time.NewTicker(s.streams.heartbeat)
	defer beat.Stop()
	for {
		if again, err := f.tell(ctx, out); again || err != nil {
			return again, err
		}
		if err := out.begin(); err != nil {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-s.streams.ended:
			return false, errStreamOver
		case err := <-waker.dead:
			return false, err
		case <-waker.news:
		case <-beat.C: // who may hear it ends with time, too
			if err := out.beat(); err != nil {
				return false, err
			}
		}
	}
}

// waker waits for several watches at once.
type waker struct {
	news     chan struct{} // holds one: there may be more than one piece of news
	dead     chan error    // a watch has ended
	watchers []store.Watcher
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

func wakeOn(ctx context.Context, watchers []store.Watcher) *waker {
	w := &waker{news: make(chan struct{}, 1), dead: make(chan error, len(watchers)), watchers: watchers}
	ctx, w.cancel = context.WithCancel(ctx)
	for _, watcher := range watchers {
		w.running.Go(func() { w.wait(ctx, watcher) })
	}
	return w
}

func (w *waker) wait(ctx context.Context, watcher store.Watcher) {
	for {
		if _, err := watcher.Next(ctx); err != nil && !errors.Is(err, store.ErrLost) {
			w.dead <- err
			return
		}
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

func (w *waker) stop() {
	w.cancel()
	for _, watcher := range w.watchers {
		watcher.Close()
	}
	w.running.Wait()
}

// watchAll opens watches, or none.
func watchAll(open ...func() (store.Watcher, error)) ([]store.Watcher, error) {
	var list []store.Watcher
	for _, f := range open {
		watcher, err := f()
		if err != nil {
			for _, w := range list {
				w.Close()
			}
			return nil, err
		}
		list = append(list, watcher)
	}
	return list, nil
}

// errStalled: the reader took nothing for too long, or has gone.
var errStalled = errors.New("the reader takes nothing")

// eventWriter writes server-sent events (HTML standard, 9.2).
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	started bool
}

func newEventWriter(w http.ResponseWriter, stall time.Duration) *eventWriter {
	return &eventWriter{w: w, control: http.NewResponseController(w), stall: stall}
}

// begin writes the head of the answer, once.
func (e *eventWriter) begin() error {
	if e.started {
		return nil
	}
	return e.write(nil)
}

// event writes one event; id "" leaves out its id. data is what JSON is made
// of: one line.
func (e *eventWriter) event(id, name string, data any) error {
	line, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", name, line)
	return e.write(b.Bytes())
}

// beat writes a comment, which readers pass over.
func (e *eventWriter) beat() error { return e.write([]byte(":\n\n")) }

// write hands bytes to the connection, within the time that a reader may
// stall. The server's own deadlines are for answers that end.
func (e *eventWriter) write(b []byte) error {
	if !e.started {
		e.started = true
		if err := e.control.SetReadDeadline(time.Time{}); err != nil {
			return fmt.Errorf("lift the read deadline: %w", err)
		}
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no") // nginx would hold events back
		e.w.WriteHeader(http.StatusOK)
		b = append([]byte("retry: "+strconv.Itoa(reconnectTime)+"\n\n"), b...)
	}
	err := e.control.SetWriteDeadline(time.Now().Add(e.stall))
	if err == nil {
		_, err = e.w.Write(b)
	}
	if err == nil {
		err = e.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return nil
}

// described is an event of a stream in the documentation.
type described struct {
	name string
	data any
}

// addStream registers a route that answers with events.
func addStream[I any](s *Server, h huma.API, r route, events []described, handle func(context.Context, *I) (*huma.StreamResponse, error)) {
	add(s, h, r, handle)
	schemas := h.OpenAPI().Components.Schemas
	var one []*huma.Schema
	for _, e := range events {
		one = append(one, &huma.Schema{
			Type: huma.TypeObject, Title: e.name, Required: []string{"event", "data"},
			Properties: map[string]*huma.Schema{
				"id":    {Type: huma.TypeString, Description: "For Last-Event-ID; absent where the stream can't be resumed."},
				"event": {Type: huma.TypeString, Enum: []any{e.name}},
				"data":  schemas.Schema(reflect.TypeOf(e.data), true, ""),
			},
		})
	}
	response := answerOf(h, r.method, r.path, r.status)
	response.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
		Type: huma.TypeArray, Description: "The events of the stream.", Items: &huma.Schema{OneOf: one},
	}}}
}

// answerOf is the description of a route's answer.
func answerOf(h huma.API, method, path string, status int) *huma.Response {
	item := h.OpenAPI().Paths[prefix+path]
	op := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post,
	}[method]
	code := strconv.Itoa(status)
	if op.Responses[code] == nil {
		op.Responses[code] = &huma.Response{Description: http.StatusText(status)}
	}
	return op.Responses[code]
}

// describeAnswers says that a route's answer is one of several types.
func describeAnswers(h huma.API, method, path string, of ...any) {
	schemas := h.OpenAPI().Components.Schemas
	one := &huma.Schema{}
	for _, v := range of {
		one.OneOf = append(one.OneOf, schemas.Schema(reflect.TypeOf(v), true, ""))
	}
	answerOf(h, method, path, http.StatusOK).Content = map[string]*huma.MediaType{"application/json": {Schema: one}}
}
