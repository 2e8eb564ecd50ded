package api

import (
	"context"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Area is a waiting area.
type Area struct {
	ID              string       `json:"id" format:"uuid"`
	UnitID          string       `json:"unit_id" format:"uuid"`
	Name            string       `json:"name" example:"Dr Adler"`
	Slug            string       `json:"slug" doc:"For addresses: never changes." example:"dr-adler"`
	Settings        AreaSettings `json:"settings"`
	Open            bool         `json:"open" doc:"Whether guests can enter now."`
	OpensAt         *time.Time   `json:"opens_at,omitempty" doc:"When it opens next, while closed by its hours."`
	Suspended       bool         `json:"suspended" doc:"Closed whatever the hours say."`
	SuspendedReason string       `json:"suspended_reason,omitempty"`
	Link            string       `json:"link,omitempty" doc:"For guests; shown to who may share it (links.share)." example:"https://calls.example.org/e#q3mVY0wXbq1cF8Zk5nTjUw2e"`
	CreatedAt       time.Time    `json:"created_at"`
}

// AreaSettings are what a waiting area decides for itself.
type AreaSettings struct {
	Fields           []EntryField `json:"fields,omitempty" nullable:"false" maxItems:"5" doc:"What guests are asked for; the name always is."`
	Terms            string       `json:"terms,omitempty" doc:"To consent to on entering; at most 4000 characters."`
	Welcome          string       `json:"welcome,omitempty" doc:"Shown while waiting; at most 4000 characters."`
	Phone            string       `json:"phone,omitempty" doc:"For guests, if nobody comes." example:"+43 1 234 56 78"`
	ShowPosition     bool         `json:"show_position,omitempty" doc:"Whether guests see their place in the queue."`
	Hours            *Hours       `json:"hours,omitempty" doc:"When it is open; without it always."`
	WaitLimitSeconds int          `json:"wait_limit_seconds,omitempty" minimum:"0" maximum:"86400" doc:"Who waits longer leaves the queue; 0: no limit."`
	AlertAccounts    []string     `json:"alert_accounts,omitempty" nullable:"false" maxItems:"50" doc:"Ids of accounts that get an e-mail when somebody arrives."`
}

// EntryField is one thing that guests are asked for.
type EntryField struct {
	Key      string `json:"key" enum:"name,phone,date_of_birth,reference,text"`
	Label    string `json:"label,omitempty" doc:"Without it the page's own word." example:"Insurance number"`
	Required bool   `json:"required,omitempty"`
}

// Hours are opening hours, on the clock of a time zone.
type Hours struct {
	TimeZone  string     `json:"time_zone" doc:"IANA." example:"Europe/Vienna"`
	Monday    []Interval `json:"monday,omitempty" nullable:"false"`
	Tuesday   []Interval `json:"tuesday,omitempty" nullable:"false"`
	Wednesday []Interval `json:"wednesday,omitempty" nullable:"false"`
	Thursday  []Interval `json:"thursday,omitempty" nullable:"false"`
	Friday    []Interval `json:"friday,omitempty" nullable:"false"`
	Saturday  []Interval `json:"saturday,omitempty" nullable:"false"`
	Sunday    []Interval `json:"sunday,omitempty" nullable:"false"`
}

// Interval is a part of a day.
type Interval struct {
	Opens  string `json:"opens" example:"09:00"`
	Closes string `json:"closes" doc:"Not included; at most 24:00." example:"17:30"`
}

// days are the lists of h in the order of time.Weekday.
func (h *Hours) days() [7]*[]Interval {
	return [7]*[]Interval{&h.Sunday, &h.Monday, &h.Tuesday, &h.Wednesday, &h.Thursday, &h.Friday, &h.Saturday}
}

// rules are the settings as the rules have them.
func (a AreaSettings) rules() control.AreaSettings {
	made := control.AreaSettings{
		Terms: a.Terms, Welcome: a.Welcome, Phone: a.Phone, ShowPosition: a.ShowPosition,
		WaitLimit: time.Duration(a.WaitLimitSeconds) * time.Second,
		Alerts:    control.Alerts{Accounts: a.AlertAccounts},
	}
	for _, f := range a.Fields {
		made.Fields = append(made.Fields, control.EntryField{Key: control.FieldKey(f.Key), Label: f.Label, Required: f.Required})
	}
	if a.Hours != nil {
		made.Hours.TimeZone = a.Hours.TimeZone
		for day, list := range a.Hours.days() {
			for _, i := range *list {
				made.Hours.Weekly[day] = append(made.Hours.Weekly[day], control.Interval(i))
			}
		}
	}
	return made
}

func areaSettingsOf(a control.AreaSettings) AreaSettings {
	made := AreaSettings{
		Terms: a.Terms, Welcome: a.Welcome, Phone: a.Phone, ShowPosition: a.ShowPosition,
		WaitLimitSeconds: int(a.WaitLimit / time.Second), AlertAccounts: a.Alerts.Accounts,
	}
	for _, f := range a.Fields {
		made.Fields = append(made.Fields, EntryField{Key: string(f.Key), Label: f.Label, Required: f.Required})
	}
	hours := &Hours{TimeZone: a.Hours.TimeZone}
	for day, list := range hours.days() {
		for _, i := range a.Hours.Weekly[day] {
			made.Hours = hours
			*list = append(*list, Interval(i))
		}
	}
	return made
}

// areaOf is an area as the caller may see it: its link is for who may share
// it.
func (s *Server) areaOf(ctx context.Context, a control.Area) Area {
	made := Area{
		ID: a.ID, UnitID: a.UnitID, Name: a.Name, Slug: a.Slug, Settings: areaSettingsOf(a.Settings),
		Suspended: a.Suspended, SuspendedReason: a.SuspendedReason, CreatedAt: a.CreatedAt,
	}
	door, err := a.Door(s.now())
	if err != nil { // a time zone that this computer doesn't know
		s.log.WarnContext(ctx, "an area's opening hours can't be read", "area_id", a.ID, "err", err)
	}
	made.Open = door.Open
	if !door.OpensAt.IsZero() {
		made.OpensAt = &door.OpensAt
	}
	chain := []control.Scope{
		{Kind: control.ScopeArea, ID: a.ID}, {Kind: control.ScopeUnit, ID: a.UnitID}, {Kind: control.ScopeOrganisation, ID: a.OrganisationID},
	}
	if accessOf(ctx).mayOn(auth.LinksShare, chain) {
		made.Link = guestLink(originOf(ctx).base, a.Link)
	}
	return made
}

// guestLink is the address of a guest's page. The secret stands in the
// fragment, which browsers don't send (SE-7).
func guestLink(base, secret string) string {
	if secret == "" {
		return ""
	}
	return base + "/e#" + secret
}
