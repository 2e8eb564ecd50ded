package control_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

func TestOnce(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	other, _ := f.organisation("Theirs")
	create := func(c control.Caller, key, request string) (control.Room, error) {
		return f.CreateRoom(t.Context(), c, control.RoomSpec{Type: control.Plain, Name: request},
			&control.Once{Operation: "create_room", Key: key, Request: []byte(request)})
	}
	first, err := create(c, "k", "a")
	if err != nil {
		t.Fatal(err)
	}
	f.restart()
	if again, err := create(c, "k", "a"); err != nil || again != first {
		t.Errorf("repeated: %+v, %v; want %+v", again, err, first)
	}
	if _, err := create(c, "k", "b"); !errors.Is(err, control.ErrOnceMismatch) {
		t.Errorf("the key with another request: %v", err)
	}
	if theirs, err := create(other, "k", "b"); err != nil || theirs.ID == first.ID {
		t.Errorf("another organisation's same key: %v", err)
	}
	// Twenty others, so that the purge has something to do.
	for i := range 20 {
		if _, err := create(c, strings.Repeat("x", i+1), "a"); err != nil {
			t.Fatal(err)
		}
	}
	f.now = f.now.Add(control.OnceLifetime)
	if later, err := create(c, "k", "a"); err != nil || later.ID == first.ID {
		t.Errorf("after its lifetime the key still gives %s, %v", later.ID, err)
	}
	f.now = f.now.Add(time.Second)
	for range 4 { // each clears several away
		if _, err := create(c, uuid.NewString(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	err = f.store.View(t.Context(), func(tx store.Tx) error {
		return tx.Range("once", "", func(string, []byte) error { left++; return nil })
	})
	const live = 5 // with a record and an expiry each
	if err != nil || left != 2*live {
		t.Errorf("%d records of repeated requests are left, %v; want %d", left, err, 2*live)
	}
}

// Concurrent repetitions make one room.
func TestOnceConcurrently(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			room, err := f.CreateRoom(context.Background(), c, control.RoomSpec{Type: control.Plain},
				&control.Once{Operation: "create_room", Key: "k"})
			if err != nil {
				t.Errorf("CreateRoom: %v", err)
			}
			ids[i] = room.ID
		})
	}
	wg.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("%d rooms were made", len(slices.Compact(ids)))
	}
}
