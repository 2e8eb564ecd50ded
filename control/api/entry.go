package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

type enterInput struct {
	Body Entry
}

// Entry is the body of POST /entry.
type Entry struct {
	Link   string      `json:"link" maxLength:"512" doc:"The link's secret, or the whole address." example:"q3mVY0wXbq1cF8Zk5nTjUw2e"`
	Fields EntryFields `json:"fields" doc:"What the person typed in."`
}

// EntryFields is what a person says of themselves.
type EntryFields struct {
	Name string `json:"name" doc:"Shown to the others: 1 to 80 characters." example:"Maria"`
}

type enterOutput struct {
	Body Admission
}

// Admission is a join token with what the page shows meanwhile.
type Admission struct {
	Token
	Room EnteredRoom `json:"room"`
}

// EnteredRoom is what somebody with a link learns of the room.
type EnteredRoom struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"name" doc:"May be empty."`
	Type string `json:"type" enum:"individual,group,meeting,plain"`
}

func (s *Server) enter(ctx context.Context, in *enterInput) (*enterOutput, error) {
	unknown := newProblem(http.StatusNotFound, CodeLinkUnknown,
		"This link doesn't lead anywhere, or no longer: ask for a new one.")
	digest, ok := auth.LinkDigest(in.Body.Link)
	if !ok {
		return nil, s.failure(ctx, unknown)
	}
	join, room, err := s.control.Enter(ctx, digest, in.Body.Fields.Name)
	if errors.Is(err, control.ErrNotFound) {
		return nil, s.failure(ctx, unknown)
	}
	if err != nil {
		return nil, err
	}
	token, err := s.tokenOf(ctx, join)
	if err != nil {
		return nil, err
	}
	return &enterOutput{Body: Admission{
		Token: token,
		Room:  EnteredRoom{ID: room.ID, Name: room.Name, Type: string(room.Type)},
	}}, nil
}
