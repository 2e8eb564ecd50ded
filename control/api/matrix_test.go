package api

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// matrixRoles are the columns of matrixTable.
var matrixRoles = []auth.Role{auth.SystemAdmin, auth.OrgAdmin, auth.OrgReporter, auth.AreaAdmin, auth.Coordinator,
	auth.Provider, auth.Referrer, auth.RoomAdmin, auth.RoomMember}

// matrixTable is section 2 of the specification with the rows that we added, typed
// off by hand; the last column is what an API key can be given.
const matrixTable = `
units.manage         | y - - - - - - - - y
units.list           | y - - - - - - - - y
units.read           | y y y - - - - - - y
unit_admins.appoint  | y y - - - - - - - y
units.configure      | y y - - - - - - - y
places.create        | y y - - - - - - - y
areas.read           | y y y y y y y - - y
areas.edit           | - y - y - - - - - y
areas.suspend        | - y - y y y - - - y
queue.read           | - y - y y y - - - y
visits.conduct       | - - - - - y - - - y
appointments.manage  | - y - y y y - - - y
links.share          | - y - y y y - - - y
links.reset          | - y - y - - - - - y
transfer.into        | - - - - - - y - - y
groups.moderate      | - - - - - y - - - y
reports.read         | - y y - - - - - - y
audit.read           | y y - - - - - - - y
api_keys.manage      | y y - - - - - - - -
webhooks.manage      | y y - - - - - - - y
meeting_rooms.read   | y y y - - - - y y y
meeting_rooms.edit   | - y - - - - - y - y
meeting_rooms.enter  | - - - - - - - y y y
meeting_rooms.moderate | - y - - - - - y - y
accounts.manage      | y - - - - - - - - -
organisation.edit    | y - - - - - - - - -
rooms.embed          | - - - - - - - - - y`

// matrixRoutes is who may use each route, typed off by hand from
// the architecture: the permission, and what it is asked for. own is the
// caller's organisation, own|unit that or the unit of ?unit_id. guest: the
// guest of that visit too; or:p: of a meeting room's call, who has p on it too;
// group: for a visit or a call of a group it is groups.moderate; past: of a unit
// that was deleted too, for who has the permission on it.
const matrixRoutes = `
POST   /entry                                 anyone               -
POST   /invitations/look                      anyone               -
POST   /invitations/accept                    anyone               -
POST   /sessions                              anyone               -
POST   /sign-in-links                         anyone               -
GET    /sessions/current                      account.own          -
DELETE /sessions/current                      account.own          -
PATCH  /sessions/current/account              account.own          -
POST   /organisations                         organisations.create -
GET    /organisations                         organisations.create -
GET    /nodes                                 nodes.read           -
GET    /organisations/{id}/api-keys           organisations.api_keys organisation
POST   /organisations/{id}/api-keys           organisations.api_keys organisation
DELETE /organisations/{id}/api-keys/{key_id}  organisations.api_keys organisation
GET    /organisation                          units.list           own
PATCH  /organisation                          organisation.edit    own
GET    /organisation/gateways                 organisation.edit    own
PUT    /organisation/gateways                 organisation.edit    own
GET    /organisation/grants                   accounts.manage      own
POST   /organisation/grants                   accounts.manage      own
DELETE /organisation/grants/{grant_id}        accounts.manage      own
GET    /accounts                              accounts.manage      own
GET    /accounts/{id}                         accounts.manage      account
POST   /accounts/{id}/disable                 accounts.manage      account
POST   /accounts/{id}/enable                  accounts.manage      account
POST   /accounts/{id}/invite                  accounts.manage      account
GET    /organisations/{id}/units              units.list           organisation
POST   /organisations/{id}/units              units.manage         organisation
GET    /units/{id}                            units.read           unit
PATCH  /units/{id}                            units.configure      unit
DELETE /units/{id}                            units.manage         unit
GET    /units/{id}/grants                     unit_admins.appoint  unit past
POST   /units/{id}/grants                     unit_admins.appoint  unit
DELETE /units/{id}/grants/{grant_id}          unit_admins.appoint  unit past
GET    /units/{id}/areas                      areas.read           unit
POST   /units/{id}/areas                      places.create        unit
GET    /units/{id}/meeting-rooms              meeting_rooms.read   unit
POST   /units/{id}/meeting-rooms              places.create        unit
GET    /areas/{id}                            areas.read           area
PATCH  /areas/{id}                            areas.edit           area
DELETE /areas/{id}                            areas.edit           area
POST   /areas/{id}/suspend                    areas.suspend        area
POST   /areas/{id}/restore                    areas.suspend        area
POST   /areas/{id}/link/reset                 links.reset          area
GET    /units/{id}/reports/{type}             reports.read         unit past
GET    /areas/{id}/grants                     areas.edit           area
POST   /areas/{id}/grants                     areas.edit           area
DELETE /areas/{id}/grants/{grant_id}          areas.edit           area
GET    /areas/{id}/meeting-rooms              meeting_rooms.read   area
POST   /areas/{id}/meeting-rooms              places.create        area
GET    /meeting-rooms/{id}                    meeting_rooms.read   meeting_room
PATCH  /meeting-rooms/{id}                    meeting_rooms.edit   meeting_room
DELETE /meeting-rooms/{id}                    meeting_rooms.edit   meeting_room
POST   /meeting-rooms/{id}/link/reset         meeting_rooms.edit   meeting_room
GET    /meeting-rooms/{id}/members            meeting_rooms.edit   meeting_room
POST   /meeting-rooms/{id}/members            meeting_rooms.edit   meeting_room
DELETE /meeting-rooms/{id}/members/{grant_id} meeting_rooms.edit   meeting_room
GET    /api-keys                              api_keys.manage      own|unit
POST   /api-keys                              api_keys.manage      own|unit
DELETE /api-keys/{id}                         api_keys.manage      api_key
GET    /webhooks                              webhooks.manage      own|unit
POST   /webhooks                              webhooks.manage      own|unit
GET    /webhooks/{id}                         webhooks.manage      webhook
DELETE /webhooks/{id}                         webhooks.manage      webhook
POST   /webhooks/{id}/replay                  webhooks.manage      webhook
GET    /audit                                 audit.read           own|unit
GET    /audit/head                            audit.read           own
GET    /audit/export                          audit.read           own
POST   /rooms                                 rooms.embed          own
GET    /rooms                                 rooms.embed          own
GET    /rooms/{id}                            rooms.embed          own
DELETE /rooms/{id}                            rooms.embed          own
POST   /rooms/{id}/tokens                     rooms.embed          own
GET    /rooms/{id}/participants               rooms.embed          own
POST   /rooms/{id}/participants/{participant_id}/mute   rooms.embed own
POST   /rooms/{id}/participants/{participant_id}/remove rooms.embed own
POST   /entry/look                            anyone               -
GET    /visits/{id}                           queue.read           visit guest
POST   /visits/{id}/token                     visit.own            visit guest
POST   /visits/{id}/leave                     visit.own            visit guest
POST   /visits/{id}/device                    visit.own            visit guest
GET    /visits/{id}/events                    visit.own            visit guest
GET    /areas/{id}/queue                      queue.read           area
GET    /areas/{id}/events                     queue.read           area
POST   /visits/{id}/admit                     visits.conduct       visit
POST   /visits/{id}/join                      visits.conduct       visit
POST   /visits/{id}/hold                      visits.conduct       visit group
POST   /visits/{id}/resume                    visits.conduct       visit
POST   /visits/{id}/deny                      visits.conduct       visit group
POST   /visits/{id}/message                   visits.conduct       visit group
POST   /visits/{id}/transfer                  visits.conduct       visit
POST   /visits/{id}/remove                    visits.conduct       visit group
GET    /calls/{id}                            queue.read           call or:meeting_rooms.enter
POST   /calls/{id}/token                      visits.conduct       call or:meeting_rooms.enter group
POST   /calls/{id}/invite                     visits.conduct       call
POST   /calls/{id}/end                        visits.conduct       call or:meeting_rooms.moderate group
POST   /calls/{id}/lock                       visits.conduct       call or:meeting_rooms.moderate group
POST   /calls/{id}/participants/{participant_id}/mute   visits.conduct call or:meeting_rooms.moderate group
POST   /calls/{id}/participants/{participant_id}/remove visits.conduct call or:meeting_rooms.moderate group
PUT    /calls/{id}/breakouts                  groups.moderate      call
GET    /calls/{id}/breakouts                  groups.moderate      call
POST   /calls/{id}/breakouts/open             groups.moderate      call
POST   /calls/{id}/breakouts/close            groups.moderate      call
POST   /calls/{id}/breakouts/broadcast        groups.moderate      call
POST   /calls/{id}/breakouts/move             groups.moderate      call
POST   /calls/{id}/participants/{participant_id}/move   groups.moderate call
POST   /calls/{id}/breakouts/choose           visit.own            call guest
POST   /calls/{id}/breakouts/help             visit.own            call guest
POST   /meeting-rooms/{id}/enter              meeting_rooms.enter  meeting_room
POST   /areas/{id}/consult-now                visits.conduct       area
GET    /areas/{id}/consult-now                visits.conduct       area
GET    /consult-now/{id}                      visits.conduct       consult_now
POST   /consult-now/{id}/extend               visits.conduct       consult_now
POST   /consult-now/{id}/revoke               visits.conduct       consult_now
POST   /consult-now/{id}/resend               visits.conduct       consult_now
GET    /areas/{id}/appointments               appointments.manage  area
POST   /areas/{id}/appointments               appointments.manage  area
PATCH  /appointments/{id}                     appointments.manage  appointment
DELETE /appointments/{id}                     appointments.manage  appointment
POST   /appointments/{id}/send                appointments.manage  appointment
POST   /areas/{id}/link/send                  links.share          area
PATCH  /calls/{id}                            visits.conduct       call or:meeting_rooms.moderate group
POST   /calls/{id}/mute                       visits.conduct       call or:meeting_rooms.moderate group
POST   /calls/{id}/participants/{participant_id}/ask       visits.conduct call or:meeting_rooms.moderate group
POST   /calls/{id}/participants/{participant_id}/spotlight visits.conduct call or:meeting_rooms.moderate group
GET    /areas/{id}/groups                     queue.read           area
POST   /areas/{id}/groups                     groups.moderate      area
GET    /groups/{id}                           groups.moderate      group
PATCH  /groups/{id}                           groups.moderate      group
DELETE /groups/{id}                           groups.moderate      group
POST   /groups/{id}/start                     groups.moderate      group
POST   /groups/{id}/join                      groups.moderate      group
POST   /groups/{id}/end                       groups.moderate      group
POST   /groups/{id}/send                      groups.moderate      group
GET    /groups/{id}/lobby                     groups.moderate      group
POST   /groups/{id}/admit                     groups.moderate      group
POST   /groups/{id}/admit-all                 groups.moderate      group
GET    /groups/{id}/registrations             groups.moderate      group
POST   /groups/{id}/registrations             groups.moderate      group
DELETE /registrations/{id}                    groups.moderate      registration
POST   /registrations/{id}/send               groups.moderate      registration`

// documented is a line of matrixRoutes.
type documented struct {
	permission, on string
	guest, group   bool
	past           bool
	meeting        string // a permission that does on a meeting room's call
}

// documentedRoutes reads matrixRoutes.
func documentedRoutes(t *testing.T) map[string]documented {
	t.Helper()
	routes := make(map[string]documented)
	for line := range strings.SplitSeq(strings.TrimSpace(matrixRoutes), "\n") {
		f := strings.Fields(line)
		if len(f) < 4 {
			t.Fatalf("a line of the table: %q", line)
		}
		row := documented{permission: f[2], on: f[3]}
		for _, more := range f[4:] {
			meeting, or := strings.CutPrefix(more, "or:")
			switch {
			case or:
				row.meeting = meeting
			case more == "guest":
				row.guest = true
			case more == "group":
				row.group = true
			case more == "past":
				row.past = true
			default:
				t.Fatalf("a line of the table: %q", line)
			}
		}
		routes[f[0]+" "+f[1]] = row
	}
	return routes
}

// oracle answers from the tables and from what stands in what.
type oracle struct {
	columns map[string]string // of a permission: y and -
	parent  map[string]string
	rooms   map[string]string // meeting rooms, by name
	ofGroup map[string]bool   // visits and calls
	gone    map[string]string // what a unit stood in that was deleted
}

func newOracle(w *world) oracle {
	o := oracle{
		columns: make(map[string]string), parent: w.parent, rooms: w.things[control.ThingMeetingRoom], ofGroup: w.ofGroup,
		gone: w.gone,
	}
	for line := range strings.SplitSeq(strings.TrimSpace(matrixTable), "\n") {
		name, cells, _ := strings.Cut(line, "|")
		o.columns[strings.TrimSpace(name)] = strings.Join(strings.Fields(cells), "")
	}
	return o
}

// in says whether a thing is, or stands in, another one.
func (o oracle) in(thing, other string) bool {
	for ; thing != ""; thing = o.parent[thing] {
		if thing == other {
			return true
		}
	}
	return false
}

// has says whether a role of c, on the thing or around it, includes the
// permission.
func (o oracle) has(c caller, permission, thing string) bool {
	for _, g := range c.grants {
		column := slices.Index(matrixRoles, g.role)
		if g.role == auth.Machine {
			column = len(matrixRoles)
			if c.permissions != nil && !slices.Contains(c.permissions, permission) {
				continue
			}
		}
		cells := o.columns[permission] // none: no grant gives it
		if o.in(thing, g.on) && column < len(cells) && cells[column] == 'y' {
			return true
		}
	}
	return false
}

const passes = 0 // whatever the handler answers

// want is what a request ought to be answered: passes, or a status.
func (o oracle) want(r documented, c caller, thing string, named bool) int {
	switch {
	case r.permission == "anyone":
		return passes
	case c.token == "":
		return http.StatusUnauthorized
	case r.on == "-":
		special := map[string]bool{"organisations.create": c.operator, "nodes.read": c.operator,
			"account.own": !c.operator && c.visit == "" && !slices.ContainsFunc(c.grants, func(g grant) bool { return g.role == auth.Machine })}
		if special[r.permission] {
			return passes
		}
		return http.StatusForbidden
	case c.visit != "" && thing == c.visit && (r.guest || r.permission == "visit.own"),
		c.visit != "" && thing == c.call && r.permission == "visit.own":
		return passes
	}
	if named {
		if _, known := o.parent[thing]; !known {
			above, was := o.gone[thing]
			if was && r.past && (o.has(c, r.permission, thing) || o.has(c, r.permission, above)) {
				return passes
			}
			return http.StatusNotFound
		}
	}
	if r.group && o.ofGroup[thing] {
		r.permission = "groups.moderate"
	}
	if thing != "" && (o.has(c, r.permission, thing) || r.permission == "organisations.api_keys" && c.operator) {
		return passes
	}
	if r.meeting != "" && slices.Contains(slices.Collect(maps.Values(o.rooms)), o.parent[thing]) && o.has(c, r.meeting, thing) {
		return passes
	}
	if !named {
		return http.StatusForbidden
	}
	places := []string{"organisation", "unit", "area", "meeting_room", "own|unit"}
	for _, g := range c.grants {
		if o.in(thing, g.on) || slices.Contains(places, r.on) && o.in(g.on, thing) {
			return http.StatusForbidden
		}
	}
	return http.StatusNotFound
}

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

// R-P-1, R-T-4, SE-6: every registered route × everybody × own, above, beside,
// foreign, deleted and unknown things. What is let through stops at a query
// parameter that no route knows, so that nothing is done.
func TestAuthorisationMatrix(t *testing.T) {
	w := newWorld(t)
	o := newOracle(w)
	routes := documentedRoutes(t)
	cells := 0
	for _, r := range w.server.routes {
		name := r.method + " " + r.path
		row, ok := routes[name]
		if !ok {
			t.Errorf("%s is registered and not in matrixRoutes", name)
			continue
		}
		delete(routes, name)
		for _, c := range w.people {
			things := w.things[control.ThingKind(row.on)]
			named := true
			switch row.on {
			case "-":
				things, named = map[string]string{"": ""}, false
			case "own":
				things, named = map[string]string{"own": c.organisation}, false
			case "own|unit":
				things = w.things[control.ThingUnit]
				w.cell(o, r, row, c, "own", c.organisation, "", false)
			}
			for at, id := range things {
				query := ""
				if row.on == "own|unit" {
					query = "&unit_id=" + id
				}
				w.cell(o, r, row, c, at, id, query, named)
				cells++
			}
			if named && row.on != "own|unit" {
				w.cell(o, r, row, c, "unknown", uuid.NewString(), "", true)
				w.cell(o, r, row, c, "made-up", "x%2F..", "", true)
			}
		}
	}
	for name := range routes {
		t.Errorf("%s is in matrixRoutes and not registered", name)
	}
	if cells < 5000 {
		t.Errorf("only %d cells were tried", cells)
	}
}

// cell makes one request and compares.
func (w *world) cell(o oracle, r route, row documented, c caller, at, id, query string, named bool) {
	w.t.Helper()
	path := r.path
	if named && query == "" {
		path = strings.Replace(path, "{id}", id, 1)
	}
	path = parameter.ReplaceAllString(path, uuid.NewString())
	req := httptest.NewRequestWithContext(w.t.Context(), r.method, "http://atrium.test"+prefix+path+"?no_such=1"+query, nil)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, req)
	want := o.want(row, c, id, named)
	stopped := answer.Code == http.StatusBadRequest && strings.Contains(answer.Body.String(), "query.no_such")
	if stopped != (want == passes) || want != passes && answer.Code != want {
		w.t.Errorf("%s %s by %s on %s: %d %s, want %d", r.method, r.path, c.name, at, answer.Code, strings.TrimSpace(answer.Body.String()), want)
	}
}
