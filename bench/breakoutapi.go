package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
)

// consultation is what a run needs of the HTTP API to hold a group
// consultation.
type consultation interface {
	// create makes a unit, an area and a group for that many.
	create(ctx context.Context, participants int) error
	// wait enters the area as one guest. see admits them, with a provider who is
	// the same each time; hold puts them on hold.
	wait(ctx context.Context) (entry, error)
	see(ctx context.Context, visitID string) (provider entry, err error)
	hold(ctx context.Context, visitID string) error
	// register returns the personal link of somebody who registers.
	register(ctx context.Context, name string) (link string, err error)
	// start begins the group and returns its call and the moderator's seat.
	start(ctx context.Context, moderator string) (callID string, in entry, err error)
	// enter requests access by a personal link.
	enter(ctx context.Context, link string) (entry, error)
	// admitAll lets everybody in who requested access.
	admitAll(ctx context.Context) (admitted, refused int, err error)
	// plan says who belongs to which breakout, by participant ids, and returns the
	// rooms' ids. openAll opens them, move moves one person, moveAll several by
	// one request: to a room's id for each participant's.
	plan(ctx context.Context, rooms [][]string) (ids []string, err error)
	openAll(ctx context.Context) error
	move(ctx context.Context, participantID, roomID string) error
	moveAll(ctx context.Context, to map[string]string) error
	// closeAll closes the breakouts at once.
	closeAll(ctx context.Context) error
	// remove ends the group and deletes what create made.
	remove(ctx context.Context) error
}

// entry is a place to sit down at.
type entry struct{ visitID, participantID, token string }

// apiConsultation is a consultation by way of the HTTP API.
type apiConsultation struct {
	*apiRooms
	unitID, groupID, callID string
	door, registration      string // links
	rooms                   []string
}

// lasting is how long the group is planned for: longer than any run.
const lasting = 4 * time.Hour

func (a *apiConsultation) create(ctx context.Context, participants int) error {
	var err error
	if a.unitID, err = a.newUnit(ctx); err != nil {
		return err
	}
	area, err := a.newArea(ctx, a.unitID, "atrium-bench")
	if err != nil {
		return err
	}
	a.door = area.Link
	now := time.Now().UTC()
	group, err := a.client.CreateGroup(ctx, area.ID, api.GroupSpec{
		Title: "atrium-bench", StartsAt: &now, DurationMinutes: int(lasting / time.Minute),
		Capacity: participants, Registration: "open", Names: "full",
	}, "")
	a.groupID, a.registration = group.ID, group.Link
	return explain(err)
}

func (a *apiConsultation) wait(ctx context.Context) (entry, error) {
	return a.open(ctx, api.EntrySpec{Link: a.door, Fields: map[string]string{"name": "Bench"}, Consent: true})
}

// provider is who admits the guest of the individual consultation.
func (a *apiConsultation) provider() *api.Provider {
	return &api.Provider{Name: "Provider", Ref: "atrium-bench"}
}

func (a *apiConsultation) see(ctx context.Context, visitID string) (entry, error) {
	in, err := a.client.AdmitVisit(ctx, visitID, api.AdmitSpec{Provider: a.provider()})
	return entry{participantID: in.ParticipantID, token: in.Token.Token}, explain(err)
}

func (a *apiConsultation) hold(ctx context.Context, visitID string) error {
	_, err := a.client.HoldVisit(ctx, visitID)
	return explain(err)
}

func (a *apiConsultation) register(ctx context.Context, name string) (string, error) {
	in, err := a.guest.Register(ctx, api.EntrySpec{Link: a.registration, Fields: map[string]string{"name": name}, Consent: true})
	return in.Link, explain(err)
}

func (a *apiConsultation) start(ctx context.Context, moderator string) (string, entry, error) {
	in, err := a.client.StartGroup(ctx, a.groupID, &api.Provider{Name: moderator})
	a.callID = in.Call.ID
	return a.callID, entry{participantID: in.ParticipantID, token: in.Token.Token}, explain(err)
}

func (a *apiConsultation) enter(ctx context.Context, link string) (entry, error) {
	return a.open(ctx, api.EntrySpec{Link: link, Consent: true})
}

// open opens a guest's link.
func (a *apiConsultation) open(ctx context.Context, spec api.EntrySpec) (entry, error) {
	in, err := a.guest.Enter(ctx, spec)
	if err != nil {
		return entry{}, explain(err)
	}
	if in.Visit == nil {
		return entry{}, errors.New("the link led to no visit")
	}
	return entry{visitID: in.Visit.ID, participantID: in.ParticipantID, token: in.Token.Token}, nil
}

func (a *apiConsultation) admitAll(ctx context.Context) (admitted, refused int, err error) {
	done, err := a.client.AdmitAllToGroup(ctx, a.groupID)
	return len(done.Admitted), len(done.Refused), explain(err)
}

func (a *apiConsultation) plan(ctx context.Context, rooms [][]string) ([]string, error) {
	spec := api.BreakoutPlan{Assign: "manual"}
	for i, people := range rooms {
		room := api.BreakoutRoom{Name: fmt.Sprint("Breakout ", i+1), Participants: people}
		if i < len(a.rooms) {
			room.ID = a.rooms[i]
		}
		spec.Rooms = append(spec.Rooms, room)
	}
	planned, err := a.client.PlanBreakouts(ctx, a.callID, spec)
	if err != nil {
		return nil, explain(err)
	}
	a.rooms = nil
	for _, room := range planned.Rooms {
		a.rooms = append(a.rooms, room.ID)
	}
	if len(a.rooms) != len(rooms) {
		return nil, fmt.Errorf("planned %d breakouts, the server has %d", len(rooms), len(a.rooms))
	}
	return a.rooms, nil
}

func (a *apiConsultation) openAll(ctx context.Context) error {
	_, err := a.client.OpenBreakouts(ctx, a.callID)
	return explain(err)
}

func (a *apiConsultation) move(ctx context.Context, participantID, roomID string) error {
	return explain(a.client.MoveParticipant(ctx, a.callID, participantID, roomID))
}

func (a *apiConsultation) moveAll(ctx context.Context, to map[string]string) error {
	moves := make([]api.Move, 0, len(to))
	for participantID, roomID := range to {
		moves = append(moves, api.Move{ParticipantID: participantID, Room: roomID})
	}
	_, err := a.client.MoveParticipants(ctx, a.callID, moves)
	return explain(err)
}

func (a *apiConsultation) closeAll(ctx context.Context) error {
	_, err := a.client.CloseBreakouts(ctx, a.callID, 0)
	return explain(err)
}

func (a *apiConsultation) remove(ctx context.Context) error {
	var err error
	if a.callID != "" {
		err = explain(a.client.EndGroup(ctx, a.groupID))
	}
	if a.unitID != "" {
		err = errors.Join(err, explain(a.client.DeleteUnit(ctx, a.unitID)))
	}
	return err
}

// newUnit makes a unit, whose name nobody else uses.
func (a *apiRooms) newUnit(ctx context.Context) (id string, err error) {
	organisation, err := a.client.Organisation(ctx)
	if err != nil {
		return "", explain(err)
	}
	made, err := a.client.CreateUnit(ctx, organisation.ID, api.UnitSpec{Name: "atrium-bench " + rand.Text()}, "")
	return made.Unit.ID, explain(err)
}

func (a *apiRooms) newArea(ctx context.Context, unitID, name string) (api.Area, error) {
	area, err := a.client.CreateArea(ctx, unitID, api.AreaSpec{Name: name}, "")
	return area, explain(err)
}
