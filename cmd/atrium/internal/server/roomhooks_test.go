package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	api "github.com/atriumrtc/atrium/control/api/client"
)

// heardEvent is what a webhook was told.
type heardEvent struct {
	Type string            `json:"type"`
	Data map[string]string `json:"data"`
	id   string
}

// An app that embeds rooms hears by webhook, signed by the Standard Webhooks,
// when a call begins and ends and who comes and goes; also of those who were in
// it when the server stopped.
func TestWebhooksOfRooms(t *testing.T) {
	cfg := testConfig(t)
	cfg.Notify.PrivateTargets = true
	s, err := New(Options{Config: cfg})
	must(t, err)
	s.Start()
	running := s
	t.Cleanup(func() { _ = running.Close() }) // closed below, unless the test fails
	app := apiOf(t, s)
	events := make(chan heardEvent, 100)
	var secret atomic.Pointer[string]
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		verifier, err := standardwebhooks.NewWebhook(*secret.Load())
		if err != nil {
			t.Error(err)
			return
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
		var e heardEvent
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		if strings.Contains(string(body), "Canary") {
			t.Errorf("somebody is named: %s", body)
		}
		e.id = r.Header.Get(standardwebhooks.HeaderWebhookID)
		events <- e
	}))
	defer receiver.Close()
	hook, err := app.CreateWebhook(t.Context(), "", receiver.URL, "call.*", "participant.*")
	must(t, err)
	secret.Store(&hook.Secret)
	room, err := app.CreateRoom(t.Context(), api.RoomSpec{Type: "individual"}, "")
	must(t, err)
	// Two deliveries to one receiver may overtake each other, and one may come
	// again: at least once is what is promised.
	known := make(map[string]bool)
	next := func(n int) map[string][]heardEvent {
		t.Helper()
		got := make(map[string][]heardEvent)
		late := time.NewTimer(testkit.Patience)
		defer late.Stop()
		for n > 0 {
			select {
			case e := <-events:
				if known[e.id] {
					continue
				}
				known[e.id] = true
				n--
				if e.Data["room_id"] != room.ID || e.Data["kind"] != "individual" {
					t.Errorf("%s of %v", e.Type, e.Data)
				}
				got[e.Type] = append(got[e.Type], e)
			case <-late.C:
				t.Fatalf("heard only %v", got)
			}
		}
		return got
	}
	seat := func(name string) api.Token {
		t.Helper()
		token, err := app.CreateToken(t.Context(), room.ID, name, "participant", "")
		must(t, err)
		return token
	}

	annSeat, bobSeat := seat("Ann Canary"), seat("Bob Canary")
	ann, bob := dial(t, s, annSeat.Token), dial(t, s, bobSeat.Token)
	ann.expect("welcome")
	bob.expect("welcome")
	got := next(3)
	if len(got["call.started"]) != 1 || len(got["participant.joined"]) != 2 {
		t.Fatalf("two people joined: %v", got)
	}
	call := got["call.started"][0].Data["call_id"]
	must(t, app.Remove(t.Context(), room.ID, annSeat.ParticipantID))
	ann.expect("bye")
	if left := next(1)["participant.left"]; len(left) != 1 || left[0].Data["participant_id"] != annSeat.ParticipantID || left[0].Data["call_id"] != call {
		t.Errorf("one was removed: %v", left)
	}
	go func() { _, _, _ = bob.conn.Read(t.Context()) }() // a bye is waited for
	must(t, s.Close())

	running = start(t, Options{Config: cfg})
	got = next(2)
	if left := got["participant.left"]; len(left) != 1 || left[0].Data["participant_id"] != bobSeat.ParticipantID || len(got["call.ended"]) != 1 || got["call.ended"][0].Data["call_id"] != call {
		t.Errorf("the server was restarted: %v", got)
	}
	http.DefaultClient.CloseIdleConnections()
}
