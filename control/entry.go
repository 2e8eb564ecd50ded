package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// EntrySpec is what somebody enters with.
type EntrySpec struct {
	Fields  map[string]string // by FieldKey
	Consent bool              // to the area's terms
	// VisitToken is the digest of the visit token that the browser has, if
	// any: a visit by the same link that goes on is given back (R-WA-1).
	VisitToken *[32]byte
}

// Entered is what somebody gets who entered.
type Entered struct {
	Join Join
	// Room is the room of the API that a link led to; Visit is nil then.
	Room  *Room
	Visit *Visit
	// VisitToken proves whose the visit is from now on. "" when EntrySpec's
	// still does.
	VisitToken string
	// Registration is what a link to register by made, with a link of its own;
	// nobody is let in by it: all the rest is zero then.
	Registration *GroupRegistration
}

// EnterByLink lets somebody in by a guest's link, given by its digest: into a
// room of the API, a waiting area, a call or a meeting room; by the link of a
// group they register for it, and get a link of their own. It is the only
// thing that uses a single-use link up, durably, before anybody is admitted
// (R-CN-4, SE-4). Unknown and dead links give ErrNotFound alike.
func (s *Service) EnterByLink(ctx context.Context, linkDigest [32]byte, spec EntrySpec) (Entered, error) {
	if e, ok, err := s.enterAgain(ctx, linkDigest, spec); ok || err != nil {
		return e, err
	}
	var fields map[string]string
	var d doorway
	err := s.store.View(ctx, func(tx store.Tx) error {
		l, err := link(tx, linkDigest)
		if err != nil || l.Kind == LinkRoom {
			d.Link = l
			return err
		}
		c := &change{Tx: tx, Service: s, now: s.clock()}
		if d, err = c.doorway(linkDigest); err != nil {
			return err
		}
		if fields, err = d.clean(spec.Fields, c.now); err != nil {
			return err
		}
		if d.terms() != "" && !spec.Consent {
			return &FieldError{Field: "consent", Message: "must be true: nobody enters without consent to the terms"}
		}
		return c.mayEnter(&d)
	})
	if err != nil {
		return Entered{}, fmt.Errorf("enter by a link: %w", err)
	}
	if d.Kind == LinkRoom {
		for key := range spec.Fields {
			if key != string(FieldName) {
				return Entered{}, &FieldError{Field: "fields", Message: "must hold only what is asked for here"}
			}
		}
		join, room, err := s.Enter(ctx, linkDigest, spec.Fields[string(FieldName)])
		return Entered{Join: join, Room: &room}, err
	}
	if d.Kind == LinkRegistration {
		return s.registerByLink(ctx, linkDigest, fields, spec.Consent)
	}
	return s.enter(ctx, linkDigest, fields)
}

// enterAgain gives a visit back that goes on and was begun by the same link.
func (s *Service) enterAgain(ctx context.Context, linkDigest [32]byte, spec EntrySpec) (Entered, bool, error) {
	if spec.VisitToken == nil {
		return Entered{}, false, nil
	}
	var v visitRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		v, err = visitByToken(tx, hexDigest(*spec.VisitToken))
		if err == nil && (v.State == VisitEnded || v.LinkDigest != hexDigest(linkDigest)) {
			err = ErrNotFound
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Entered{}, false, nil
	}
	if err != nil {
		return Entered{}, false, fmt.Errorf("enter again: %w", err)
	}
	e, err := s.entered(v, "")
	return e, err == nil, err
}

// entered is what the guest of a visit gets.
func (s *Service) entered(v visitRecord, token string) (Entered, error) {
	join, err := s.visitJoin(v)
	if err != nil {
		return Entered{}, err
	}
	visit, err := s.openVisit(v)
	return Entered{Join: join, Visit: &visit, VisitToken: token}, err
}

func (s *Service) visitJoin(v visitRecord) (Join, error) {
	return s.newSeatJoin(v.ParticipantID, v.OrganisationID, v.ID, s.guestName(v), RoleParticipant)
}

// mayEnter says why nobody enters now.
func (c *change) mayEnter(d *doorway) error {
	door, err := d.door(c.now)
	switch {
	case err != nil:
		return err
	case door.Suspended:
		return &StateError{CodeAreaSuspended, "Nobody can enter at the moment; try again later."}
	case d.Kind == LinkRegistration || d.Kind == LinkGroup:
		return c.mayEnterGroup(d)
	case !door.Open:
		return &StateError{CodeAreaClosed, "This place is closed now; come back when it opens."}
	case d.Kind == LinkMeetingRoom && d.room.Locked:
		return &StateError{CodeRoomLocked, "The room is locked; ask somebody in it to unlock it."}
	case d.call != nil && d.call.Locked:
		return &StateError{CodeCallLocked, "The call is locked; ask who invited you to unlock it."}
	case d.call != nil:
		return d.call.full()
	}
	return nil
}

// enter makes a visit, in one transaction with what uses the link up.
func (s *Service) enter(ctx context.Context, linkDigest [32]byte, fields map[string]string) (Entered, error) {
	id, err := newID()
	participant, err2 := newID()
	if err := errors.Join(err, err2); err != nil {
		return Entered{}, err
	}
	token, sum := s.secrets.NewVisitToken()
	var v visitRecord
	err = s.withKey(ctx, func(ref KeyRef) error {
		made := visitRecord{Key: ref, Token: hexDigest(sum), LinkDigest: hexDigest(linkDigest)}
		made.ID, made.ParticipantID, made.State = id, participant, VisitWaiting
		sealed, err := s.sealJSON(ref, fields, made.purpose("details"))
		if err != nil {
			return err
		}
		made.SealedDetails = sealed
		return s.change(ctx, Actor{Kind: ActorGuest, ID: id}, "enter", func(c *change) error {
			v = made
			d, err := c.doorway(linkDigest)
			if err != nil {
				return err
			}
			v.OrganisationID, c.actor.OrganisationID = d.OrganisationID, d.OrganisationID
			if err := c.mayEnter(&d); err != nil {
				return err
			}
			return c.enter(&v, &d)
		})
	})
	if err != nil {
		return Entered{}, err
	}
	return s.entered(v, token)
}

// enter begins a visit through a door.
func (c *change) enter(v *visitRecord, d *doorway) error {
	if d.Kind == LinkAppointment && d.appointment.State == AppointmentEntered {
		return c.returnTo(v, d.appointment.VisitID)
	}
	if d.there {
		return c.returnTo(v, d.registration.VisitID)
	}
	if err := errors.Join(keepKey(c.Tx, v.Key), c.Put(prefixVisitToken+v.Token, []byte(v.ID))); err != nil {
		return err
	}
	v.ArrivedAt, v.WaitingSince = c.now, c.now
	v.UnitID, v.AreaID = d.area.UnitID, d.area.ID
	if err := c.putSeat(v.ParticipantID, seatRecord{OrganisationID: v.OrganisationID, VisitID: v.ID, Role: RoleParticipant}); err != nil {
		return err
	}
	if d.Kind == LinkGroup {
		return c.requestAccess(v, d)
	}
	v.comeBy(d)
	if err := c.hook(v, "visit.arrived"); err != nil {
		return err
	}
	switch d.Kind {
	case LinkAppointment:
		if err := c.appointmentEntered(&d.appointment, v.ID); err != nil {
			return err
		}
	case LinkConsultNow:
		return c.enterConsult(v, d)
	case LinkCallInvite:
		d.UsedAt = c.now
		if err := errors.Join(c.Delete(prefixLink+d.digest), c.audit("link.use", d.call.subject(), "kind", string(d.Kind))); err != nil {
			return err
		}
		return c.admit(v, d.call)
	case LinkMeetingRoom:
		return c.enterMeeting(v, d)
	}
	return errors.Join(c.limit(v, d.area), c.putVisit(v), c.alert(v, d.area))
}

// comeBy notes what somebody comes for.
func (v *visitRecord) comeBy(d *doorway) {
	switch d.Kind {
	case LinkAppointment:
		v.Kind, v.AppointmentID = VisitAppointment, d.appointment.ID
	case LinkConsultNow:
		v.Kind, v.ConsultID = VisitConsultNow, d.consult.ID
	case LinkCallInvite:
		v.Kind = VisitInvite
	case LinkMeetingRoom:
		v.Kind, v.MeetingRoomID, v.UnitID, v.AreaID = VisitMeetingRoom, d.room.ID, d.room.UnitID, ""
	default:
		v.Kind = VisitArea
	}
}

// returnTo gives the visit of an appointment, or of a registration, to who
// comes by its personal link again, from another browser: nobody stands in the
// queue twice (R-WA-1). The token of before is dead.
func (c *change) returnTo(v *visitRecord, visitID string) error {
	there, err := liveVisit(c.Tx, visitID)
	if err != nil {
		return err
	}
	if err := errors.Join(c.Delete(prefixVisitToken+there.Token), c.Put(prefixVisitToken+v.Token, []byte(there.ID))); err != nil {
		return err
	}
	there.Token = v.Token
	*v = there
	return c.putVisit(v)
}

// TemplateArrival is the e-mail that tells a provider of an arrival.
const TemplateArrival = "arrival"

// alert tells those of an arrival who want an e-mail (R-WA-5). Nothing of the
// guest stands in it.
func (c *change) alert(v *visitRecord, a Area) error {
	if len(a.Settings.Alerts.Accounts) == 0 {
		return nil
	}
	org, err := get[Organisation](c.Tx, prefixOrganisation+a.OrganisationID)
	if err != nil {
		return err
	}
	for _, id := range a.Settings.Alerts.Accounts {
		r, err := get[accountRecord](c.Tx, prefixAccount+id)
		if errors.Is(err, ErrNotFound) || err == nil && r.State != AccountActive {
			continue
		}
		if err != nil {
			return err
		}
		p, err := c.person(r)
		if err != nil {
			return err
		}
		to, err := c.vault.Seal(v.Key, []byte(p.Email), PurposeAddress)
		if err != nil {
			return err
		}
		_, err = c.outbox.Enqueue(c.Tx, Notice{
			OrganisationID: v.OrganisationID, UnitID: v.UnitID, Kind: NoticeEmail, To: to, Key: v.Key,
			Template: TemplateArrival, Data: map[string]string{"area": a.Name, "organisation": org.Name},
			Language: org.Settings.Language,
		})
		if err != nil && !errors.Is(err, ErrNoGateway) {
			return err
		}
	}
	return nil
}
