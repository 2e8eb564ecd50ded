package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// MeetingRoom is a permanent room of a unit or of one of its waiting areas.
type MeetingRoom struct {
	ID        string    `json:"id" format:"uuid"`
	UnitID    string    `json:"unit_id" format:"uuid"`
	AreaID    string    `json:"area_id,omitempty" format:"uuid" doc:"Absent: the unit's own."`
	Name      string    `json:"name" example:"Team room"`
	Slug      string    `json:"slug" doc:"For addresses: never changes." example:"team-room"`
	Locked    bool      `json:"locked" doc:"Whether its link lets nobody in."`
	Link      string    `json:"link,omitempty" doc:"Anyone who has it can enter without waiting; shown to its members and who may edit it. Not for clinical use." example:"https://calls.example.org/e#q3mVY0wXbq1cF8Zk5nTjUw2e"`
	CreatedAt time.Time `json:"created_at"`
}

// meetingRoomOf is a meeting room as the caller may see it.
func meetingRoomOf(ctx context.Context, r control.MeetingRoom) MeetingRoom {
	made := MeetingRoom{
		ID: r.ID, UnitID: r.UnitID, AreaID: r.AreaID, Name: r.Name, Slug: r.Slug, Locked: r.Locked, CreatedAt: r.CreatedAt,
	}
	chain := []control.Scope{
		{Kind: control.ScopeRoom, ID: r.ID}, {Kind: control.ScopeUnit, ID: r.UnitID}, {Kind: control.ScopeOrganisation, ID: r.OrganisationID},
	}
	a := accessOf(ctx)
	if a.mayOn(auth.RoomsEnter, chain) || a.mayOn(auth.RoomsEdit, chain) {
		made.Link = guestLink(originOf(ctx).base, r.Link)
	}
	return made
}

// CreateMeetingRoom is the body of POST …/meeting-rooms.
type CreateMeetingRoom struct {
	Name string `json:"name" doc:"1 to 80 characters; unique where it stands." example:"Team room"`
}

type createMeetingRoomInput struct {
	IDPath
	OnceHeader
	Body CreateMeetingRoom
}

// PatchMeetingRoom is the body of PATCH /meeting-rooms/{id}.
type PatchMeetingRoom struct {
	Name   *string `json:"name,omitempty"`
	Locked *bool   `json:"locked,omitempty" doc:"true: nobody new comes in by the link."`
}

type patchMeetingRoomInput struct {
	IDPath
	Body PatchMeetingRoom
}

func (s *Server) registerMeetingRooms(h huma.API) {
	room := on(control.ThingMeetingRoom)
	for _, in := range []struct {
		path, of, name string
		target         target
	}{
		{"/units/{id}/meeting-rooms", "a unit", "unit", on(control.ThingUnit)},
		{"/areas/{id}/meeting-rooms", "a waiting area", "area", on(control.ThingArea)},
	} {
		add(s, h, route{
			method: http.MethodPost, path: in.path, id: "create-" + in.name + "-meeting-room", tag: tagMeetingRooms, status: http.StatusCreated,
			permission: auth.PlacesCreate, target: in.target, errors: bodyErrors(http.StatusConflict),
			summary: "Create a meeting room of " + in.of, description: "The answer holds its permanent link.",
		}, s.createMeetingRoom)
		add(s, h, route{
			method: http.MethodGet, path: in.path, id: "list-" + in.name + "-meeting-rooms", tag: tagMeetingRooms, status: http.StatusOK,
			permission: auth.RoomsRead, target: in.target, errors: []int{http.StatusBadRequest},
			summary: "List the meeting rooms of " + in.of, description: "In order of creation. A unit's are without those of its areas.",
		}, s.listMeetingRooms)
	}
	add(s, h, route{
		method: http.MethodGet, path: "/meeting-rooms/{id}", id: "get-meeting-room", tag: tagMeetingRooms, status: http.StatusOK,
		permission: auth.RoomsRead, target: room, summary: "Read a meeting room",
	}, s.getMeetingRoom)
	add(s, h, route{
		method: http.MethodPatch, path: "/meeting-rooms/{id}", id: "update-meeting-room", tag: tagMeetingRooms, status: http.StatusOK,
		permission: auth.RoomsEdit, target: room, errors: bodyErrors(http.StatusConflict),
		summary: "Rename, lock or unlock a meeting room", description: "What is left out stays.",
	}, s.updateMeetingRoom)
	add(s, h, route{
		method: http.MethodDelete, path: "/meeting-rooms/{id}", id: "delete-meeting-room", tag: tagMeetingRooms, status: http.StatusNoContent,
		permission: auth.RoomsEdit, target: room, errors: []int{http.StatusInsufficientStorage},
		summary: "Delete a meeting room", description: "Its link is dead at once and who is inside is let go. Reports keep it.",
	}, s.deleteMeetingRoom)
	add(s, h, route{
		method: http.MethodPost, path: "/meeting-rooms/{id}/link/reset", id: "reset-meeting-room-link", tag: tagMeetingRooms, status: http.StatusOK,
		permission: auth.RoomsEdit, target: room, errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
		summary: "Give a meeting room a new link", description: "The old one is dead at once.",
	}, s.resetMeetingRoomLink)
}

// meetingRoom is an answer of a meeting room.
func meetingRoom(ctx context.Context, r control.MeetingRoom, err error) (*output[MeetingRoom], error) {
	return respond(r, err, func(r control.MeetingRoom) MeetingRoom { return meetingRoomOf(ctx, r) })
}

func (s *Server) createMeetingRoom(ctx context.Context, in *createMeetingRoomInput) (*output[MeetingRoom], error) {
	a := accessOf(ctx)
	once, err := in.once("create_meeting_room", struct {
		In   control.Scope
		Body CreateMeetingRoom
	}{a.chain[0], in.Body})
	if err != nil {
		return nil, err
	}
	r, err := s.control.CreateMeetingRoom(ctx, a.actor, a.chain[0], in.Body.Name, once)
	return meetingRoom(ctx, r, err)
}

func (s *Server) listMeetingRooms(ctx context.Context, in *listBelowInput) (*listOutput[MeetingRoom], error) {
	a := accessOf(ctx)
	page, err := s.control.MeetingRooms(ctx, a.actor, a.chain[0], in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(r control.MeetingRoom) MeetingRoom { return meetingRoomOf(ctx, r) }), nil
}

func (s *Server) getMeetingRoom(ctx context.Context, in *IDPath) (*output[MeetingRoom], error) {
	r, err := s.control.MeetingRoom(ctx, actorOf(ctx), in.ID)
	return meetingRoom(ctx, r, err)
}

func (s *Server) updateMeetingRoom(ctx context.Context, in *patchMeetingRoomInput) (*output[MeetingRoom], error) {
	r, err := s.control.UpdateMeetingRoom(ctx, actorOf(ctx), in.ID, control.MeetingRoomPatch(in.Body))
	return meetingRoom(ctx, r, err)
}

func (s *Server) deleteMeetingRoom(ctx context.Context, in *IDPath) (*struct{}, error) {
	return nil, s.control.DeleteMeetingRoom(ctx, actorOf(ctx), in.ID)
}

func (s *Server) resetMeetingRoomLink(ctx context.Context, in *onceInput) (*output[MeetingRoom], error) {
	once, err := in.once("reset_meeting_room_link", in.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.control.ResetMeetingRoomLink(ctx, actorOf(ctx), in.ID, once)
	return meetingRoom(ctx, r, err)
}
