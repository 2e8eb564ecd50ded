package api

import (
	"context"
	"reflect"
)

// problemType is what the documentation shows of errors.
var problemType = reflect.TypeFor[Problem]()

// Participant is somebody in a room.
type Participant struct {
	ID        string   `json:"id" format:"uuid"`
	Name      string   `json:"name"`
	Role      string   `json:"role" enum:"moderator,participant,viewer"`
	Hand      bool     `json:"hand" doc:"Whether a hand is raised."`
	Connected bool     `json:"connected" doc:"false while the seat is kept for a return."`
	Sources   []Source `json:"sources" nullable:"false" doc:"What is being published."`
}

// Source is something that a participant publishes.
type Source struct {
	Source        string `json:"source" enum:"microphone,camera,screen,screen_audio"`
	Muted         bool   `json:"muted" doc:"By the person, or by the server."`
	MutedByServer bool   `json:"muted_by_server" doc:"Nothing of it is forwarded, whatever the person says."`
}

// ParticipantList is who is in a room. It has no pages: a room is bounded.
type ParticipantList struct {
	Items []Participant `json:"items" nullable:"false"`
}

func (s *Server) listParticipants(ctx context.Context, in *RoomPath) (*output[ParticipantList], error) {
	people, err := s.control.Participants(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	list := ParticipantList{Items: make([]Participant, 0, len(people))}
	for _, p := range people {
		item := Participant{
			ID: p.ID, Name: p.Name, Role: string(p.Role), Hand: p.Hand, Connected: p.Connected,
			Sources: make([]Source, 0, len(p.Sources)),
		}
		for _, source := range p.Sources {
			item.Sources = append(item.Sources, Source(source))
		}
		list.Items = append(list.Items, item)
	}
	return &output[ParticipantList]{Body: list}, nil
}

// ParticipantPath is the path of a participant.
type ParticipantPath struct {
	RoomPath
	ParticipantID string `path:"participant_id" doc:"The participant's id."`
}

type muteInput struct {
	ParticipantPath
	Body Mute
}

// Mute is the body of POST /rooms/{id}/participants/{participant_id}/mute.
type Mute struct {
	Source string `json:"source" enum:"microphone,camera,screen,screen_audio"`
	Muted  bool   `json:"muted" doc:"true: forward nothing of it; false: take that back."`
}

func (s *Server) mute(ctx context.Context, in *muteInput) (*struct{}, error) {
	return nil, s.control.Mute(ctx, callerOf(ctx), in.ID, in.ParticipantID, in.Body.Source, in.Body.Muted)
}

func (s *Server) remove(ctx context.Context, in *ParticipantPath) (*struct{}, error) {
	return nil, s.control.Remove(ctx, callerOf(ctx), in.ID, in.ParticipantID)
}
