package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// visitCookieAge is for how long browsers keep the cookie of a visit, in
// seconds: longer than anybody waits. The visit's own end is what counts.
const visitCookieAge = 24 * 60 * 60

func (s *Server) registerEntry(h huma.API) {
	failures := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusTooManyRequests}
	add(s, h, route{
		method: http.MethodPost, path: "/entry", id: "enter", tag: tagEntry, status: http.StatusOK, permission: auth.Anyone,
		summary: "Trade a link for a join token",
		description: "For the page behind a link, `/e#secret` or, of an API room, `/r#secret`: no API key. It is the only " +
			"request that uses a single-use link up. The answer to an API room's link has `room`; that to every other " +
			"link has `visit`, and `visit_token` for the guest's own requests, which pages of this server have as a " +
			"cookie too. Who shows the token (cookie, or `Authorization: Bearer atv_…`) of a visit that goes on and " +
			"was begun by the same link gets that visit back. By a group's link one only " +
			"registers: the answer is a Registered, with a link of one's own; to enter by that is to request access. " +
			"Unknown, used, revoked, expired and malformed links are answered alike.",
		errors: append([]int{http.StatusConflict, http.StatusInsufficientStorage}, failures...),
	}, s.enter)
	describeAnswers(h, http.MethodPost, "/entry", Admission{}, Registered{})
	add(s, h, route{
		method: http.MethodPost, path: "/entry/look", id: "look", tag: tagEntry, status: http.StatusOK, permission: auth.Anyone,
		summary: "See what a link leads to",
		description: "What to ask for before `POST /entry`. It uses nothing up. Links that lead nowhere are answered as " +
			"by `POST /entry`.",
		errors: failures,
	}, s.look)
}

// Entry is the body of POST /entry.
type Entry struct {
	Link    string      `json:"link" maxLength:"512" doc:"The link's secret, or the whole address." example:"q3mVY0wXbq1cF8Zk5nTjUw2e"`
	Fields  EntryFields `json:"fields,omitzero" doc:"What the person typed in: what POST /entry/look says is asked for, and nothing else."`
	Consent bool        `json:"consent,omitempty" doc:"To the area's terms, where it has any."`
}

// EntryFields is what a person says of themselves.
type EntryFields struct {
	Name        string `json:"name,omitempty" doc:"Shown to the others: 1 to 80 characters. Left out only where it isn't asked for: it is known of who registered." example:"Maria"`
	Phone       string `json:"phone,omitempty"`
	DateOfBirth string `json:"date_of_birth,omitempty" doc:"YYYY-MM-DD."`
	Reference   string `json:"reference,omitempty"`
	Text        string `json:"text,omitempty"`
}

// typed is what was typed, by key.
func (f EntryFields) typed() map[string]string {
	typed := map[string]string{string(control.FieldName): f.Name}
	for key, value := range map[control.FieldKey]string{
		control.FieldPhone: f.Phone, control.FieldDateOfBirth: f.DateOfBirth,
		control.FieldReference: f.Reference, control.FieldText: f.Text,
	} {
		if value != "" {
			typed[string(key)] = value
		}
	}
	return typed
}

type enterInput struct {
	Body Entry
}

// enterOutput is an Admission, or, of a link to register by, Registered.
type enterOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      any
}

// Admission is a join token with what the page shows meanwhile.
type Admission struct {
	Token
	Room       *EnteredRoom `json:"room,omitempty" doc:"Of an API room's link."`
	Visit      *GuestVisit  `json:"visit,omitempty" doc:"Of every other link."`
	VisitToken string       `json:"visit_token,omitempty" doc:"A secret that proves whose the visit is. Absent when the one that was shown still does."`
}

// EnteredRoom is what somebody with a link learns of the room.
type EnteredRoom struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"name" doc:"May be empty."`
	Type string `json:"type" enum:"individual,group,meeting,plain"`
}

// linkUnknown is the one answer to links that lead nowhere (R-CN-4, SE-5).
func linkUnknown() *Problem {
	return newProblem(http.StatusNotFound, CodeLinkUnknown,
		"This link doesn't lead anywhere, or no longer: ask for a new one.")
}

// linkFailure counts a link that leads nowhere; other errors it passes on.
func (s *Server) linkFailure(ctx context.Context, err error) error {
	if errors.Is(err, control.ErrNotFound) {
		return s.failure(ctx, linkUnknown())
	}
	return err
}

func (s *Server) enter(ctx context.Context, in *enterInput) (*enterOutput, error) {
	digest, ok := auth.LinkDigest(in.Body.Link)
	if !ok {
		return nil, s.linkFailure(ctx, control.ErrNotFound)
	}
	entered, err := s.control.EnterByLink(ctx, digest, control.EntrySpec{
		Fields: in.Body.Fields.typed(), Consent: in.Body.Consent, VisitToken: shownVisit(ctx),
	})
	if err != nil {
		return nil, s.linkFailure(ctx, err)
	}
	if entered.Registration != nil {
		return &enterOutput{Body: registeredOf(ctx, entered.Registration)}, nil
	}
	token, err := s.tokenOf(ctx, entered.Join)
	if err != nil {
		return nil, err
	}
	body := Admission{Token: token}
	if room := entered.Room; room != nil {
		body.Room = &EnteredRoom{ID: room.ID, Name: room.Name, Type: string(room.Type)}
		return &enterOutput{Body: body}, nil
	}
	guest := control.Actor{Kind: control.ActorGuest, ID: entered.Visit.ID, OrganisationID: entered.Visit.OrganisationID}
	view, err := s.control.GuestView(ctx, guest, guest.ID)
	if err != nil {
		return nil, err
	}
	shown := guestVisitOf(guest.ID, view)
	body.Visit, body.VisitToken = &shown, entered.VisitToken
	out := &enterOutput{Body: body}
	if entered.VisitToken != "" && originOf(ctx).foreign == "" {
		out.SetCookie = hostCookie(visitCookie, entered.VisitToken, visitCookieAge)
	}
	return out, nil
}

type lookInput struct {
	Body Look
}

// Look is the body of POST /entry/look.
type Look struct {
	Link string `json:"link" maxLength:"512" doc:"The link's secret, or the whole address."`
}

type lookOutput struct {
	Body Lobby
}

// Lobby is what somebody with a link is shown before they enter.
type Lobby struct {
	Kind         string       `json:"kind" enum:"room,area,appointment,meeting_room,consult_now,call_invite,registration,group"`
	Organisation string       `json:"organisation" doc:"Its name; empty for an API room."`
	Name         string       `json:"name" doc:"Of the area, room or group; may be empty for an API room."`
	Fields       []EntryField `json:"fields" nullable:"false" doc:"What to ask for."`
	Terms        string       `json:"terms,omitempty" doc:"To consent to."`
	Welcome      string       `json:"welcome,omitempty"`
	Phone        string       `json:"phone,omitempty" doc:"To call if nobody comes."`
	Open         bool         `json:"open" doc:"Whether POST /entry lets anybody in now."`
	OpensAt      *time.Time   `json:"opens_at,omitempty" doc:"When it is closed by its hours and opens again."`
	Suspended    bool         `json:"suspended,omitempty"`
	Reason       string       `json:"reason,omitempty" doc:"Of a suspension."`
	StartsAt     *time.Time   `json:"starts_at,omitempty" doc:"Of an appointment or a group."`
}

func (s *Server) look(ctx context.Context, in *lookInput) (*lookOutput, error) {
	digest, ok := auth.LinkDigest(in.Body.Link)
	if !ok {
		return nil, s.linkFailure(ctx, control.ErrNotFound)
	}
	lobby, err := s.control.Look(ctx, digest)
	if err != nil {
		return nil, s.linkFailure(ctx, err)
	}
	out := Lobby{
		Kind: string(lobby.Kind), Organisation: lobby.Organisation, Name: lobby.Name,
		Fields: make([]EntryField, 0, len(lobby.Fields)),
		Terms:  lobby.Terms, Welcome: lobby.Welcome, Phone: lobby.Phone,
		Open: lobby.Door.Open, OpensAt: moment(lobby.Door.OpensAt), Suspended: lobby.Door.Suspended,
		Reason: lobby.Reason, StartsAt: moment(lobby.StartsAt),
	}
	for _, f := range lobby.Fields {
		out.Fields = append(out.Fields, EntryField{Key: string(f.Key), Label: f.Label, Required: f.Required})
	}
	return &lookOutput{Body: out}, nil
}

// moment is a time that may be absent.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
