package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// watchAreaInput is the path of an area, and where to go on.
type watchAreaInput struct {
	AreaPath
	LastEventID string `header:"Last-Event-ID" doc:"Go on after the event with this id."`
}

// watchArea follows an area.
func (s *Server) watchArea(ctx context.Context, in *watchAreaInput) (*huma.StreamResponse, error) {
	f := &areaFeed{server: s, access: accessOf(ctx), id: in.ID}
	if seq, err := strconv.ParseUint(in.LastEventID, 10, 64); err == nil {
		f.seq, f.begun = seq, true
	}
	return s.streamOf(f.access.actor, f), nil
}

// areaFeed tells staff what happens in an area.
type areaFeed struct {
	server *Server
	access *access
	id     string

	seq   uint64 // of the last event that was told
	begun bool   // the reader knows the state as of seq
}

func (f *areaFeed) watch(ctx context.Context) ([]store.Watcher, error) {
	watchers, err := f.server.control.WatchAccess(ctx, f.access.actor)
	if err != nil {
		return nil, err
	}
	more, err := watchAll(
		func() (store.Watcher, error) { return f.server.control.WatchArea(ctx, f.id) },
		func() (store.Watcher, error) {
			return f.server.sessions.Watch(ctx, f.server.store, f.access.principal.session)
		},
	)
	if err != nil {
		for _, w := range watchers {
			w.Close()
		}
	}
	return append(watchers, more...), err
}

// tell writes what the reader doesn't know yet. Of several events of one
// thing only the last is told: each has the whole state.
func (f *areaFeed) tell(ctx context.Context, out *eventWriter) (rewatch bool, err error) {
	for {
		may, err := f.server.still(ctx)
		if err != nil {
			return false, err
		}
		if !may {
			return false, errStreamOver
		}
		if !f.begun {
			if err := f.tellQueue(ctx, out); err != nil {
				return false, gone(err)
			}
		}
		events, err := f.server.control.AreaEvents(ctx, f.id, f.seq)
		if errors.Is(err, control.ErrEventsLost) {
			f.begun = false
			continue
		}
		if err != nil {
			return false, err
		}
		if len(events) == 0 {
			return false, nil
		}
		last := make(map[string]int, len(events))
		for i, e := range events {
			last[feedKey(e)] = i
		}
		for i, e := range events {
			if last[feedKey(e)] == i {
				if err := f.tellEvent(ctx, out, e); err != nil {
					return false, err
				}
			}
			f.seq = e.Seq
		}
	}
}

// feedKey is what an event is of: of a group's lobby it says nothing of the
// group.
func feedKey(e control.AreaEvent) string {
	if e.Kind == control.AreaGroupLobby {
		return "lobby/" + e.ID
	}
	return e.ID
}

// gone ends the stream of what has been deleted.
func gone(err error) error {
	if errors.Is(err, control.ErrNotFound) {
		return errStreamOver
	}
	return err
}

func (f *areaFeed) tellQueue(ctx context.Context, out *eventWriter) error {
	q, err := f.server.control.Queue(ctx, f.access.actor, f.id)
	if err != nil {
		return err
	}
	queue, err := f.server.queueOf(ctx, q)
	if err != nil {
		return err
	}
	f.seq, f.begun = q.Seq, true
	return out.event(strconv.FormatUint(f.seq, 10), "queue", queue)
}

// tellEvent writes what the thing is now that an event names. What is no
// longer there has an event of its own, that says so.
func (f *areaFeed) tellEvent(ctx context.Context, out *eventWriter, e control.AreaEvent) error {
	var data any
	var err error
	name := string(e.Kind)
	switch e.Kind {
	case control.AreaVisit, control.AreaVisitLeft:
		name, data, err = f.visit(ctx, e.ID)
	case control.AreaCall:
		var call control.Call
		if call, err = f.server.control.Call(ctx, f.access.actor, e.ID); err == nil {
			data, err = f.server.callOf(ctx, call)
		}
	case control.AreaConsult:
		var c control.ConsultNow
		c, err = f.server.control.ReadConsult(ctx, f.access.actor, e.ID)
		c.Address, c.Link = "", "" // for who sent it, not for everybody who sees the queue
		data = consultOf(ctx, c)
	case control.AreaGroup:
		var g control.GroupSession
		g, err = f.server.control.Group(ctx, f.access.actor, e.ID)
		g.Link = "" // it is read, by who may moderate groups
		data = f.server.groupOf(ctx, g)
	case control.AreaGroupLobby:
		data = ChangedLobby{GroupID: e.ID}
	case control.AreaChanged:
		var a control.Area
		a, err = f.server.control.Area(ctx, f.access.actor, e.ID)
		data = AreaState{ID: a.ID, Name: a.Name, Suspended: a.Suspended, SuspendedReason: a.SuspendedReason}
	default:
		return nil // an event for others
	}
	if errors.Is(err, control.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return out.event(strconv.FormatUint(e.Seq, 10), name, data)
}

// visit is a visit as it is now, or that it isn't in the area any more.
func (f *areaFeed) visit(ctx context.Context, id string) (name string, data any, err error) {
	v, err := f.server.control.Visit(ctx, f.access.actor, id)
	if err != nil && !errors.Is(err, control.ErrNotFound) {
		return "", nil, err
	}
	if err != nil || v.State == control.VisitEnded || v.AreaID != f.id {
		return string(control.AreaVisitLeft), LeftVisit{ID: id}, nil
	}
	v.Position = 0 // of this moment only: see Visit
	return string(control.AreaVisit), visitOf(v), nil
}

// still says whether who was let through may still do the same (R-P-2). It
// looks everything up anew, but is no use of a session: one whose page only
// looks on ends after its idle time.
func (s *Server) still(ctx context.Context) (bool, error) {
	a := accessOf(ctx)
	p := *a.principal
	switch {
	case p.account != nil:
		known, err := s.renew(ctx, &p)
		if !known || err != nil {
			return false, err
		}
	case p.key != nil:
		_, err := s.control.ScopeChain(ctx, control.ThingAPIKey, p.key.KeyID)
		if known, err := found(err, control.ErrNotFound); !known || err != nil {
			return false, err
		}
	}
	_, problem := s.authorise(ctx, a.route, &p, originOf(ctx).request)
	switch {
	case problem == nil:
		return true, nil
	case problem.Status >= http.StatusInternalServerError:
		return false, problem
	}
	return false, nil
}

// renew reads the account and the roles of a session anew; false when it is
// over.
func (s *Server) renew(ctx context.Context, p *principal) (bool, error) {
	err := s.store.View(ctx, func(tx store.Tx) error {
		_, _, err := s.sessions.Find(tx, p.session)
		return err
	})
	if ok, err := found(err, auth.ErrNoSession); !ok || err != nil {
		return false, err
	}
	account, err := s.control.Account(ctx, control.System(), p.account.ID)
	if ok, err := found(err, control.ErrNotFound); !ok || err != nil {
		return false, err
	}
	if account.State != control.AccountActive {
		return false, nil
	}
	p.account = &account
	p.grants, err = s.control.Grants(ctx, account.ID)
	return err == nil, err
}

// watchVisit follows a guest's own visit.
func (s *Server) watchVisit(ctx context.Context, _ *VisitPath) (*huma.StreamResponse, error) {
	f := &guestFeed{server: s, actor: actorOf(ctx), digest: shownVisit(ctx)}
	return s.streamOf(f.actor, f), nil
}

// shownVisit is the digest of the visit token that a request shows, nil for
// none.
func shownVisit(ctx context.Context) *[32]byte {
	digest, ok := auth.VisitTokenDigest(visitTokenOf(ctx))
	if !ok {
		return nil
	}
	return &digest
}

// guestFeed tells a guest of their own visit, and nothing else: other guests
// coming and going make no event, unless the place in the queue that is shown
// is another one (R-IA-2).
type guestFeed struct {
	server *Server
	actor  control.Actor
	digest *[32]byte // of the token

	area string // whose queue is watched
	told []byte // what the reader knows
}

func (f *guestFeed) watch(ctx context.Context) ([]store.Watcher, error) {
	view, err := f.server.control.GuestView(ctx, f.actor, f.actor.ID)
	if err != nil {
		return nil, err
	}
	f.area = view.AreaID
	list := []func() (store.Watcher, error){
		func() (store.Watcher, error) { return f.server.control.WatchVisit(ctx, f.actor.ID) },
	}
	if f.area != "" {
		list = append(list, func() (store.Watcher, error) { return f.server.control.WatchQueue(ctx, f.area) })
	}
	return watchAll(list...)
}

func (f *guestFeed) tell(ctx context.Context, out *eventWriter) (rewatch bool, err error) {
	view, err := f.server.control.GuestView(ctx, f.actor, f.actor.ID)
	if err != nil {
		return false, gone(err)
	}
	over := view.State == control.VisitEnded
	if !over && f.digest != nil {
		// Who came by the same link in another browser has the visit now.
		whose, err := f.server.control.VisitByToken(ctx, *f.digest)
		ok, err := found(err, control.ErrUnauthenticated)
		if err != nil {
			return false, err
		}
		if !ok || whose.ID != f.actor.ID {
			return false, errStreamOver
		}
	}
	if view.AreaID != f.area {
		return true, nil
	}
	shown := guestVisitOf(f.actor.ID, view)
	now, err := json.Marshal(shown)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(now, f.told) {
		if err := out.event("", "visit", shown); err != nil {
			return false, err
		}
		f.told = now
	}
	if over {
		return false, errStreamOver
	}
	return false, nil
}
