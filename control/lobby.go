package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/atriumrtc/atrium/control/store"
)

// Lobby is what somebody with a link is shown before they enter.
type Lobby struct {
	Kind         LinkKind
	Organisation string
	Name         string // of the area or room
	Fields       []EntryField
	Terms        string // to consent to; "": none
	Welcome      string
	Phone        string
	Door         Door
	Reason       string    // of a suspension
	StartsAt     time.Time // of an appointment or a group
}

// doorway is a link with what it leads to.
type doorway struct {
	Link
	digest      string
	area        Area        // of all but meeting rooms
	room        MeetingRoom // of a meeting room's link
	appointment appointmentRecord
	consult     consultRecord
	call        *Call // of an invitation into one

	group        groupRecord        // of both kinds of a group's links
	registration registrationRecord // of a personal one
	known        map[string]string  // of who registered, by FieldKey
	there        bool               // their visit goes on
}

// doorway reads what a guest's link leads to. Links that are unknown, used,
// revoked or expired are ErrNotFound alike (R-CN-4).
func (c *change) doorway(digest [32]byte) (doorway, error) {
	d := doorway{digest: hexDigest(digest)}
	var err error
	if d.Link, err = link(c.Tx, digest); err != nil {
		return d, err
	}
	areaID := d.TargetID
	switch d.Kind {
	case LinkArea:
	case LinkMeetingRoom:
		r, err := liveMeetingRoom(c.Tx, d.TargetID)
		d.room = r.MeetingRoom
		return d, err
	case LinkAppointment:
		if d.appointment, err = get[appointmentRecord](c.Tx, prefixAppointment+d.TargetID); err != nil {
			return d, err
		}
		if err := d.appointment.enterable(c.now); err != nil {
			return d, err
		}
		areaID = d.appointment.AreaID
	case LinkConsultNow:
		if d.consult, err = get[consultRecord](c.Tx, prefixConsult+d.TargetID); err != nil {
			return d, err
		}
		if !d.consult.enterable(c.now) {
			return d, ErrNotFound
		}
		areaID = d.consult.AreaID
	case LinkCallInvite:
		call, err := get[Call](c.Tx, prefixCall+d.TargetID)
		if err != nil {
			return d, err
		}
		if call.State != CallLive || !d.UsedAt.IsZero() || c.now.After(d.ExpiresAt) {
			return d, ErrNotFound
		}
		d.call, areaID = &call, call.AreaID
	case LinkRegistration, LinkGroup:
		if err := c.groupDoor(&d); err != nil {
			return d, err
		}
		areaID = d.group.AreaID
	default:
		return d, ErrNotFound
	}
	a, err := liveArea(c.Tx, areaID)
	d.area = a.Area
	return d, err
}

// placeName is what the place is called that the link leads to.
func (d *doorway) placeName() string {
	switch d.Kind {
	case LinkMeetingRoom:
		return d.room.Name
	case LinkRegistration, LinkGroup:
		return d.group.Title
	}
	return d.area.Name
}

// startsAt is when what the link is for begins; zero: it isn't said.
func (d *doorway) startsAt() time.Time {
	if d.Kind == LinkAppointment {
		return d.appointment.StartsAt
	}
	return d.group.StartsAt
}

// fields are what a guest is asked for, but for what is known of who
// registered.
func (d *doorway) fields() []EntryField {
	return slices.DeleteFunc(slices.Clone(d.asked()), func(f EntryField) bool { return d.known[string(f.Key)] != "" })
}

// asked is what a guest is to say: what an area asks for, and of those who
// come to one person or one room the name.
func (d *doorway) asked() []EntryField {
	if d.Kind == LinkMeetingRoom || d.Kind == LinkCallInvite || len(d.area.Settings.Fields) == 0 {
		return []EntryField{{Key: FieldName, Required: true}}
	}
	return d.area.Settings.Fields
}

func (d *doorway) terms() string {
	if d.Kind == LinkMeetingRoom || d.registration.Consented {
		return ""
	}
	return d.area.Settings.Terms
}

// door says whether guests may enter now. Opening hours are for who comes by
// the area's own link; a suspension is for all who would wait (R-WA-2).
func (d *doorway) door(now time.Time) (Door, error) {
	switch {
	case d.Kind == LinkArea:
		return d.area.Door(now)
	case (d.Kind == LinkAppointment || d.Kind == LinkRegistration || d.Kind == LinkGroup && !d.there) && d.area.Suspended:
		return Door{Suspended: true}, nil
	case d.Kind == LinkRegistration:
		return Door{Open: d.group.Registration == RegistrationOpen}, nil
	}
	return Door{Open: true}, nil
}

// Look says what a link leads to. It uses nothing up (R-CN-4); that a Consult
// Now link was opened is shown to its provider (R-CN-5).
func (s *Service) Look(ctx context.Context, linkDigest [32]byte) (Lobby, error) {
	var lobby Lobby
	opened := false
	look := func(c *change) error {
		d, err := c.doorway(linkDigest)
		if err != nil {
			return err
		}
		door, err := d.door(c.now)
		if err != nil {
			return err
		}
		org, err := get[Organisation](c.Tx, prefixOrganisation+d.OrganisationID)
		lobby = Lobby{
			Kind: d.Kind, Organisation: org.Name, Name: d.placeName(), Fields: d.fields(), Terms: d.terms(),
			Door: door, StartsAt: d.startsAt(),
		}
		if d.Kind != LinkMeetingRoom {
			lobby.Welcome, lobby.Phone = d.area.Settings.Welcome, d.area.Settings.Phone
		}
		if door.Suspended {
			lobby.Reason = d.area.SuspendedReason
		}
		opened = d.Kind == LinkConsultNow && d.consult.State == ConsultSent
		return err
	}
	err := s.store.View(ctx, func(tx store.Tx) error {
		if l, err := link(tx, linkDigest); err == nil && l.Kind == LinkRoom {
			room, err := s.room(tx, l.OrganisationID, l.TargetID)
			lobby = Lobby{
				Kind: LinkRoom, Name: room.Name, Fields: []EntryField{{Key: FieldName, Required: true}}, Door: Door{Open: true},
			}
			return err
		}
		return look(&change{Tx: tx, Service: s, now: s.clock()})
	})
	if err != nil {
		return Lobby{}, fmt.Errorf("look at a link: %w", err)
	}
	if !opened {
		return lobby, nil
	}
	err = s.change(ctx, System(), "note that a link was opened", func(c *change) error {
		d, err := c.doorway(linkDigest)
		if err != nil || d.Kind != LinkConsultNow || d.consult.State != ConsultSent {
			return err
		}
		d.consult.OpenedAt = c.now
		return c.putConsult(&d.consult, ConsultOpened)
	})
	if errors.Is(err, ErrNotFound) {
		return Lobby{}, err
	}
	if err != nil { // a full disk is no reason not to show the page
		s.log.WarnContext(ctx, "that a link was opened could not be stored", "err", err)
	}
	return lobby, nil
}

const (
	maxFieldText      = 1000 // runes of a free text
	maxFieldReference = 100
)

// cleanTyped checks what a guest typed against what was asked for (R-IA-3b).
// What wasn't asked for is refused: it would be kept for nothing.
func cleanTyped(asked []EntryField, typed map[string]string, now time.Time) (map[string]string, error) {
	clean := make(map[string]string, len(typed))
	known := make(map[string]bool, len(asked))
	for _, f := range asked {
		key := string(f.Key)
		known[key] = true
		value := strings.TrimSpace(typed[key])
		if value == "" {
			if f.Required || f.Key == FieldName {
				return nil, &FieldError{Field: "fields." + key, Message: "must not be empty"}
			}
			continue
		}
		value, err := cleanField(f.Key, value, now)
		if err != nil {
			return nil, err
		}
		clean[key] = value
	}
	for key := range typed {
		if !known[key] {
			return nil, &FieldError{Field: "fields", Message: "must hold only what is asked for here"}
		}
	}
	return clean, nil
}

func cleanField(key FieldKey, value string, now time.Time) (string, error) {
	field := "fields." + string(key)
	switch key {
	case FieldName:
		return CleanName(field, value)
	case FieldPhone:
		return cleanPhone(field, value)
	case FieldDateOfBirth:
		born, err := time.Parse(time.DateOnly, value)
		if err != nil || born.After(now.AddDate(0, 0, 1)) || born.Year() < now.Year()-150 {
			return "", &FieldError{Field: field, Message: "must be a date such as 1980-12-31"}
		}
		return value, nil
	case FieldReference:
		if utf8.RuneCountInString(value) > maxFieldReference {
			return "", &FieldError{Field: field, Message: fmt.Sprintf("must have at most %d characters", maxFieldReference)}
		}
	}
	if utf8.RuneCountInString(value) > maxFieldText {
		return "", &FieldError{Field: field, Message: fmt.Sprintf("must have at most %d characters", maxFieldText)}
	}
	return cleanText(field, value)
}
