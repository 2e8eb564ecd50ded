package remote

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// Group is a command with sub-commands.
type Group struct {
	Name, Short string
	Actions     []Action
}

// Columns that several tables have.
var (
	id      = Column{"id", "id"}
	name    = Column{"name", "name"}
	link    = Column{"link", "link"}
	created = Column{"created", "created_at"}
)

// invitation are the columns of what an appointment of somebody answers.
func invitation(at string) []Column {
	return []Column{
		{"account", at + "account.id"}, {"e-mail", at + "account.email"}, {"state", at + "account.state"},
		{"invitation sent", at + "invitation.sent"}, {"invitation link", at + "invitation.link"},
		{"invitation ends", at + "invitation.expires_at"},
	}
}

// Groups are all commands of this package.
func Groups() []Group {
	return []Group{organisations(), units(), areas(), rooms(), grants(), accounts(), keys(), reports()}
}

func organisations() Group {
	return Group{"organisation", "Organisations of this deployment (for the operator)", []Action{
		{
			Use: "create NAME", Short: "Create an organisation with its first system administrator and API key", Args: []string{"name"},
			Flags: []Flag{
				{Name: "admin", Usage: "e-mail address of its first system administrator", Field: "system_admin.email"},
				{Name: "copy", Usage: "print the invitation's link, send nothing", Field: "system_admin.copy", Kind: Bool},
			},
			Method: http.MethodPost, Path: "/organisations", Body: true,
			Columns: append([]Column{{"organisation", "organisation.id"}, {"API key", "api_key.secret"}}, invitation("system_admin.")...),
		},
		{
			Use: "list", Short: "List organisations", Method: http.MethodGet, Path: "/organisations", List: true,
			Columns: []Column{id, name, created},
		},
		{
			Use: "show", Short: "Show the organisation of the API key", Method: http.MethodGet, Path: "/organisation",
			Columns: []Column{id, name, {"language", "settings.language"}, {"allowed origins", "settings.allowed_origins"}, created},
		},
	}}
}

func units() Group {
	of := Flag{Name: organisationFlag, Usage: "id of the organisation; without it that of the API key"}
	return Group{"unit", "Organisational units", []Action{
		{
			Use: "create NAME", Short: "Create a unit and appoint its administrators and reporters", Args: []string{"name"},
			Flags: []Flag{of,
				{Name: "admin", Usage: "e-mail address of an administrator; may be repeated", Field: "admins", Kind: Emails},
				{Name: "reporter", Usage: "e-mail address of a reporter; may be repeated", Field: "reporters", Kind: Emails},
			},
			Method: http.MethodPost, Path: "/organisations/{organisation}/units", Body: true,
			Columns: append([]Column{{"unit", "unit.id"}}, invitation("appointed.0.")...),
		},
		{
			Use: "list", Short: "List units", Flags: []Flag{of}, Method: http.MethodGet,
			Path: "/organisations/{organisation}/units", List: true,
			Columns: []Column{id, name, {"areas", "areas"}, {"meeting rooms", "meeting_rooms"}, created},
		},
		{Use: "show ID", Short: "Show a unit", Args: []string{"id"}, Method: http.MethodGet, Path: "/units/{id}", Columns: []Column{id, name, created}},
		{
			Use: "rename ID NAME", Short: "Rename a unit", Args: []string{"id", "name"}, Method: http.MethodPatch, Path: "/units/{id}", Body: true,
			Columns: []Column{id, name},
		},
		{Use: "delete ID", Short: "Delete a unit", Args: []string{"id"}, Method: http.MethodDelete, Path: "/units/{id}"},
	}}
}

func areas() Group {
	shown := []Column{id, name, {"unit", "unit_id"}, {"open", "open"}, {"opens", "opens_at"}, {"suspended", "suspended"}, link}
	unit := Flag{Name: "unit", Usage: "id of the unit", Required: true}
	on := func(use, short, method, path string) Action {
		return Action{Use: use, Short: short, Args: []string{"id"}, Method: method, Path: "/areas/{id}" + path, Columns: shown}
	}
	suspend := on("suspend ID", "Close an area whatever its hours say", http.MethodPost, "/suspend")
	suspend.Flags, suspend.Body = []Flag{{Name: "reason", Usage: "what guests are told"}}, true
	remove := on("delete ID", "Delete an area", http.MethodDelete, "")
	remove.Columns = nil
	return Group{"area", "Waiting areas", []Action{
		{
			Use: "create NAME --unit ID", Short: "Create a waiting area", Args: []string{"name"}, Flags: []Flag{unit},
			Method: http.MethodPost, Path: "/units/{unit}/areas", Body: true, Columns: shown,
		},
		{
			Use: "list --unit ID", Short: "List the waiting areas of a unit", Flags: []Flag{unit},
			Method: http.MethodGet, Path: "/units/{unit}/areas", List: true,
			Columns: []Column{id, name, {"open", "open"}, {"suspended", "suspended"}, created},
		},
		on("show ID", "Show a waiting area with its link", http.MethodGet, ""),
		suspend,
		on("restore ID", "Open a suspended area again", http.MethodPost, "/restore"),
		on("reset-link ID", "Replace an area's link; the old one is dead at once", http.MethodPost, "/link/reset"),
		remove,
	}}
}

func rooms() Group {
	shown := []Column{id, name, {"unit", "unit_id"}, {"area", "area_id"}, {"locked", "locked"}, link}
	unit := Flag{Name: "unit", Usage: "id of the unit", Required: true}
	on := func(use, short, method, path string) Action {
		return Action{Use: use, Short: short, Args: []string{"id"}, Method: method, Path: "/meeting-rooms/{id}" + path, Columns: shown}
	}
	lock := on("lock ID", "Let nobody new in by the room's link", http.MethodPatch, "")
	lock.Body, lock.Fixed = true, map[string]any{"locked": true}
	unlock := on("unlock ID", "Let people in by the room's link again", http.MethodPatch, "")
	unlock.Body, unlock.Fixed = true, map[string]any{"locked": false}
	remove := on("delete ID", "Delete a meeting room", http.MethodDelete, "")
	remove.Columns = nil
	return Group{"room", "Meeting rooms", []Action{
		{
			Use: "create NAME --unit ID", Short: "Create a meeting room", Args: []string{"name"}, Flags: []Flag{unit},
			Method: http.MethodPost, Path: "/units/{unit}/meeting-rooms", Body: true, Columns: shown,
		},
		{
			Use: "list --unit ID", Short: "List the meeting rooms of a unit", Flags: []Flag{unit},
			Method: http.MethodGet, Path: "/units/{unit}/meeting-rooms", List: true,
			Columns: []Column{id, name, {"area", "area_id"}, {"locked", "locked"}, created},
		},
		on("show ID", "Show a meeting room with its link", http.MethodGet, ""),
		lock, unlock,
		on("reset-link ID", "Replace a room's link; the old one is dead at once", http.MethodPost, "/link/reset"),
		remove,
	}}
}

func grants() Group {
	on := []Flag{{
		Name: "on", Usage: "what the role is on: organisation, unit:ID, area:ID or room:ID", Required: true, Path: grantsOf,
	}}
	role := Flag{Name: "role", Usage: "org_admin, org_reporter, area_admin, coordinator, provider, referrer, room_admin, room_member or system_admin", Required: true}
	return Group{"grant", "Roles of people", []Action{
		{
			Use: "add EMAIL --role ROLE --on THING", Short: "Give a role; who has no account is invited", Args: []string{"email"},
			Flags:  append([]Flag{role, {Name: "copy", Usage: "print the invitation's link, send nothing", Kind: Bool}}, on...),
			Method: http.MethodPost, Path: "/{on}", Body: true,
			Columns: append([]Column{{"grant", "grant.id"}}, invitation("")...),
		},
		{
			Use: "list --on THING", Short: "List who has a role", Flags: on, Method: http.MethodGet, Path: "/{on}", List: true,
			Columns: []Column{{"grant", "grant.id"}, {"role", "grant.role"}, {"e-mail", "account.email"}, {"name", "account.name"}, {"state", "account.state"}},
		},
		{
			Use: "remove GRANT --on THING", Short: "Take a role away; open sessions lose it too", Args: []string{"grant"}, Flags: on,
			Method: http.MethodDelete, Path: "/{on}/{grant}",
		},
	}}
}

// grantsOf is where the roles on a thing are listed.
func grantsOf(thing string) (string, error) {
	kind, id, _ := strings.Cut(thing, ":")
	at := map[string]string{
		"organisation": "organisation/grants", "unit": "units/ID/grants", "area": "areas/ID/grants", "room": "meeting-rooms/ID/members",
	}[kind]
	if at == "" || (id == "") != (kind == "organisation") {
		return "", errors.New("--on: it must be organisation, unit:ID, area:ID or room:ID")
	}
	return strings.Replace(at, "ID", url.PathEscape(id), 1), nil
}

func accounts() Group {
	shown := []Column{id, {"e-mail", "email"}, name, {"state", "state"}, {"last sign-in", "last_sign_in_at"}}
	on := func(use, short, path string) Action {
		return Action{Use: use, Short: short, Args: []string{"id"}, Method: http.MethodPost, Path: "/accounts/{id}" + path, Columns: shown}
	}
	invite := on("invite ID", "Invite somebody again who has not signed in yet", "/invite")
	invite.Body, invite.Flags = true, []Flag{{Name: "copy", Usage: "print the link, send nothing", Kind: Bool}}
	invite.Columns = []Column{{"sent", "sent"}, link, {"ends", "expires_at"}}
	return Group{"account", "Accounts of staff", []Action{
		{Use: "list", Short: "List accounts", Method: http.MethodGet, Path: "/accounts", List: true, Columns: shown},
		on("disable ID", "Sign an account out everywhere, for good", "/disable"),
		on("enable ID", "Let a disabled account in again", "/enable"),
		invite,
	}}
}

func keys() Group {
	of := Flag{Name: organisationFlag, Usage: "id of the organisation: for the operator, who is whoever runs this on the server's host"}
	unit := Flag{Name: "unit", Usage: "id of a unit that the key is for; without it the organisation", Field: "unit_id", Query: true}
	return Group{"key", "API keys", []Action{
		{
			Use: "create NAME --permission P", Short: "Create an API key", Args: []string{"name"},
			Flags:  []Flag{{Name: "permission", Usage: "such as queue.read; may be repeated; * for all", Field: "permissions", Kind: Strings, Required: true}, unit, of},
			Method: http.MethodPost, Path: "/api-keys", Operator: "/organisations/{organisation}/api-keys", Body: true,
			Columns: []Column{id, name, {"secret", "secret"}, {"permissions", "permissions"}},
		},
		{
			Use: "list", Short: "List API keys", Flags: []Flag{unit, of}, Method: http.MethodGet,
			Path: "/api-keys", Operator: "/organisations/{organisation}/api-keys", List: true,
			Columns: []Column{id, name, {"scope", "scope.kind"}, {"permissions", "permissions"}, {"last used", "last_used_at"}},
		},
		{
			Use: "revoke ID", Short: "End an API key at once", Args: []string{"id"}, Flags: []Flag{of}, Method: http.MethodDelete,
			Path: "/api-keys/{id}", Operator: "/organisations/{organisation}/api-keys/{id}",
		},
	}}
}

// reports are one command for each type.
func reports() Group {
	query := func(name, usage string) Flag { return Flag{Name: name, Usage: usage, Query: true} }
	flags := []Flag{
		{Name: "unit", Usage: "id of the unit", Required: true},
		query("from", "first day (2026-03-01) or time; without it 30 days before --to"),
		query("to", "last day, included, or time; without it now"),
		query("tz", "time zone of the days, such as Europe/Vienna; without it UTC"),
		{Name: "min-minutes", Field: "min_minutes", Usage: "leave out what was shorter", Query: true},
		query("area", "id of a waiting area: of this one only"),
		query("room", "id of a meeting room: of this one only"),
		query("provider", "id of an account: with this one only"),
		query("format", "csv, json or xlsx (into a file: > report.xlsx); json without it"),
		query("chart", "draw it as SVG: days, waits, concurrency or quality"),
	}
	g := Group{Name: "report", Short: "What a unit did in a period"}
	for _, t := range []struct{ name, short string }{
		{"consultations", "Every consultation that ended, without names"},
		{"areas", "Waiting areas: arrivals, seen, abandoned, waiting times"},
		{"groups", "Group consultations that ended"},
		{"consult-now", "Consult Now links: issued, extended, entered, expired"},
		{"meeting-rooms", "Meeting rooms: sessions, minutes, guests"},
		{"accounts", "Staff: roles, last sign-in, calls, minutes"},
		{"quality", "Calls: loss, round-trip time, jitter, freezes, score"},
		{"units", "The unit: areas, rooms, accounts in use"},
	} {
		g.Actions = append(g.Actions, Action{
			Use: t.name + " --unit ID", Short: t.short, Flags: flags, Method: http.MethodGet, Path: "/units/{unit}/reports/" + t.name, Raw: true,
		})
	}
	return g
}

// Commands makes the commands of all groups.
func Commands(connect Connection, out *Printer) []*cobra.Command {
	var list []*cobra.Command
	for _, g := range Groups() {
		parent := &cobra.Command{
			Use: g.Name, Short: g.Short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return errors.New("say what: `" + cmd.CommandPath() + " --help` lists it")
			},
		}
		for _, a := range g.Actions {
			parent.AddCommand(a.command(connect, out))
		}
		list = append(list, parent)
	}
	return list
}
