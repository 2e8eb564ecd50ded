package api

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// world is two organisations with things of every kind, and a caller of every
// role. What stands in what is written down here as it is made, so that what
// ought to be answered needs nothing of the code under test.
type world struct {
	*fixture
	parent map[string]string                       // of each thing's id: what it stands in, "" at the top
	things map[control.ThingKind]map[string]string // by kind: name → id
	people []caller
	// ofGroup are the visits and calls that are a group's.
	ofGroup map[string]bool
	gone    map[string]string // units that were deleted: what they stood in
}

// grant is a role on the thing with an id.
type grant struct {
	role auth.Role
	on   string
}

// caller is somebody who makes requests.
type caller struct {
	name         string
	token        string // bearer
	organisation string
	grants       []grant  // of staff, and auth.Machine of keys
	permissions  []string // of keys; nil: all
	visit        string   // of guests
	call         string   // that the guest is in
	operator     bool
}

// guests recognises the visit tokens that a test made.
type guests map[[32]byte]control.Actor

func (g guests) VisitByToken(_ context.Context, digest [32]byte) (control.Actor, error) {
	if a, ok := g[digest]; ok {
		return a, nil
	}
	return control.Actor{}, control.ErrUnauthenticated
}

// newWorld makes Ours (units A and B) and Theirs (unit F), with areas and
// rooms, and everybody who may ask.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{fixture: newFixture(t), parent: make(map[string]string), things: make(map[control.ThingKind]map[string]string), ofGroup: make(map[string]bool),
		gone: make(map[string]string)}
	for _, org := range []struct {
		name, key string
		units     []string
	}{{"ours", w.key, []string{"A", "B"}}, {"theirs", w.foreign, []string{"F"}}} {
		id := w.callerOf(org.key).OrganisationID
		w.note(control.ThingOrganisation, org.name, id, "")
		w.rest(org.name, id)
		for _, unit := range org.units {
			w.unit(id, unit)
		}
	}
	w.deleted()
	w.everybody()
	return w
}

func (w *world) note(kind control.ThingKind, name, id, in string) string {
	if w.things[kind] == nil {
		w.things[kind] = make(map[string]string)
	}
	w.things[kind][name], w.parent[id] = id, in
	return id
}

// unit makes a unit with two areas, rooms of both kinds and things in them.
func (w *world) unit(org, name string) {
	w.t.Helper()
	made, err := w.control.CreateUnit(w.t.Context(), control.System(), org, control.UnitSpec{Name: name}, nil)
	w.ok(err)
	unit := w.note(control.ThingUnit, name, made.Unit.ID, org)
	w.rest(name, unit)
	room := func(name string, in control.Scope) {
		r, err := w.control.CreateMeetingRoom(w.t.Context(), control.System(), in, name, nil)
		w.ok(err)
		w.note(control.ThingMeetingRoom, name, r.ID, in.ID)
		w.record(control.ThingCall, name, r.ID, map[string]string{"organisation_id": org, "unit_id": unit, "meeting_room_id": r.ID})
	}
	for _, n := range []string{"1", "2"} {
		area, err := w.control.CreateArea(w.t.Context(), control.System(), unit, control.AreaSpec{Name: name + n}, nil)
		w.ok(err)
		w.note(control.ThingArea, name+n, area.ID, unit)
		in := map[string]string{"organisation_id": org, "unit_id": unit, "area_id": area.ID}
		for _, kind := range []control.ThingKind{control.ThingVisit, control.ThingCall, control.ThingAppointment, control.ThingConsult,
			control.ThingGroup, control.ThingRegistration} {
			w.record(kind, name+n, area.ID, in)
		}
		in["group_id"] = w.things[control.ThingGroup][name+n]
		for _, kind := range []control.ThingKind{control.ThingVisit, control.ThingCall} {
			w.record(kind, "group's of "+name+n, area.ID, in)
			w.ofGroup[w.things[kind]["group's of "+name+n]] = true
		}
		room("room of "+name+n, control.Scope{Kind: control.ScopeArea, ID: area.ID})
		room("room "+n+" of "+name, control.Scope{Kind: control.ScopeUnit, ID: unit})
	}
}

// record writes what is looked at of a visit, a call, an appointment, a
// Consult Now, a group or a registration: where it stands.
func (w *world) record(kind control.ThingKind, name, in string, fields map[string]string) {
	w.t.Helper()
	prefix := map[control.ThingKind]string{
		control.ThingVisit: "visit/", control.ThingCall: "call/", control.ThingAppointment: "appointment/", control.ThingConsult: "consult/",
		control.ThingGroup: "group/", control.ThingRegistration: "registration/",
	}[kind]
	id := uuid.Must(uuid.NewV7()).String()
	data, err := json.Marshal(fields)
	w.ok(err)
	w.ok(w.store.Update(w.t.Context(), func(tx store.Tx) error { return tx.Put(prefix+id, data) }))
	w.note(kind, name, id, in)
}

// rest makes what an organisation or a unit has beside its places.
func (w *world) rest(name, id string) {
	w.t.Helper()
	scope, org, unit := control.Scope{Kind: control.ScopeUnit, ID: id}, w.parent[id], id
	if org == "" {
		scope.Kind, org, unit = control.ScopeOrganisation, id, ""
	}
	key, _, err := w.control.CreateAPIKey(w.t.Context(), control.System(),
		control.KeySpec{Name: name, Scope: scope, Permissions: []string{control.AllPermissions}}, nil)
	w.ok(err)
	w.note(control.ThingAPIKey, name, key.ID, id)
	w.ok(w.store.Update(w.t.Context(), func(tx store.Tx) error {
		made, err := w.server.outbox.CreateEndpoint(tx,
			notify.Endpoint{OrganisationID: org, UnitID: unit, URL: "https://app.example.org/" + name}, notify.NewSecret())
		w.note(thingWebhook, name, made.ID, id)
		return err
	}))
}

// deleted makes things that were.
func (w *world) deleted() {
	w.t.Helper()
	org := w.things[control.ThingOrganisation]["ours"]
	made, err := w.control.CreateUnit(w.t.Context(), control.System(), org, control.UnitSpec{Name: "Gone"}, nil)
	w.ok(err)
	area, err := w.control.CreateArea(w.t.Context(), control.System(), made.Unit.ID, control.AreaSpec{Name: "Gone"}, nil)
	w.ok(err)
	room, err := w.control.CreateMeetingRoom(w.t.Context(), control.System(), control.Scope{Kind: control.ScopeArea, ID: area.ID}, "Gone", nil)
	w.ok(err)
	for _, role := range []auth.Role{auth.OrgAdmin, auth.OrgReporter} {
		_, token := w.staff(string(role)+" of what was deleted", role, control.Scope{Kind: control.ScopeUnit, ID: made.Unit.ID})
		w.people = append(w.people, caller{name: string(role) + " of what was deleted", token: token, organisation: org, grants: []grant{{role, made.Unit.ID}}})
	}
	w.ok(w.control.DeleteUnit(w.t.Context(), control.System(), made.Unit.ID))
	w.gone[made.Unit.ID] = org
	for kind, id := range map[control.ThingKind]string{
		control.ThingUnit: made.Unit.ID, control.ThingArea: area.ID, control.ThingMeetingRoom: room.ID,
	} {
		w.things[kind]["deleted"] = id // it stands in nothing: parent doesn't know it
	}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// staff makes an account that has signed in, with a role.
func (w *world) staff(name string, role auth.Role, scope control.Scope) (accountID, token string) {
	w.t.Helper()
	in := control.Invitee{Email: fmt.Sprintf("%s@example.org", uuid.NewString())}
	made, err := w.control.Appoint(w.t.Context(), control.System(), control.RoleName(role), scope, in, nil)
	w.ok(err)
	digest, _ := auth.LinkDigest(made.Invitation.Link)
	token, session := w.keys.NewSessionToken()
	_, err = w.control.AcceptInvitation(w.t.Context(), digest, name, func(tx store.Tx, a control.Account) error {
		return w.server.sessions.Create(tx, a.ID, session)
	})
	w.ok(err)
	return made.Account.ID, token
}

// everybody makes the callers.
func (w *world) everybody() {
	w.t.Helper()
	at := func(kind control.ThingKind, name string) control.Scope {
		scope := control.ScopeKind(kind)
		if kind == control.ThingMeetingRoom {
			scope = control.ScopeRoom
		}
		return control.Scope{Kind: scope, ID: w.things[kind][name]}
	}
	ours, theirs := at(control.ThingOrganisation, "ours"), at(control.ThingOrganisation, "theirs")
	own := map[control.ScopeKind][]control.Scope{
		control.ScopeOrganisation: {ours},
		control.ScopeUnit:         {at(control.ThingUnit, "A")},
		control.ScopeArea:         {at(control.ThingArea, "A1")},
		control.ScopeRoom:         {at(control.ThingMeetingRoom, "room 1 of A"), at(control.ThingMeetingRoom, "room of A1")},
	}
	for _, role := range matrixRoles {
		for i, scope := range own[control.RoleName(role).Scope()] {
			name := fmt.Sprintf("%s %d", role, i+1)
			id, token := w.staff(name, role, scope)
			w.note(control.ThingAccount, name, id, ours.ID)
			w.people = append(w.people, caller{name: name, token: token, organisation: ours.ID, grants: []grant{{role, scope.ID}}})
		}
	}
	id, token := w.staff("nobody's", auth.Provider, at(control.ThingArea, "A1"))
	grants, err := w.control.Grants(w.t.Context(), id)
	w.ok(err)
	w.ok(w.control.RemoveGrant(w.t.Context(), control.System(), at(control.ThingArea, "A1"), grants[0].ID))
	id2, token2 := w.staff("theirs", auth.SystemAdmin, theirs)
	w.note(control.ThingAccount, "theirs", id2, theirs.ID)
	w.people = append(w.people,
		caller{name: "staff without a role", token: token, organisation: ours.ID},
		caller{name: "their system_admin", token: token2, organisation: theirs.ID, grants: []grant{{auth.SystemAdmin, theirs.ID}}},
		caller{name: "nobody"},
		caller{name: "the operator", token: w.fixture.operator, operator: true})
	w.machines(ours, at(control.ThingUnit, "A"), theirs)
	secret, digest := w.keys.NewVisitToken()
	visit := w.things[control.ThingVisit]["A1"]
	w.fixture.guests[digest] = control.Actor{Kind: control.ActorGuest, ID: visit, OrganisationID: ours.ID}
	call := w.things[control.ThingCall]["A1"]
	w.ok(w.store.Update(w.t.Context(), func(tx store.Tx) error {
		return tx.Put("visit/"+visit, fmt.Appendf(nil, `{"id":%q,"organisation_id":%q,"area_id":%q,"state":"in_call","call_id":%q}`,
			visit, ours.ID, w.parent[visit], call))
	}))
	w.people = append(w.people, caller{name: "a guest", token: secret, organisation: ours.ID, visit: visit, call: call})
}

// machines makes API keys of several scopes and permissions.
func (w *world) machines(ours, unit, theirs control.Scope) {
	w.t.Helper()
	for _, row := range []struct {
		name        string
		scope       control.Scope
		permissions []string
	}{
		{"a key of the organisation", ours, nil},
		{"a key of unit A", unit, nil},
		{"a key that may read areas", ours, []string{"areas.read"}},
		{"a key of unit A that may conduct", unit, []string{"visits.conduct", "queue.read"}},
		{"a key of unit A that may moderate", unit, []string{"groups.moderate"}},
		{"their key", theirs, nil},
	} {
		spec := control.KeySpec{Name: row.name, Scope: row.scope, Permissions: row.permissions}
		if spec.Permissions == nil {
			spec.Permissions = []string{control.AllPermissions}
		}
		key, secret, err := w.control.CreateAPIKey(w.t.Context(), control.System(), spec, nil)
		w.ok(err)
		w.people = append(w.people, caller{
			name: row.name, token: secret, organisation: key.OrganisationID,
			grants: []grant{{auth.Machine, row.scope.ID}}, permissions: row.permissions,
		})
	}
}
