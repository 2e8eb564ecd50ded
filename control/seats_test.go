package control_test

import (
	"encoding/json"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// edit changes fields of a record.
func (f *clinic) edit(key string, fields map[string]any) {
	f.t.Helper()
	err := f.store.Update(f.t.Context(), func(tx store.Tx) error {
		data, err := tx.Get(key)
		if err != nil {
			return err
		}
		record := map[string]any{}
		if err := json.Unmarshal(data, &record); err != nil {
			return err
		}
		for name, value := range fields {
			record[name] = value
		}
		if data, err = json.Marshal(record); err != nil {
			return err
		}
		return tx.Put(key, data)
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// TestSeatsInGroups: who may come to a group is told from others, waiting and
// in the call, as they need more lines (R-GC-1, PF-7).
func TestSeatsInGroups(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann, bob := f.enter(f.area.Link, "Ann"), f.enter(f.area.Link, "Bob")
	admitted := f.admit(f.dr, bob, control.AdmitSpec{})
	dr, err := f.CallSeat(t.Context(), f.dr, admitted.Call.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := func(who string, j control.Join, group bool) {
		t.Helper()
		seating, err := f.Seating(t.Context(), j)
		if err != nil || seating.Group != group || seating.Room != nil {
			t.Errorf("%s: %+v, %v", who, seating, err)
		}
	}
	want("a guest", ann.join, false)
	want("a guest in a call", bob.join, false)
	want("a provider", dr, false)
	f.edit("visit/"+ann.id, map[string]any{"group_id": "g"})
	f.edit("call/"+admitted.Call.ID, map[string]any{"kind": string(control.Group)})
	want("who waits for a group", ann.join, true)
	want("a guest in a group's call", bob.join, true)
	want("its moderator", dr, true)
}
