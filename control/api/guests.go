package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerGuests(h huma.API) {
	own := on(control.ThingVisit)
	add(s, h, route{
		method: http.MethodGet, path: "/visits/{id}", id: "get-visit", tag: tagVisits, status: http.StatusOK,
		permission: auth.QueueRead, target: own, guest: true, summary: "Read a visit",
		description: "Staff get a Visit; the guest whose visit it is gets a GuestVisit, also for half a minute after its end.",
	}, s.getVisit)
	describeAnswers(h, http.MethodGet, "/visits/{id}", Visit{}, GuestVisit{})
	add(s, h, route{
		method: http.MethodPost, path: "/visits/{id}/token", id: "return-to-visit", tag: tagVisits, status: http.StatusCreated,
		permission: auth.OwnVisit, target: own, summary: "Get another join token for one's own visit",
		description: "After a reload, a lost connection or a restart of the server: the place in the queue or the call is kept for 120 s.",
	}, s.returnToVisit)
	add(s, h, route{
		method: http.MethodPost, path: "/visits/{id}/leave", id: "leave-visit", tag: tagVisits, status: http.StatusNoContent,
		permission: auth.OwnVisit, target: own, summary: "End one's own visit",
		errors: []int{http.StatusInsufficientStorage},
	}, s.leaveVisit)
	add(s, h, route{
		method: http.MethodPost, path: "/visits/{id}/device", id: "check-device", tag: tagVisits, status: http.StatusNoContent,
		permission: auth.OwnVisit, target: own, paced: true, summary: "Tell what one's own test of device and network found",
		description: "Shown to staff. It keeps nobody out.",
		errors:      bodyErrors(),
	}, s.checkDevice)
	addStream(s, h, route{
		method: http.MethodGet, path: "/visits/{id}/events", id: "watch-visit", tag: tagVisits, status: http.StatusOK,
		permission: auth.OwnVisit, target: own, summary: "Follow one's own visit",
		description: "Server-sent events. `visit` holds a GuestVisit: at the start, and whenever it is another one. The " +
			"stream ends with the visit, and when the token is no longer the visit's. A comment each 15 s shows that it lives.",
	}, []described{{"visit", GuestVisit{}}}, s.watchVisit)
}

// VisitPath is the path of a visit.
type VisitPath struct {
	ID string `path:"id" doc:"The visit's id."`
}

// GuestVisit is what a guest is shown of their own visit: nothing of others
// but how many wait before them, where the area shows that (R-IA-2, R-WA-3).
type GuestVisit struct {
	ID        string    `json:"id" format:"uuid"`
	Kind      string    `json:"kind" enum:"area,appointment,consult_now,meeting_room,invite,group"`
	State     string    `json:"state" enum:"waiting,in_call,on_hold,ended"`
	Outcome   string    `json:"outcome,omitempty" enum:"completed,abandoned,timed_out,refused,removed" doc:"Of a visit that has ended."`
	ArrivedAt time.Time `json:"arrived_at"`
	Position  int       `json:"position,omitempty" doc:"In the queue, from 1. Absent where the area doesn't show it, and when one doesn't wait."`
	Messages  []Message `json:"messages" nullable:"false" doc:"From staff, the oldest first."`
	Welcome   string    `json:"welcome,omitempty"`
	Phone     string    `json:"phone,omitempty" doc:"To call if nobody comes."`
}

// Message is what somebody of staff wrote to a guest.
type Message struct {
	At   time.Time `json:"at"`
	From string    `json:"from" doc:"May be empty."`
	Text string    `json:"text"`
}

func messagesOf(messages []control.Message) []Message {
	list := make([]Message, 0, len(messages))
	for _, m := range messages {
		list = append(list, Message(m))
	}
	return list
}

func guestVisitOf(id string, v control.GuestView) GuestVisit {
	return GuestVisit{
		ID: id, Kind: string(v.Kind), State: string(v.State), Outcome: string(v.Outcome), ArrivedAt: v.ArrivedAt,
		Position: v.Position, Messages: messagesOf(v.Messages), Welcome: v.Welcome, Phone: v.Phone,
	}
}

// getVisit answers a Visit, or a GuestVisit.
func (s *Server) getVisit(ctx context.Context, in *VisitPath) (*output[any], error) {
	actor := actorOf(ctx)
	if accessOf(ctx).guest {
		view, err := s.control.GuestView(ctx, actor, in.ID)
		if err != nil {
			return nil, err
		}
		return &output[any]{Body: guestVisitOf(in.ID, view)}, nil
	}
	v, err := s.control.Visit(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[any]{Body: visitOf(v)}, nil
}

func (s *Server) returnToVisit(ctx context.Context, in *VisitPath) (*output[Token], error) {
	join, err := s.control.VisitSeat(ctx, actorOf(ctx), in.ID)
	return s.tokenAnswer(ctx, join, err)
}

type leaveVisitOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *Server) leaveVisit(ctx context.Context, in *VisitPath) (*leaveVisitOutput, error) {
	if err := s.control.LeaveVisit(ctx, actorOf(ctx), in.ID); err != nil {
		return nil, err
	}
	out := &leaveVisitOutput{}
	if ownCookie(originOf(ctx).request, visitCookie) != "" {
		out.SetCookie = endCookie(visitCookie)
	}
	return out, nil
}

type checkDeviceInput struct {
	VisitPath
	Body DeviceCheck
}

// DeviceCheck is the body of POST /visits/{id}/device.
type DeviceCheck struct {
	Camera     bool `json:"camera" doc:"Whether it works."`
	Microphone bool `json:"microphone" doc:"Whether it works."`
	Relay      bool `json:"relay" doc:"Whether the network lets them through by a relay only."`
	RTT        int  `json:"rtt_ms,omitempty" minimum:"0" maximum:"60000" doc:"Round-trip time to this server, in milliseconds."`
}

func (s *Server) checkDevice(ctx context.Context, in *checkDeviceInput) (*struct{}, error) {
	_, err := s.control.CheckDevice(ctx, actorOf(ctx), in.ID, control.DeviceCheck{
		Camera: in.Body.Camera, Microphone: in.Body.Microphone, Relay: in.Body.Relay, RTT: in.Body.RTT,
	})
	return nil, err
}
