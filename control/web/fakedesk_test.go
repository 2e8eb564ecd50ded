package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// object is a JSON object.
type object = map[string]any

// desk is a server in the API's place: what the pages of guests and staff
// read stands in its fields, and what they send is noted.
type desk struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	lobby   object                    // nil: the link is dead
	visit   object                    // nil: nobody entered
	session object                    // nil: nobody is signed in
	link    object                    // of /i, nil: dead
	queue   object                    // of the area
	booked  []object                  // its appointments
	links   []object                  // its open Consult Now links
	refuse  map[string]object         // by method and path: the problem
	slow    map[string]chan struct{}  // by method and path: answered when it is closed
	sent    []string                  // method, path and body of what changes something
	streams map[string][]chan<- event // by path
}

type event struct {
	name string
	data object
}

// newDesk serves the pages, with the SDK's fake.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, refuse: map[string]object{}, slow: map[string]chan struct{}{}, streams: map[string][]chan<- event{}}
	d.lobby = object{"kind": "area", "organisation": "Clinic West", "name": "Dr Adler", "open": true, "phone": "+43 1 234 56 78",
		"fields": []object{{"key": "name", "required": true}}, "welcome": ""}
	mux := fakePages(t)
	mux.HandleFunc("GET /api/v1/{thing}/{id}/events", d.serveEvents)
	mux.HandleFunc("/api/v1/", d.serve)
	d.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		d.mu.Lock()
		for _, list := range d.streams {
			for _, c := range list {
				close(c)
			}
		}
		d.streams = nil
		d.mu.Unlock()
		d.Close()
	})
	return d
}

// set changes the state under the lock.
func (d *desk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// tell sends an event to whoever listens on a path.
func (d *desk) tell(path, name string, data object) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == "visit" && strings.HasPrefix(path, "/visits/") {
		d.visit = data
	}
	for _, c := range d.streams[path] {
		c <- event{name, data}
	}
}

// did says whether a request was made; body is what it must contain.
func (d *desk) did(request, body string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.sent, func(s string) bool {
		return strings.HasPrefix(s, request+" ") && strings.Contains(s, body)
	})
}

// done waits for a request.
func (d *desk) done(request, body string) {
	d.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !d.did(request, body) {
		select {
		case <-deadline.C:
			d.mu.Lock()
			defer d.mu.Unlock()
			d.t.Fatalf("no %s with %s in %q", request, body, d.sent)
		case <-tick.C:
		}
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, code string, fields ...string) {
	problem := object{"status": status, "code": code, "title": code, "detail": code}
	for _, f := range fields {
		problem["errors"] = []object{{"field": "body.fields." + f, "message": "must be right"}}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem)
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	request := r.Method + " " + path
	body := object{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	if r.Method != http.MethodGet {
		text, _ := json.Marshal(body)
		d.sent = append(d.sent, request+" "+string(text))
	}
	if answered := d.slow[request]; answered != nil {
		d.mu.Unlock()
		select {
		case <-answered:
		case <-r.Context().Done():
		}
		d.mu.Lock()
	}
	if problem, ok := d.refuse[request]; ok {
		delete(d.refuse, request)
		refuse(w, problem["status"].(int), problem["code"].(string))
		return
	}
	seat := object{"token": "t", "participant_id": "self", "signal_url": "wss://elsewhere.invalid/api/v1/signal"}
	with := func(more object) object {
		for k, v := range seat {
			more[k] = v
		}
		return more
	}
	switch {
	case request == "POST /entry/look":
		either(w, d.lobby, http.StatusNotFound, "link_unknown")
	case request == "POST /entry":
		d.enter(w, body, with)
	case strings.HasPrefix(path, "/visits/v1/"), strings.HasPrefix(path, "/visits/") && r.Method == http.MethodPost:
		answer(w, with(object{"visit": d.visit, "call": object{"id": "c1"}}))
	case path == "/visits/v1":
		either(w, d.visit, http.StatusUnauthorized, "unauthenticated")
	case request == "POST /invitations/look":
		either(w, d.link, http.StatusNotFound, "link_unknown")
	case request == "GET /sessions/current":
		either(w, d.session, http.StatusUnauthorized, "unauthenticated")
	case request == "POST /sessions", request == "POST /invitations/accept":
		d.session = signedIn()
		answer(w, object{})
	case request == "GET /areas/a1":
		answer(w, object{"id": "a1", "name": "Dr Adler", "link": d.URL + "/e#area-secret", "suspended": false})
	case request == "GET /areas/a2":
		answer(w, object{"id": "a2", "name": "Dr Bauer"})
	case request == "GET /meeting-rooms/m1":
		answer(w, object{"id": "m1", "name": "Team room", "link": d.URL + "/e#room-secret"})
	case request == "POST /meeting-rooms/m1/enter":
		answer(w, with(object{"call": object{"id": "c9", "meeting_room_id": "m1"}}))
	case request == "POST /areas/a1/consult-now":
		answer(w, with(object{"call": object{"id": "c2"}, "consult_now": consult("sent", d.URL+"/e#consult-secret")}))
	case request == "GET /areas/a1/consult-now":
		answer(w, object{"items": d.links})
	case request == "GET /areas/a1/appointments":
		answer(w, object{"items": d.booked})
	case strings.HasSuffix(path, "/send"):
		d.send(w, body)
	case request == "PATCH /sessions/current/account":
		name, given := body["name"]
		if !given {
			name = "Dr Adler"
		}
		answer(w, object{"name": name})
	case request == "POST /areas/a1/appointments":
		answer(w, object{"id": "p1", "link": d.URL + "/e#appointment-secret"})
	case strings.HasPrefix(path, "/consult-now/k1"):
		answer(w, consult("sent", ""))
	case request == "GET /consult-now/k2":
		answer(w, object{"id": "k2", "area_id": "a1", "state": "sent", "channel": "sms", "address": "+43 660 2"})
	case strings.HasSuffix(path, "/invite"):
		answer(w, object{"channel": "copy", "link": d.URL + "/e#invite-secret"})
	case strings.HasSuffix(path, "/lock"):
		answer(w, object{"id": strings.Split(path, "/")[2], "locked": body["locked"]})
	case strings.HasSuffix(path, "/token"):
		answer(w, seat)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// send answers a request that sends a link: text messages go out, for e-mail
// nothing is set up.
func (d *desk) send(w http.ResponseWriter, body object) {
	to, _ := body["to"].(object)
	if to["phone"] != nil {
		answer(w, object{"channel": "sms"})
		return
	}
	answer(w, object{"channel": "copy", "link": d.URL + "/e#sent-secret"})
}

func (d *desk) enter(w http.ResponseWriter, body object, with func(object) object) {
	fields, _ := body["fields"].(object)
	if d.lobby == nil {
		refuse(w, http.StatusNotFound, "link_unknown")
		return
	}
	if fields["phone"] == "1" {
		refuse(w, http.StatusBadRequest, "invalid", "phone")
		return
	}
	if d.lobby["kind"] == "registration" {
		d.lobby = object{"kind": "group", "name": d.lobby["name"], "open": true, "fields": []object{}}
		answer(w, object{"registration": object{"id": "g1"}, "link": d.URL + "/e#own-secret"})
		return
	}
	if d.visit == nil {
		d.visit = guestVisit("waiting")
	}
	answer(w, with(object{"visit": d.visit, "visit_token": "atv_secret"}))
}

func either(w http.ResponseWriter, v object, status int, code string) {
	if v == nil {
		refuse(w, status, code)
		return
	}
	answer(w, v)
}

func (d *desk) serveEvents(w http.ResponseWriter, r *http.Request) {
	path := "/" + r.PathValue("thing") + "/" + r.PathValue("id")
	events := make(chan event, 16)
	d.mu.Lock()
	first := event{"visit", d.visit}
	if r.PathValue("thing") == "areas" {
		first = event{"queue", d.queue}
	}
	if d.streams == nil || first.data == nil {
		d.mu.Unlock()
		refuse(w, http.StatusUnauthorized, "unauthenticated")
		return
	}
	events <- first
	d.streams[path] = append(d.streams[path], events)
	d.mu.Unlock()
	defer d.set(func() {
		if d.streams == nil {
			return // the test is over
		}
		d.streams[path] = slices.DeleteFunc(d.streams[path], func(c chan<- event) bool { return c == events })
	})
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			data, _ := json.Marshal(e.data)
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, data)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// guestVisit is what a guest is shown of their visit.
func guestVisit(state string, more ...object) object {
	v := object{"id": "v1", "kind": "area", "state": state, "arrived_at": time.Now().UTC(), "messages": []object{}, "position": 3}
	for _, m := range more {
		for k, val := range m {
			v[k] = val
		}
	}
	return v
}

// staffVisit is what staff are shown of a visit.
func staffVisit(id, name, state string, minutes int, more ...object) object {
	v := object{"id": id, "kind": "area", "state": state, "area_id": "a1", "connected": true, "participant_id": "x" + id,
		"arrived_at": time.Now().Add(-time.Duration(minutes) * time.Minute).UTC(), "messages": []object{},
		"fields": object{"name": name}, "device": object{"camera": true, "microphone": true, "relay": false}}
	for _, m := range more {
		for k, val := range m {
			v[k] = val
		}
	}
	return v
}

func consult(state, link string) object {
	c := object{"id": "k1", "area_id": "a1", "call_id": "c2", "state": state, "channel": "copy", "expires_at": time.Now().Add(5 * time.Minute).UTC()}
	if link != "" {
		c["link"] = link
	}
	return c
}

// signedIn is the session of a provider of one area, who may transfer to
// another and is a member of a meeting room.
func signedIn() object {
	return object{
		"account": object{"id": "u1", "name": "Dr Adler", "email": "adler@example.org"}, "organisation": "Clinic West", "has_password": true,
		"places": []object{
			{"kind": "area", "id": "a1", "name": "Dr Adler", "unit": "Cardiology", "roles": []string{"provider"}, "permissions": []string{
				"areas.read", "queue.read", "visits.conduct", "appointments.manage", "links.share", "areas.suspend"}},
			{"kind": "area", "id": "a2", "name": "Dr Bauer", "unit": "Cardiology", "roles": []string{"referrer"}, "permissions": []string{"areas.read", "transfer.into"}},
			{"kind": "room", "id": "m1", "name": "Team room", "unit": "Cardiology", "roles": []string{"room_member"}, "permissions": []string{"meeting_rooms.enter", "meeting_rooms.read"}},
		},
	}
}

// someQueue is an area with people in all states.
func someQueue() object {
	return object{"visits": []object{
		staffVisit("v2", "Maria Lopez", "waiting", 12, object{"fields": object{"name": "Maria Lopez", "phone": "+43 660 123 45 67", "text": "About my blood pressure"}}),
		staffVisit("v3", "Walter Schönfeld-Hagenbeck", "waiting", 4, object{"kind": "appointment", "device": object{"camera": false, "microphone": true}}),
		staffVisit("v4", "Amina Yusuf", "waiting", 1, object{"connected": false}),
		staffVisit("v5", "Tom Baker", "on_hold", 30, object{"call_id": "c5", "hold_since": time.Now().Add(-3 * time.Minute).UTC()}),
		staffVisit("v6", "Priya Raman", "in_call", 20, object{"call_id": "c6", "seen_at": time.Now().Add(-9 * time.Minute).UTC()}),
	}, "calls": []object{}}
}
