package control_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// everything is a day on which all happens that reports tell of, and no more.
type everything struct {
	*clinic
	doc    control.Staff // an account that has signed in
	second control.Area
}

func (e *everything) ok(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// signedIn is an account with a role on an area, that has accepted.
func (f *clinic) signedIn(name string) control.Staff {
	f.t.Helper()
	made, err := f.Appoint(f.t.Context(), staff(f.org), control.Provider, control.Scope{Kind: control.ScopeArea, ID: f.area.ID},
		control.Invitee{Email: "doc@example.org", Copy: true}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	account, err := f.AcceptInvitation(f.t.Context(), linkDigest(f.t, made.Invitation.Link), name, func(store.Tx, control.Account) error { return nil })
	if err != nil {
		f.t.Fatal(err)
	}
	return control.Staff{Name: name, Actor: control.Actor{Kind: control.ActorAccount, ID: account.ID, OrganisationID: f.org}}
}

// visits end in every way.
func (e *everything) visits() {
	ctx := e.t.Context()
	ann := e.arrive(canaryName)
	e.step(2 * time.Minute)
	call := e.admit(e.doc, ann, control.AdmitSpec{}).Call.ID
	e.ok(e.NoteQuality(ctx, []control.ConnectionSample{{ParticipantID: ann.pid(), Sample: report.Sample{
		Loss: 0.1, RTT: 60 * time.Millisecond, Jitter: 8 * time.Millisecond, Score: 40, Freezes: 1, Relayed: true,
	}}}))
	e.step(10 * time.Minute)
	_, err := e.Hold(ctx, e.doc.Actor, ann.id)
	e.ok(err)
	e.step(time.Minute)
	e.admit(e.doc, ann, control.AdmitSpec{CallID: call})
	e.step(3 * time.Minute)
	e.ok(e.EndCall(ctx, e.doc.Actor, call)) // completed: 13 minutes
	bob := e.arrive(canaryName)
	e.step(time.Minute)
	e.left(bob.pid(), control.DepartedLeft) // abandoned
	e.arrive(canaryName)
	e.step(30 * time.Minute) // timed out
	_, err = e.Deny(ctx, e.dr, e.arrive(canaryName).id, "")
	e.ok(err)
	_, err = e.RemoveVisit(ctx, e.dr.Actor, e.arrive(canaryName).id)
	e.ok(err)
	fay := e.arrive(canaryName)
	_, err = e.Transfer(ctx, e.dr.Actor, fay.id, e.second.ID)
	e.ok(err)
	call = e.admit(e.dr, fay, control.AdmitSpec{}).Call.ID
	e.step(6 * time.Minute)
	e.ok(e.EndCall(ctx, e.dr.Actor, call))
}

// links are used, extended, revoked, not taken by a gateway, and left.
func (e *everything) links() {
	ctx := e.t.Context()
	send := func(to control.Contact) control.Consultation {
		e.t.Helper()
		c, err := e.ConsultNow(ctx, e.doc, e.area.ID, to, "", nil)
		e.ok(err)
		e.connect(c.Join)
		return c
	}
	copied := control.Contact{Copy: true}
	used := send(copied)
	e.step(2 * time.Minute)
	e.connect(e.enter(used.Consult.Link, canaryName).join)
	e.step(4 * time.Minute)
	e.ok(e.EndCall(ctx, e.doc.Actor, used.Call.ID))
	revoked := send(copied)
	_, err := e.RevokeConsult(ctx, e.doc.Actor, revoked.Consult.ID)
	e.ok(err)
	failed := send(control.Contact{Email: "nobody@example.org"})
	e.ok(e.Delivered(ctx, e.noticeID(), e.clock(), errors.New("no such mailbox")))
	left := send(copied)
	_, err = e.ExtendConsult(ctx, e.doc.Actor, left.Consult.ID)
	e.ok(err)
	for _, c := range []control.Consultation{revoked, failed, left} {
		e.ok(e.EndCall(ctx, e.doc.Actor, c.Call.ID))
	}
}

// rooms are met in, and deleted.
func (e *everything) rooms() {
	ctx := e.t.Context()
	e.newRoom() // stays
	room, err := e.CreateMeetingRoom(ctx, staff(e.org), control.Scope{Kind: control.ScopeArea, ID: e.area.ID}, "Staff room", nil)
	e.ok(err)
	call, join, err := e.EnterMeetingRoom(ctx, e.doc, room.ID)
	e.ok(err)
	e.connect(join)
	g := e.enter(room.Link, canaryName)
	e.connect(g.join)
	e.step(12 * time.Minute)
	e.ok(e.EndCall(ctx, e.doc.Actor, call.ID))
	e.ok(e.DeleteMeetingRoom(ctx, staff(e.org), room.ID))
	gone := e.newArea("Gone", control.AreaSettings{})
	e.ok(e.DeleteArea(ctx, staff(e.org), gone.ID))
}

// newEverything is that day, with the group that was on it.
func newEverything(t testing.TB) (*everything, map[string]string) {
	e := &everything{clinic: newClinic(t, control.AreaSettings{WaitLimit: 30 * time.Minute})}
	e.doc, e.second = e.signedIn("Dr Doc"), e.newArea("Second", control.AreaSettings{})
	e.visits()
	e.links()
	e.rooms()
	_, group := groupDay(e.clinic)
	e.step(control.ConsultLife + time.Hour)
	e.step(time.Minute) // a period's end doesn't count itself
	return e, group
}

// empty says whether a cell would be the same if nothing had been counted.
func empty(v any) bool {
	switch fmt.Sprint(v) {
	case "<nil>", "", "0", "false", "[]":
		return true
	}
	return false
}

// R-RP: no column of any report says nothing: on a day when all happens that
// they are about, each has something in it, and the counts are that day's.
func TestEveryColumnCounts(t *testing.T) {
	e, group := newEverything(t)
	seen := make(map[report.Type]map[string]bool)
	read := func(kind report.Type) []map[string]any {
		rows := e.rows(kind, report.Query{})
		for _, r := range rows {
			for column, v := range r {
				if !empty(v) {
					if seen[kind] == nil {
						seen[kind] = make(map[string]bool)
					}
					seen[kind][column] = true
				}
			}
		}
		return rows
	}
	for _, row := range []struct {
		kind report.Type
		key  string // the column by which a row is found
		want map[string]string
	}{
		{report.Areas, "area", map[string]string{"area": "Area", "arrivals": "7", "seen": "2", "completed": "2", "abandoned": "1", "timed_out": "1",
			"refused": "1", "removed": "1", "transferred_in": "0", "transferred_out": "1", "minutes": "17"}},
		{report.Areas, "area", map[string]string{"area": "Second", "arrivals": "1", "seen": "1", "completed": "1", "transferred_in": "1", "minutes": "6"}},
		{report.ConsultNow, "area", map[string]string{"area": "Area", "issued": "4", "extended": "1", "entered": "1", "expired": "1", "revoked": "1",
			"failed": "1", "median_to_enter_s": "121"}}, // 120, to the middle of its cell
		{report.MeetingRooms, "room", map[string]string{"room": "Staff room", "area_id": e.area.ID, "sessions": "1", "minutes": "12", "peak": "2", "guests": "1"}},
		{report.Accounts, "name", map[string]string{"name": "Dr Doc", "account_id": e.doc.Actor.ID, "roles": "[provider]", "calls": "6", "minutes": "32",
			"last_sign_in": "2026-03-02T12:00:00Z"}},
		{report.Groups, "id", group},
		{report.Units, "unit", map[string]string{"unit": "Unit", "areas": "2", "areas_created": "3", "areas_deleted": "1", "rooms": "1", "rooms_created": "2",
			"rooms_deleted": "1", "accounts_used": "2", "created": "2026-03-02T12:00:00Z", "deleted": "<nil>"}},
		{report.Consultations, "relay", map[string]string{"relay": "true", "type": "area", "wait_s": "120", "hold_s": "60", "duration_s": "780", "peak_participants": "2",
			"outcome": "completed", "quality": "40", "providers": "[" + e.doc.Actor.ID + "]"}},
		{report.QualityOf, "score", map[string]string{"score": "40", "loss_percent": "10", "rtt_ms": "60", "jitter_ms": "8", "freezes": "1",
			"duration_s": "840", "peak_participants": "2", "type": "individual"}},
	} {
		found := false
		for _, r := range read(row.kind) {
			if fmt.Sprint(r[row.key]) != row.want[row.key] {
				continue
			}
			found = true
			for column, want := range row.want {
				if got := fmt.Sprint(r[column]); got != want {
					t.Errorf("%s: %s of %s is %s; want %s", row.kind, column, row.want[row.key], got, want)
				}
			}
		}
		if !found {
			t.Errorf("%s: there is no %s", row.kind, row.want[row.key])
		}
	}
	if err := e.DeleteUnit(t.Context(), staff(e.org), e.unit.ID); err != nil {
		t.Fatal(err)
	}
	e.step(time.Minute)
	read(report.Units)
	for _, kind := range report.Types() {
		for _, column := range kind.Columns() {
			if !seen[kind][column.Name] {
				t.Errorf("%s: %s says nothing of a day on which it happened", kind, column.Name)
			}
		}
	}
}
