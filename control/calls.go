package control

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// Staff is who comes into a call of their own will: somebody signed in, or
// whom an app with an API key lets in.
type Staff struct {
	Actor Actor
	Name  string // shown to the others
	// Ref tells apart those whom one API key lets in: the app's own id of
	// them. "": by name.
	Ref string
	// Session tells apart the sessions of an account: signing out of the one
	// that somebody came with takes them out again (R-P-2).
	Session string
}

// identity is what one person has in common with themselves: who comes again
// gets their own seat back.
func (s Staff) identity() string {
	id := string(s.Actor.Kind) + "/" + s.Actor.ID
	switch {
	case s.Actor.Kind == ActorAccount:
		return id
	case s.Ref != "":
		return id + "/ref/" + s.Ref
	}
	return id + "/name/" + s.Name
}

func (s Staff) clean() (Staff, error) {
	name, err := CleanName("name", s.Name)
	if err != nil {
		return s, err
	}
	s.Name = name
	if len(s.Ref) > maxRef || strings.ContainsFunc(s.Ref, forbidden) {
		return s, &FieldError{Field: "ref", Message: fmt.Sprintf("must have at most %d characters", maxRef)}
	}
	return s, nil
}

const maxRef = 128 // bytes of Staff.Ref

func (c *Call) subject() Subject {
	return Subject{Kind: "call", ID: c.ID, OrganisationID: c.OrganisationID, UnitID: c.UnitID}
}

// at is where the call's index stands: its meeting room, or its area.
func (c *Call) at() string {
	if c.MeetingRoomID != "" {
		return c.MeetingRoomID
	}
	return c.AreaID
}

// present counts those who are in the call, or have been admitted and are on
// their way: all have a seat (R-IA-1).
func (c *Call) present() (all, providers int) {
	for _, m := range c.Members {
		if !m.LeftAt.IsZero() {
			continue
		}
		all++
		if m.Provider {
			providers++
		}
	}
	return all, providers
}

// member returns somebody who is in the call.
func (c *Call) member(participantID string) *Member {
	for i := range c.Members {
		if m := &c.Members[i]; m.ParticipantID == participantID && m.LeftAt.IsZero() {
			return m
		}
	}
	return nil
}

// full says that there is no seat left.
func (c *Call) full() error {
	limit := c.Kind.Limit()
	if all, _ := c.present(); all < limit {
		return nil
	}
	return &StateError{CodeCallFull, fmt.Sprintf(
		"The call is full: %d people are in it. Wait until somebody has left.", limit)}
}

// call reads a call that goes on, of who asks.
func (c *change) call(id string) (*Call, error) {
	if !validID(id) {
		return nil, ErrNotFound
	}
	call, err := get[Call](c.Tx, prefixCall+id)
	if err == nil && call.State != CallLive {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &call, c.actor.reach(call.OrganisationID)
}

// putCall stores a call and tells its area of it.
func (c *change) putCall(call *Call) error {
	all, _ := call.present()
	call.Peak = max(call.Peak, all)
	index := prefixCallLive + call.at() + "/" + call.ID
	var err error
	if call.State == CallLive {
		err = c.Put(index, nil)
	} else {
		err = c.Delete(index)
	}
	if err := errors.Join(err, put(c.Tx, prefixCall+call.ID, call)); err != nil {
		return err
	}
	if call.AreaID == "" {
		return nil
	}
	return announce(c.Tx, c.now, call.AreaID, AreaCall, call.ID)
}

// startCall makes a call; who makes it puts somebody in and stores it.
func (c *change) startCall(kind RoomType, organisationID, unitID, areaID, meetingRoomID string) (*Call, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	call := &Call{
		ID: id, OrganisationID: organisationID, UnitID: unitID, AreaID: areaID, MeetingRoomID: meetingRoomID,
		Kind: kind, State: CallLive, StartedAt: c.now,
	}
	return call, c.hookCall(call, "call.started")
}

// hookCall tells webhooks of a call.
func (c *change) hookCall(call *Call, event string, more ...string) error {
	data := map[string]string{"call_id": call.ID, "kind": string(call.Kind)}
	if call.AreaID != "" {
		data["area_id"] = call.AreaID
	}
	if call.MeetingRoomID != "" {
		data["meeting_room_id"] = call.MeetingRoomID
	}
	if call.GroupID != "" {
		data["group_id"] = call.GroupID
	}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	return c.emit(c.Tx, c.now, call.subject(), event, data)
}

// join adds somebody to a call; *StateError with CodeCallFull when it is full.
// Whoever came before has their entry back.
func (c *change) join(call *Call, m Member) error {
	if call.member(m.ParticipantID) != nil {
		return nil
	}
	if err := call.seatFor(m, 0); err != nil {
		return err
	}
	m.JoinedAt, m.Silenced = c.now, call.silenced(&m)
	call.Members = append(call.Members, m)
	c.follows(m.ParticipantID)
	return c.hookCall(call, "participant.joined", "participant_id", m.ParticipantID, "visit_id", m.VisitID, "account_id", m.AccountID)
}

// joinStaff adds somebody of staff to a call and gives them a seat, their own
// when they are in it already. It says whose token to make.
func (c *change) joinStaff(call *Call, who Staff) (participantID string, err error) {
	for _, m := range call.Members {
		if !m.LeftAt.IsZero() || m.VisitID != "" {
			continue
		}
		seat, err := c.seat(m.ParticipantID)
		if err != nil {
			return "", err
		}
		if seat.Identity == who.identity() {
			return m.ParticipantID, c.reseat(m.ParticipantID, who)
		}
	}
	if participantID, err = newID(); err != nil {
		return "", err
	}
	host, err := c.isHost(call, who)
	if err != nil {
		return "", err
	}
	m := Member{ParticipantID: participantID, Name: who.Name, Role: RoleModerator, Provider: true, Host: host}
	if who.Actor.Kind == ActorAccount {
		m.AccountID = who.Actor.ID
	} else {
		m.Person = who.identity()
	}
	if err := c.join(call, m); err != nil {
		return "", err
	}
	return participantID, c.putSeat(participantID, seatRecord{
		OrganisationID: call.OrganisationID, CallID: call.ID, Identity: who.identity(), Name: who.Name, Role: m.Role,
		Session: who.Session,
	})
}

// reseat notes which session somebody of staff has come back with.
func (c *change) reseat(participantID string, who Staff) error {
	seat, err := c.seat(participantID)
	if err != nil || seat.ParticipantID == "" || seat.Session == who.Session {
		return err
	}
	seat.Session = who.Session
	return put(c.Tx, prefixParticipant+participantID, seat.seatRecord)
}

// leaveStaff takes somebody of staff out of a call.
func (c *change) leaveStaff(callID, participantID string) error {
	if err := c.dropSeat(participantID); err != nil {
		return err
	}
	return c.leaveCall(callID, participantID)
}

// leaveCall takes somebody out of a call, if they are in it, and does what
// follows: a group's goes on (R-GC-6); without a provider everybody else is put
// on hold (R-IA-5), guests alone in a meeting room have some time (R-MR-4), and
// a call that nobody is in has ended.
func (c *change) leaveCall(callID, participantID string) error {
	if callID == "" {
		return nil
	}
	call, err := get[Call](c.Tx, prefixCall+callID)
	if err != nil {
		return err
	}
	m := call.member(participantID)
	if call.State != CallLive || m == nil {
		return nil
	}
	if err := c.takeOut(&call, m); err != nil {
		return err
	}
	all, providers := call.present()
	switch {
	case call.Kind == Group: // it runs on, whoever is left (R-GC-6)
	case all > 0 && providers > 0:
	case call.Kind == Meeting && all > 0:
		return errors.Join(c.alone(&call), c.putCall(&call))
	default:
		for i := range call.Members {
			if err := c.holdMember(&call, &call.Members[i]); err != nil {
				return err
			}
		}
		return c.finishCall(&call)
	}
	return c.putCall(&call)
}

// takeOut notes that a member is out.
func (c *change) takeOut(call *Call, m *Member) error {
	m.LeftAt = c.now
	c.follows(m.ParticipantID)
	if call.Controls.Spotlight == m.ParticipantID {
		call.Controls.Spotlight = ""
		c.arranges(call.ID)
	}
	if call.Kind == Group {
		if err := c.groupLeft(call, m); err != nil {
			return err
		}
	}
	return c.hookCall(call, "participant.left", "participant_id", m.ParticipantID, "visit_id", m.VisitID, "account_id", m.AccountID)
}

// holdMember puts a guest of a call on hold: they are not cut off.
func (c *change) holdMember(call *Call, m *Member) error {
	if !m.LeftAt.IsZero() || m.VisitID == "" {
		return nil
	}
	v, err := liveVisit(c.Tx, m.VisitID)
	if err != nil {
		return err
	}
	return c.hold(call, m, &v)
}

func (c *change) hold(call *Call, m *Member, v *visitRecord) error {
	if err := c.tallyCall(v); err != nil {
		return err
	}
	if err := v.move(actHold, c.now); err != nil {
		return err
	}
	return errors.Join(c.takeOut(call, m), c.putVisit(v), c.hook(v, "visit.held"))
}

// finishCall ends a call that nobody is in.
func (c *change) finishCall(call *Call) error {
	call.State, call.EndedAt, call.InCharge = CallEnded, c.now, ""
	err := errors.Join(c.putCall(call), c.endInvites(call), c.reportCall(call), c.hookCall(call, "call.ended"))
	if err != nil || call.GroupID == "" {
		return err
	}
	return c.groupOver(call)
}

// liveCalls reads the calls that go on in an area or a meeting room.
func liveCalls(tx store.Tx, at string) ([]Call, error) {
	var list []Call
	prefix := prefixCallLive + at + "/"
	err := tx.Range(prefix, "", func(key string, _ []byte) error {
		call, err := get[Call](tx, prefixCall+strings.TrimPrefix(key, prefix))
		list = append(list, call)
		return err
	})
	return list, err
}
