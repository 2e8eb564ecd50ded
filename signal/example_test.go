package signal_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// door lets everybody who knows the word into one room.
type door struct{}

func (door) Admit(_ context.Context, token string) (signal.Admission, error) {
	if token != "the word" {
		return signal.Admission{}, signal.ErrBadToken
	}
	return signal.Admission{
		ParticipantID: "1", Name: "Ada", Role: media.RoleParticipant, Pool: media.SmallPool(),
		Room: &media.RoomOptions{ID: "kitchen", Kind: "plain", Capacity: 4},
	}, nil
}

// Seat would note that a token is used up. This one may be used again.
func (door) Seat(context.Context, signal.Admission) error { return nil }

func (door) Present(context.Context, signal.Admission, bool) {}

func (door) Left(_ context.Context, a signal.Admission, reason media.CloseReason) {
	fmt.Println(a.Name, reason)
}

// A server of one's own: the engine, who may join, and a route.
func Example() {
	cfg := media.DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	engine, err := media.NewEngine(cfg, media.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = engine.Close() }()
	server := signal.New(signal.DefaultConfig(), signal.Options{Engine: engine, Authority: door{}})
	mux := http.NewServeMux()
	mux.Handle("GET "+message.Path, server)
	web := httptest.NewServer(mux)
	defer web.Close()
	defer server.Close()

	c, err := client.Connect(context.Background(), client.Options{URL: web.URL, Token: "the word"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Self().Name, "is in the", c.Room().ID)
	if err := c.Leave(context.Background()); err != nil {
		log.Fatal(err)
	}
	server.Close()
	// Output:
	// Ada is in the kitchen
	// Ada left
}
