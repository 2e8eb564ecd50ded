package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func TestRoomLifecycle(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain","capacity":30,"name":" Intake "}`)
	if room.Capacity != 30 || room.Name != "Intake" || room.Type != "plain" || !strings.HasPrefix(room.Link, f.url+"/r#") {
		t.Errorf("created %+v", room)
	}
	path := "/api/v1/rooms/" + room.ID
	got := must[Room](f, http.StatusOK, "GET", path, f.key, "")
	if diff := cmp.Diff(room, got); diff != "" {
		t.Errorf("read (-created +read):\n%s", diff)
	}
	token := must[Token](f, http.StatusCreated, "POST", path+"/tokens", f.key, `{"name":"Zoë","role":"moderator"}`)
	claims, err := f.tokens.Verify(token.Token)
	if err != nil || claims.RoomID != room.ID || claims.ParticipantID != token.ParticipantID || claims.Role != "moderator" ||
		claims.Name != "Zoë" || !claims.ExpiresAt.Equal(token.ExpiresAt) {
		t.Errorf("token %+v, %v", claims, err)
	}
	if want := "ws" + strings.TrimPrefix(f.url, "http") + "/api/v1/signal"; token.SignalURL != want {
		t.Errorf("signal_url %s, want %s", token.SignalURL, want)
	}
	admission := must[Admission](f, http.StatusOK, "POST", "/api/v1/entry", "",
		`{"link":"`+room.Link+`","fields":{"name":"Ana"}}`)
	claims, err = f.tokens.Verify(admission.Token.Token)
	if err != nil || claims.Role != "participant" || claims.RoomID != room.ID || admission.Room.Name != "Intake" {
		t.Errorf("entered with %+v, %v into %+v", claims, err, admission.Room)
	}
	if a := f.do("DELETE", path, f.key, ""); a.status != http.StatusNoContent || len(a.body) != 0 {
		t.Errorf("DELETE: %d %s", a.status, a.body)
	}
	if len(f.media.closed) != 1 || f.media.closed[0] != room.ID {
		t.Errorf("calls ended: %v", f.media.closed)
	}
	for _, a := range []answer{f.do("GET", path, f.key, ""), f.do("DELETE", path, f.key, "")} {
		if a.problem(t).Code != CodeNotFound {
			t.Errorf("a deleted room: %s", a.body)
		}
	}
	a := f.do("POST", "/api/v1/entry", "", `{"link":"`+room.Link+`","fields":{"name":"Ana"}}`)
	if a.problem(t).Code != CodeLinkUnknown {
		t.Errorf("a dead link: %s", a.body)
	}
}

func TestParticipants(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"meeting"}`)
	path := "/api/v1/rooms/" + room.ID + "/participants"
	if list := must[ParticipantList](f, http.StatusOK, "GET", path, f.key, ""); list.Items == nil || len(list.Items) != 0 {
		t.Errorf("an empty room: %v", list.Items)
	}
	id := uuid.NewString()
	f.media.rooms[room.ID] = []control.Participant{{
		ID: id, Name: "Ana", Role: control.RoleParticipant, Connected: true,
		Sources: []control.Source{{Source: "camera", MutedByServer: true, Muted: true}},
	}}
	want := ParticipantList{Items: []Participant{{
		ID: id, Name: "Ana", Role: "participant", Connected: true,
		Sources: []Source{{Source: "camera", Muted: true, MutedByServer: true}},
	}}}
	if diff := cmp.Diff(want, must[ParticipantList](f, http.StatusOK, "GET", path, f.key, "")); diff != "" {
		t.Errorf("participants (-want +got):\n%s", diff)
	}
	one := path + "/" + id
	must[struct{}](f, http.StatusNoContent, "POST", one+"/mute", f.key, `{"source":"microphone","muted":true}`)
	if len(f.media.muted) != 1 || f.media.muted[0] != id+" microphone" {
		t.Errorf("muted %v", f.media.muted)
	}
	must[struct{}](f, http.StatusNoContent, "POST", one+"/remove", f.key, "")
	for _, a := range []answer{
		f.do("POST", one+"/remove", f.key, ""),
		f.do("POST", one+"/mute", f.key, `{"source":"camera","muted":true}`),
		f.do("POST", path+"/x/remove", f.key, ""),
	} {
		if a.status != http.StatusNotFound || a.problem(t).Code != CodeNotFound {
			t.Errorf("somebody who isn't there: %d %s", a.status, a.body)
		}
	}
}

// every route that needs an API key, with a good request for it.
func keyedRoutes(room, participant string) []struct{ method, path, body string } {
	path := "/api/v1/rooms/" + room
	return []struct{ method, path, body string }{
		{"POST", "/api/v1/rooms", `{"type":"plain"}`},
		{"GET", "/api/v1/rooms", ""},
		{"GET", path, ""},
		{"POST", path + "/tokens", `{"name":"n","role":"viewer"}`},
		{"GET", path + "/participants", ""},
		{"POST", path + "/participants/" + participant + "/mute", `{"source":"camera","muted":true}`},
		{"POST", path + "/participants/" + participant + "/remove", ""},
		{"DELETE", path, ""},
	}
}

func TestAuthentication(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain"}`)
	wrong, _ := (&auth.Keys{}).NewAPIKey()
	for _, r := range keyedRoutes(room.ID, uuid.NewString()) {
		for name, header := range map[string]string{
			"none": "", "unknown": "Bearer " + wrong, "garbage": "Bearer x", "basic": "Basic " + f.key, "bare": f.key,
		} {
			a := f.do(r.method, r.path, "", r.body, "Authorization", header)
			if a.status == http.StatusTooManyRequests {
				f.now.advance(time.Hour) // the limit has its own test
				a = f.do(r.method, r.path, "", r.body, "Authorization", header)
			}
			if a.status != http.StatusUnauthorized || a.problem(t).Code != CodeUnauthenticated ||
				a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with key %s: %d %s", r.method, r.path, name, a.status, a.body)
			}
		}
	}
}

// R-T-4: another organisation's room answers as one that never was, byte for
// byte, on every route.
func TestForeignRoom(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain"}`)
	participant := uuid.NewString()
	f.media.rooms[room.ID] = []control.Participant{{ID: participant}}
	unknown := keyedRoutes(uuid.NewString(), participant)
	for i, r := range keyedRoutes(room.ID, participant) {
		if !strings.Contains(r.path, room.ID) {
			continue
		}
		foreign := f.do(r.method, r.path, f.foreign, r.body)
		never := f.do(unknown[i].method, unknown[i].path, f.foreign, r.body)
		if foreign.status != http.StatusNotFound || string(foreign.body) != string(never.body) {
			t.Errorf("%s %s: foreign %d %s, unknown %s", r.method, r.path, foreign.status, foreign.body, never.body)
		}
	}
	if len(f.media.closed)+len(f.media.muted) != 0 || len(f.media.rooms[room.ID]) != 1 {
		t.Error("a foreign request had an effect")
	}
	if list := must[List[Room]](f, http.StatusOK, "GET", "/api/v1/rooms", f.foreign, ""); len(list.Items) != 0 {
		t.Errorf("a foreign list shows %v", list.Items)
	}
}

func TestBadRequests(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain"}`)
	rooms, tokens := "/api/v1/rooms", "/api/v1/rooms/"+room.ID+"/tokens"
	link := strings.Split(room.Link, "#")[1]
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		code, says               string
	}{
		{"no JSON", "POST", rooms, `{`, 400, CodeMalformed, "JSON"},
		{"two values", "POST", rooms, `{} {}`, 400, CodeMalformed, "JSON"},
		{"a list", "POST", rooms, `[]`, 400, CodeInvalid, "object"},
		{"null", "POST", rooms, `null`, 400, CodeInvalid, "object"},
		{"not UTF-8", "POST", tokens, "{\"name\":\"a\xff\",\"role\":\"viewer\"}", 400, CodeMalformed, "UTF-8"},
		{"unknown field", "POST", rooms, `{"type":"plain","sise":3}`, 400, CodeUnknownField, "body.sise"},
		{"misspelt field", "POST", rooms, `{"tpye":"plain"}`, 400, CodeUnknownField, "body.tpye"},
		{"unknown nested field", "POST", "/api/v1/entry", `{"link":"x","fields":{"name":"a","fone":"1"}}`, 400, CodeUnknownField, "body.fields.fone"},
		{"missing field", "POST", rooms, `{}`, 400, CodeInvalid, "type"},
		{"unknown type", "POST", rooms, `{"type":"huge"}`, 400, CodeInvalid, "body.type"},
		{"wrong type of value", "POST", rooms, `{"type":"plain","capacity":"3"}`, 400, CodeInvalid, "body.capacity"},
		{"fraction", "POST", rooms, `{"type":"plain","capacity":2.5}`, 400, CodeInvalid, "body.capacity"},
		{"huge number", "POST", rooms, `{"type":"plain","capacity":1e300}`, 400, CodeInvalid, "body.capacity"},
		{"too many seats", "POST", rooms, `{"type":"individual","capacity":6}`, 400, CodeInvalid, "body.capacity"},
		{"name of controls", "POST", rooms, `{"type":"plain","name":"a\u202eb"}`, 400, CodeInvalid, "body.name"},
		{"long name", "POST", tokens, `{"role":"viewer","name":"` + strings.Repeat("a", 81) + `"}`, 400, CodeInvalid, "body.name"},
		{"empty name", "POST", tokens, `{"role":"viewer","name":" "}`, 400, CodeInvalid, "body.name"},
		{"unknown role", "POST", tokens, `{"role":"king","name":"a"}`, 400, CodeInvalid, "body.role"},
		{"name of an entry", "POST", "/api/v1/entry", `{"link":"` + link + `","fields":{"name":""}}`, 400, CodeInvalid, "body.fields.name"},
		{"deep", "POST", rooms, strings.Repeat(`[`, 20000), 400, CodeMalformed, "body"},
		{"no route", "GET", "/api/v1/nothing", "", 404, CodeNotFound, "no such route"},
		{"another version", "GET", "/api/v2/rooms", "", 404, CodeNotFound, "no such route"},
		{"no version", "GET", "/api/", "", 404, CodeNotFound, "no such route"},
		{"too long", "POST", rooms, `{"type":"` + strings.Repeat("a", 70000) + `"}`, 413, CodeTooLarge, "too large"},
		{"limit 0", "GET", rooms + "?limit=0", "", 400, CodeInvalid, "query.limit"},
		{"limit 201", "GET", rooms + "?limit=201", "", 400, CodeInvalid, "query.limit"},
		{"limit x", "GET", rooms + "?limit=x", "", 400, CodeInvalid, "query.limit"},
		{"unknown parameter", "GET", rooms + "?page=2", "", 400, CodeInvalid, "query.page"},
		{"made-up cursor", "GET", rooms + "?cursor=abc", "", 400, CodeInvalid, "query.cursor"},
		{"undecodable cursor", "GET", rooms + "?cursor=%25", "", 400, CodeInvalid, "query.cursor"},
		{"unknown route", "GET", "/api/v1/nothing", "", 404, CodeNotFound, "/docs"},
		{"another version", "GET", "/api/v1/", "", 404, CodeNotFound, "/docs"},
		{"wrong method", "PATCH", rooms, "", 405, CodeMethodNotAllowed, "GET, POST"},
		{"a scanner's GET", "GET", "/api/v1/entry", "", 405, CodeMethodNotAllowed, "POST"},
	} {
		a := f.do(row.method, row.path, f.key, row.body)
		p := a.problem(t)
		if a.status != row.status || p.Code != row.code || !strings.Contains(string(a.body), row.says) {
			t.Errorf("%s: %d %s, want %d %s saying %q", row.name, a.status, a.body, row.status, row.code, row.says)
		}
	}
	if a := f.do("POST", rooms, f.key, `{"type":"plain"}`, "Content-Type", "text/plain"); a.status != 415 || a.problem(t).Code != CodeUnsupported {
		t.Errorf("another content type: %d %s", a.status, a.body)
	}
	if a := f.do("POST", rooms, f.key, ""); a.status != 400 || a.problem(t).Code != CodeMalformed {
		t.Errorf("no body: %d %s", a.status, a.body)
	}
	if strings.Contains(f.logs.String(), "ERROR") {
		t.Errorf("a client's mistakes were logged as ours: %s", f.logs)
	}
}

func TestPaging(t *testing.T) {
	f := newFixture(t)
	var want, got []string
	for range 5 {
		want = append(want, f.room(`{"type":"plain"}`).ID)
	}
	query := "?limit=2"
	for range 3 {
		list := must[List[Room]](f, http.StatusOK, "GET", "/api/v1/rooms"+query, f.key, "")
		for _, room := range list.Items {
			got = append(got, room.ID)
		}
		if list.NextCursor == "" {
			break
		}
		query = "?limit=2&cursor=" + list.NextCursor
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestIdempotency(t *testing.T) {
	f := newFixture(t)
	for _, row := range []struct{ path, body, other string }{
		{"/api/v1/rooms", `{"type":"plain"}`, `{"type":"meeting"}`},
		{"/api/v1/rooms/" + f.room(`{"type":"plain"}`).ID + "/tokens", `{"name":"a","role":"viewer"}`, `{"name":"b","role":"viewer"}`},
	} {
		once := []string{"Idempotency-Key", "k"}
		first := f.do("POST", row.path, f.key, row.body, once...)
		f.now.advance(time.Minute)
		again := f.do("POST", row.path, f.key, row.body, once...)
		if first.status != 201 || again.status != 201 || string(first.body) != string(again.body) {
			t.Errorf("%s: %d %s, then %d %s", row.path, first.status, first.body, again.status, again.body)
		}
		if a := f.do("POST", row.path, f.key, row.other, once...); a.status != 409 || a.problem(t).Code != CodeOnceMismatch {
			t.Errorf("%s with another request: %d %s", row.path, a.status, a.body)
		}
		if a := f.do("POST", row.path, f.key, row.body, "Idempotency-Key", "l"); string(a.body) == string(first.body) {
			t.Errorf("%s: another key gave the same", row.path)
		}
		f.now.advance(control.OnceLifetime)
		if a := f.do("POST", row.path, f.key, row.body, once...); string(a.body) == string(first.body) {
			t.Errorf("%s: the answer is kept for longer than 24 h", row.path)
		}
	}
	a := f.do("POST", "/api/v1/rooms", f.key, `{"type":"plain"}`, "Idempotency-Key", strings.Repeat("x", 256))
	if a.status != 400 || a.problem(t).Code != CodeInvalid {
		t.Errorf("a long key: %d %s", a.status, a.body)
	}
}

// R-SE-5: failures are limited, good links and keys are not; unknown and
// malformed links answer alike.
func TestFailureLimit(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain"}`)
	unknown, _ := (&auth.Keys{}).NewLink()
	entry := func(link string) answer {
		return f.do("POST", "/api/v1/entry", "", fmt.Sprintf(`{"link":%q,"fields":{"name":"a"}}`, link))
	}
	if a, b := entry(unknown), entry("x"); a.status != 404 || string(a.body) != string(b.body) {
		t.Errorf("unknown %s, malformed %s", a.body, b.body)
	}
	for range DefaultConfig().FailureBurst - 2 {
		if a := entry(unknown); a.status != 404 {
			t.Fatalf("limited too early: %d %s", a.status, a.body)
		}
	}
	a := entry(unknown)
	if a.status != 429 || a.problem(t).Code != CodeRateLimited || a.header.Get("Retry-After") != "3" {
		t.Errorf("above the limit: %d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
	if a := f.do("GET", "/api/v1/rooms", "atk_"+strings.Repeat("A", 43), ""); a.status != 429 {
		t.Errorf("a wrong key above the limit: %d", a.status)
	}
	if a := entry(room.Link); a.status != 200 {
		t.Errorf("a good link was refused for others' bad ones: %d %s", a.status, a.body)
	}
	must[List[Room]](f, http.StatusOK, "GET", "/api/v1/rooms", f.key, "")
	f.now.advance(DefaultConfig().FailureInterval)
	if a := entry(unknown); a.status != 404 {
		t.Errorf("after the interval: %d", a.status)
	}
}

func TestFailuresByNetwork(t *testing.T) {
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:2", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
		{"garbage", "", true},
	} {
		if (networkOf(row.a) == networkOf(row.b)) != row.same {
			t.Errorf("%s is %v, %s is %v", row.a, networkOf(row.a), row.b, networkOf(row.b))
		}
	}
	now := time.Now()
	f := newFailures(Config{FailureBurst: 1, FailureInterval: time.Second}, func() time.Time { return now })
	f.most = 3
	for i := range 10 {
		f.note(fmt.Sprintf("192.0.2.%d:1", i))
		if len(f.networks) != f.recent.Len() || f.recent.Len() > f.most {
			t.Fatalf("%d networks are remembered, %d in order", len(f.networks), f.recent.Len())
		}
	}
	if !f.note("192.0.2.9:1") || f.note("192.0.2.0:1") {
		t.Error("the latest was forgotten, or the oldest not")
	}
}

// Limits that change bind networks that are known, too.
func TestFailureLimitChanges(t *testing.T) {
	now := time.Now()
	f := newFailures(Config{FailureBurst: 1, FailureInterval: time.Hour}, func() time.Time { return now })
	if f.note("192.0.2.1:1") || !f.note("192.0.2.1:1") {
		t.Fatal("the first failure is free, the second isn't")
	}
	f.configure(Config{FailureBurst: 2, FailureInterval: time.Second})
	if got := f.interval(); got != time.Second {
		t.Errorf("one more after %v, want 1s", got)
	}
	now = now.Add(2 * time.Second)
	if f.note("192.0.2.1:1") || f.note("192.0.2.1:1") || !f.note("192.0.2.1:1") {
		t.Error("the new limit isn't in force")
	}
}

// R-SE-10: a panic ends one request.
func TestPanic(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain"}`)
	f.media.panics = true
	a := f.do("GET", "/api/v1/rooms/"+room.ID+"/participants", f.key, "")
	if a.status != 500 || a.problem(t).Code != CodeInternal || strings.Contains(string(a.body), "fault") {
		t.Errorf("a panic: %d %s", a.status, a.body)
	}
	if !strings.Contains(f.logs.String(), "a fault of the test's") {
		t.Error("the panic was not logged")
	}
	must[Room](f, http.StatusOK, "GET", "/api/v1/rooms/"+room.ID, f.key, "")
}

// Nothing secret is logged, whatever happens, and no answer may be cached.
func TestNothingSecretInLogs(t *testing.T) {
	f := newFixture(t)
	room := f.room(`{"type":"plain","name":"Canary room"}`)
	f.do("POST", "/api/v1/entry", "", `{"link":"`+room.Link+`","fields":{"name":"Canary"},"x":1}`)
	a := f.do("POST", "/api/v1/entry", "", `{"link":"`+room.Link+`","fields":{"name":"Canary"}}`)
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", a.header.Get("Cache-Control"))
	}
	f.media.panics = true
	f.do("GET", "/api/v1/rooms/"+room.ID+"/participants", f.key, "")
	for _, secret := range []string{"Canary", f.key, strings.Split(room.Link, "#")[1]} {
		if strings.Contains(f.logs.String(), secret) {
			t.Errorf("a secret was logged: %s", f.logs)
		}
	}
}

func FuzzEntryBody(f *testing.F) {
	f.Add([]byte(`{"link":"x","fields":{"name":"a"}}`))
	f.Add([]byte("{\"link\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var v any
		if err := unmarshal(body, &v); err == nil && !json.Valid(body) {
			t.Errorf("accepted %q", body)
		}
	})
}
