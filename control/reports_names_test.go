package control_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
)

// canaries are words that must stand in no report, each put into a place of its
// own where somebody types what they like.
type canaries struct {
	*clinic
	words []string
	where []string
}

func (c *canaries) put(where, word string) string {
	c.words, c.where = append(c.words, strings.ToLower(word)), append(c.where, where)
	return word
}

// word is a new one.
func (c *canaries) word(where string) string {
	return c.put(where, fmt.Sprintf("Kanari%03dvogel", len(c.words)))
}

func (c *canaries) email(where string) control.Contact {
	return control.Contact{Email: c.word(where) + "@example.org"}
}

func (c *canaries) phone(where string) string {
	digits := fmt.Sprintf("66055%05d", 70000+len(c.words))
	c.put(where, digits)
	return "+43" + digits
}

// details fills every entry field in.
func (c *canaries) details(of string) map[string]string {
	return map[string]string{
		"name": c.word(of + "'s name"), "phone": c.phone(of + "'s phone"), "reference": c.word(of + "'s reference"), "text": c.word(of + "'s text"),
		"date_of_birth": c.put(of+"'s date of birth", fmt.Sprintf("19%02d-07-29", 10+len(c.words)%80)),
	}
}

func (c *canaries) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// comes has somebody enter by a link with these details, and connects them.
func (c *canaries) comes(link string, details map[string]string) *guest {
	c.t.Helper()
	entered, err := c.EnterByLink(c.t.Context(), linkDigest(c.t, link), control.EntrySpec{Fields: details, Consent: true})
	c.ok(err)
	c.connect(entered.Join)
	return &guest{f: c.clinic, id: entered.Visit.ID, join: entered.Join}
}

// individual has guests of every kind in the area.
func (c *canaries) individual() {
	ctx := c.t.Context()
	app := c.app(c.word("the name of somebody of an app"))
	app.Ref = c.word("the reference of somebody of an app")
	ann := c.comes(c.area.Link, c.details("a guest"))
	_, err := c.Message(ctx, c.dr, ann.id, c.word("a message to a guest"), nil)
	c.ok(err)
	c.step(time.Minute)
	call := c.admit(app, ann, control.AdmitSpec{}).Call.ID
	invite, err := c.InviteToCall(ctx, c.dr.Actor, call, control.Contact{Copy: true}, "", nil)
	c.ok(err)
	c.comes(invite.Link, map[string]string{"name": c.word("the name of somebody invited")})
	_, err = c.InviteToCall(ctx, c.dr.Actor, call, c.email("where an invitation was sent"), "", nil)
	c.ok(err)
	_, err = c.InviteToCall(ctx, c.dr.Actor, call, control.Contact{Phone: c.phone("the phone of somebody invited")}, "", nil)
	c.ok(err)
	c.step(7 * time.Minute)
	c.ok(c.EndCall(ctx, c.dr.Actor, call))
	_, err = c.Deny(ctx, c.dr, c.comes(c.area.Link, c.details("somebody denied")).id, c.word("why somebody was denied"))
	c.ok(err)

	booked, err := c.Book(ctx, c.dr.Actor, c.area.ID, control.AppointmentSpec{StartsAt: c.clock(), Details: c.details("somebody booked")}, nil)
	c.ok(err)
	_, _, err = c.SendAppointment(ctx, c.dr.Actor, booked.ID, c.email("where an appointment was sent"), "", nil)
	c.ok(err)
	came := c.comes(booked.Link, c.details("somebody with an appointment"))
	call = c.admit(c.dr, came, control.AdmitSpec{}).Call.ID
	c.ok(c.EndCall(ctx, c.dr.Actor, call))
	_, _, err = c.SendAreaLink(ctx, c.dr.Actor, c.area.ID, c.email("where an area's link was sent"), "", nil)
	c.ok(err)

	sent, err := c.ConsultNow(ctx, app, c.area.ID, control.Contact{Phone: c.phone("where a Consult Now link was sent")}, "", nil)
	c.ok(err)
	c.ok(c.EndCall(ctx, c.dr.Actor, sent.Call.ID))
	copied := c.copied()
	c.connect(copied.Join)
	c.comes(copied.Consult.Link, c.details("somebody sent a link"))
	c.ok(c.EndCall(ctx, c.dr.Actor, copied.Call.ID))
	room := c.newRoom()
	meeting, join, err := c.EnterMeetingRoom(ctx, app, room.ID)
	c.ok(err)
	c.connect(join)
	c.comes(room.Link, map[string]string{"name": c.word("the name of a guest of a meeting room")})
	c.step(time.Minute)
	c.ok(c.EndCall(ctx, c.dr.Actor, meeting.ID))
	_, err = c.SuspendArea(ctx, c.dr.Actor, c.area.ID, c.word("why an area is suspended"))
	c.ok(err)
	_, err = c.RestoreArea(ctx, c.dr.Actor, c.area.ID)
	c.ok(err)
}

// group has people register, come, and be in breakouts.
func (c *canaries) group() {
	ctx := c.t.Context()
	g := c.groupIn(control.GroupSpec{Title: c.word("a group's title")})
	_, _, err := c.SendGroup(ctx, c.dr.Actor, g.ID, c.email("where a group's link was sent"), "", nil)
	c.ok(err)
	_, err = c.RegisterForGroup(ctx, c.dr.Actor, g.ID, c.details("somebody registered by staff"), nil)
	c.ok(err)
	e, err := c.EnterByLink(ctx, linkDigest(c.t, g.Link), control.EntrySpec{Fields: c.details("somebody registered"), Consent: true})
	c.ok(err)
	_, _, err = c.SendRegistration(ctx, c.dr.Actor, e.Registration.ID, c.email("where a personal link was sent"), "", nil)
	c.ok(err)
	who := c.comes(e.Registration.Link, nil)
	started := c.starts(c.dr, g)
	c.admits(g, who)
	_, err = c.PlanBreakouts(ctx, c.dr.Actor, started.Call.ID, control.BreakoutPlan{
		Rooms: []control.PlannedRoom{{Name: c.word("a breakout's name"), Participants: []string{who.pid()}}}})
	c.ok(err)
	_, err = c.OpenBreakouts(ctx, c.dr.Actor, started.Call.ID)
	c.ok(err)
	c.ok(c.BroadcastText(ctx, c.dr, started.Call.ID, c.word("a broadcast"), nil))
	c.step(time.Minute)
	c.ok(c.EndGroup(ctx, c.dr.Actor, g.ID))
}

// parts are the files of an archive, or the text itself.
func (c *canaries) parts(text []byte) []string {
	c.t.Helper()
	if !bytes.HasPrefix(text, []byte("PK")) {
		return []string{string(text)}
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	c.ok(err)
	var list []string
	for _, f := range archive.File {
		r, err := f.Open()
		c.ok(err)
		data, err := io.ReadAll(r)
		c.ok(err)
		list = append(list, f.Name, string(data))
	}
	return list
}

// R-RP: no names of guests, ever: nothing that anybody typed of a guest, nor
// whatever else is typed freely and isn't the name of a place or of staff, comes
// into a report of any type in any form, nor into what is kept for them.
func TestReportsNameNobody(t *testing.T) {
	c := &canaries{}
	c.clinic = newClinic(t, control.AreaSettings{
		Fields: []control.EntryField{{Key: control.FieldPhone}, {Key: control.FieldDateOfBirth}, {Key: control.FieldReference},
			{Key: control.FieldText, Label: c.word("a field's label")}},
		Terms: c.word("an area's terms"), Welcome: c.word("an area's welcome"), Phone: c.phone("an area's phone"),
	})
	_, err := c.UpdateUnit(t.Context(), staff(c.org), c.unit.ID, control.UnitPatch{Settings: &control.UnitSettings{Phone: c.phone("a unit's phone")}})
	c.ok(err)
	c.signedIn("Dr Doc")
	c.individual()
	c.group()
	c.step(25 * time.Hour)
	silent := func(what, text string) {
		t.Helper()
		text = strings.ToLower(text)
		for i, word := range c.words {
			if strings.Contains(text, word) {
				t.Errorf("%s: %s stands in it", what, c.where[i])
			}
		}
	}
	for _, kind := range report.Types() {
		if len(c.rows(kind, report.Query{})) == 0 {
			t.Errorf("%s has no rows", kind)
		}
		for _, format := range []report.Format{report.JSON, report.CSV, report.XLSX} {
			for _, part := range c.parts(c.reportOn(kind, report.Query{Format: string(format)})) {
				silent(fmt.Sprint(kind, " as ", format), part)
			}
		}
		for _, chart := range kind.Charts() {
			silent(fmt.Sprint(kind, ", ", chart), string(c.reportOn(kind, report.Query{Chart: string(chart)})))
		}
	}
	kept := 0
	for _, prefix := range []string{"report/", "report_total/", "call_quality/"} {
		c.each(prefix, func(record string) {
			kept++
			silent("a record of reports", record)
		}, "")
	}
	if kept < 10 || len(c.words) < 50 {
		t.Errorf("%d records, %d canaries", kept, len(c.words))
	}
}
