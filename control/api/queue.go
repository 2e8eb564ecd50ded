package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerQueue(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/areas/{id}/queue", id: "get-queue", tag: tagVisits, status: http.StatusOK,
		permission: auth.QueueRead, target: on(control.ThingArea), summary: "Read the queue of a waiting area",
	}, s.getQueue)
	addStream(s, h, route{
		method: http.MethodGet, path: "/areas/{id}/events", id: "watch-area", tag: tagVisits, status: http.StatusOK,
		permission: auth.QueueRead, target: on(control.ThingArea), summary: "Follow a waiting area",
		description: "Server-sent events, each with the whole state of what it names. `queue` comes first: a Queue. Then " +
			"`visit`: a Visit that came or changed; `visit_left`: the id of one that ended or went elsewhere; `call`: a " +
			"Call; `consult_now`: a ConsultNow; `group`: a Group; `group_lobby`: that who waits for a group is another list; " +
			"`area`: an AreaState. `Last-Event-ID` (browsers send it by themselves) goes " +
			"on from there, without `queue` unless too much has happened since. The stream ends within a second of access " +
			"being taken away, and when its reader stalls for 10 s. A comment each 15 s shows that it lives.",
		errors: []int{http.StatusTooManyRequests},
	}, []described{
		{"queue", Queue{}}, {"visit", Visit{}}, {"visit_left", LeftVisit{}}, {"call", Call{}},
		{"consult_now", ConsultNow{}}, {"group", Group{}}, {"group_lobby", ChangedLobby{}}, {"area", AreaState{}},
	}, s.watchArea)
}

// AreaPath is the path of a waiting area.
type AreaPath struct {
	ID string `path:"id" doc:"The area's id."`
}

// Queue is who is in an area.
type Queue struct {
	Visits []Visit `json:"visits" nullable:"false" doc:"In order of arrival: who waits, is on hold or is being seen."`
	Calls  []Call  `json:"calls" nullable:"false" doc:"That go on, in order of their start."`
}

// LeftVisit names a visit that is no longer in the area.
type LeftVisit struct {
	ID string `json:"id" format:"uuid"`
}

// ChangedLobby names a group whose lobby changed.
type ChangedLobby struct {
	GroupID string `json:"group_id" format:"uuid"`
}

// AreaState is what of an area may change while one looks on.
type AreaState struct {
	ID              string `json:"id" format:"uuid"`
	Name            string `json:"name"`
	Suspended       bool   `json:"suspended"`
	SuspendedReason string `json:"suspended_reason,omitempty"`
}

func (s *Server) getQueue(ctx context.Context, in *AreaPath) (*output[Queue], error) {
	q, err := s.control.Queue(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	queue, err := s.queueOf(ctx, q)
	if err != nil {
		return nil, err
	}
	return &output[Queue]{Body: queue}, nil
}

func (s *Server) queueOf(ctx context.Context, q control.Queue) (Queue, error) {
	queue := Queue{Visits: make([]Visit, 0, len(q.Visits)), Calls: make([]Call, 0, len(q.Calls))}
	for _, v := range q.Visits {
		queue.Visits = append(queue.Visits, visitOf(v))
	}
	for _, c := range q.Calls {
		call, err := s.callOf(ctx, c)
		if err != nil {
			return Queue{}, err
		}
		queue.Calls = append(queue.Calls, call)
	}
	return queue, nil
}
