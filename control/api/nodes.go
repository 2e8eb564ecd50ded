package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control/auth"
)

// Node is one server of the deployment.
type Node struct {
	ID           string    `json:"id" doc:"Of this run of the server."`
	Version      string    `json:"version"`
	StartedAt    time.Time `json:"started_at"`
	Draining     bool      `json:"draining" doc:"Whether it takes no new calls."`
	Rooms        int       `json:"rooms" doc:"Calls that go on."`
	Participants int       `json:"participants" doc:"People connected, those who wait too."`
}

// NodeList is all servers of the deployment.
type NodeList struct {
	Items []Node `json:"items" nullable:"false"`
}

func (s *Server) registerNodes(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/nodes", id: "list-nodes", tag: tagOperator, status: http.StatusOK,
		permission: auth.NodesRead, summary: "List the servers of the deployment",
	}, s.listNodes)
}

func (s *Server) listNodes(ctx context.Context, _ *struct{}) (*output[NodeList], error) {
	return &output[NodeList]{Body: NodeList{Items: append([]Node{}, s.nodes(ctx)...)}}, nil
}
