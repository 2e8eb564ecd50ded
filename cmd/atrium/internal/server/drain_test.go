package server

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	api "github.com/atriumrtc/atrium/control/api/client"
)

// drainable is a server with one client in a room.
func drainable(t *testing.T) (*Server, *api.Client, api.Room, *socket) {
	t.Helper()
	s := start(t, Options{Config: testConfig(t)})
	c := apiOf(t, s)
	room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "individual"}, "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.CreateToken(t.Context(), room.ID, "Ann", "participant", "")
	if err != nil {
		t.Fatal(err)
	}
	ann := dial(t, s, token.Token)
	ann.expect("welcome")
	return s, c, room, ann
}

// TestDrain: nobody new, those inside are told and finish (SE-17).
func TestDrain(t *testing.T) {
	s, c, room, ann := drainable(t)
	late, err := c.CreateToken(t.Context(), room.ID, "Bea", "participant", "")
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	if notice := ann.expect("notice"); notice["code"] != "draining" {
		t.Errorf("told %v", notice)
	}
	if status, _ := testkit.Get(t, s.MetricsURL()+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz %d", status)
	}
	if status, _ := testkit.Get(t, s.MetricsURL()+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz %d", status)
	}
	for what, err := range map[string]error{
		"a room":   second(c.CreateRoom(t.Context(), api.RoomSpec{Type: "plain"}, "")),
		"a token":  second(c.CreateToken(t.Context(), room.ID, "Cleo", "participant", "")),
		"an entry": second(c.Entry(t.Context(), room.Link, "Cleo")),
	} {
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.Code != "shutdown" {
			t.Errorf("%s while draining: %v", what, err)
		}
	}
	if bye := dial(t, s, late.Token).expect("bye"); bye["code"] != "shutdown" {
		t.Errorf("a join while draining: %v", bye)
	}
	if list, err := c.Participants(t.Context(), room.ID); err != nil || len(list) != 1 {
		t.Errorf("the calls going on can't be looked after: %v, %v", list, err)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained while somebody is connected: %v", err)
	default:
	}
	ann.send(map[string]any{"type": "leave"})
	ann.expect("bye")
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestDrainDoesNotWaitForEmptySeats: who dropped out doesn't hold it.
func TestDrainDoesNotWaitForEmptySeats(t *testing.T) {
	s, _, _, ann := drainable(t)
	if err := ann.conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the server noticing", func() bool { return s.signal.Snapshot().Sessions == 0 }, nil)
	if seats := s.signal.Snapshot().Seats; seats != 1 {
		t.Fatalf("%d seats kept, want 1: nothing to prove", seats)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Error(err)
	}
}

// TestDrainEnds: calls that go on are cut when the time is over.
func TestDrainEnds(t *testing.T) {
	s, _, _, ann := drainable(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if bye := ann.expect("bye"); bye["code"] != "shutdown" || bye["retry"] != true {
		t.Errorf("bye %v", bye)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
