package server

import (
	"context"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// startWithRoom runs a whole server that has a room.
func startWithRoom(t *testing.T, o Options) (*Server, *api.Client, api.Room) {
	t.Helper()
	s := start(t, o)
	c := apiOf(t, s)
	room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "individual"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, c, room
}

// join connects a participant with camera and microphone.
func join(t *testing.T, s *Server, c *api.Client, roomID, name string, policy webrtc.ICETransportPolicy) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	token, err := c.CreateToken(ctx, roomID, name, "participant", "")
	if err != nil {
		t.Fatal(err)
	}
	video, err := source.NewTraceVideo(source.TraceConfig{Seed: uint64(len(name))})
	if err != nil {
		t.Fatal(err)
	}
	participant, err := client.Connect(ctx, client.Options{
		URL: urlOf(s), Token: token.Token, ICETransportPolicy: policy,
		Publish: []client.Publication{
			{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{Pattern: source.Always})},
			{Source: message.SourceCamera, Video: video},
		},
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { _ = participant.Close() }) // may have ended already
	return participant
}

// sees waits until one receives another's camera and microphone.
func sees(t *testing.T, viewer, publisher *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	id := publisher.Self().ID
	if err := viewer.WaitFor(ctx, func(st client.State) bool {
		return st.Receives(id, message.SourceCamera) && st.Receives(id, message.SourceMicrophone)
	}); err != nil {
		t.Fatalf("%s doesn't see and hear %s: %v", viewer.Self().Name, publisher.Self().Name, err)
	}
}

// TestCall: two people see and hear each other through a whole server; the API
// mutes one and removes the other; the metrics tell of it.
func TestCall(t *testing.T) {
	s, c, room := startWithRoom(t, Options{Config: testConfig(t)})
	ann := join(t, s, c, room.ID, "Ann", webrtc.ICETransportPolicyAll)
	bob := join(t, s, c, room.ID, "Bob", webrtc.ICETransportPolicyAll)
	sees(t, ann, bob)
	sees(t, bob, ann)

	if err := c.Mute(t.Context(), room.ID, bob.Self().ID, message.SourceMicrophone, true); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := ann.WaitFor(ctx, func(st client.State) bool {
		p, ok := st.Participant(bob.Self().ID)
		for _, source := range p.Sources {
			if source.Source == message.SourceMicrophone && source.MutedByServer {
				return ok
			}
		}
		return false
	}); err != nil {
		t.Errorf("nobody is told that Bob was muted: %v", err)
	}

	_, metrics := testkit.Get(t, s.MetricsURL()+"/metrics")
	for _, want := range []string{
		"atrium_media_rooms 1\n", "atrium_media_participants_connected 2\n", `atrium_signal_joins_total{result="ok"} 2` + "\n",
		"atrium_signal_join_seconds_count 2\n", "atrium_media_transports_total 2\n", "atrium_turn_participants 2\n",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%s is missing", strings.TrimSpace(want))
		}
	}
	for _, name := range []string{"atrium_media_packets_in_total", "atrium_media_packets_out_total", "atrium_media_out_bytes_total"} {
		if metric(t, metrics, name) == 0 {
			t.Errorf("%s is 0 after a call", name)
		}
	}

	if err := c.Remove(t.Context(), room.ID, ann.Self().ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ann.Done():
	case <-ctx.Done():
		t.Fatal("Ann was removed and is still there")
	}
	if bye := ann.State().Bye; bye == nil || bye.Code != message.CodeRemoved {
		t.Errorf("bye %+v", bye)
	}
}

// TestLogsOfACall: what a call leaves in the log at its most talkative holds
// no secret, no name, no SDP and nobody's address (R-SE-19, conventions).
func TestLogsOfACall(t *testing.T) {
	var out testkit.Buffer
	var level slog.LevelVar
	level.Set(slog.LevelDebug)
	s, c, room := startWithRoom(t, Options{Config: testConfig(t), Logger: logs.New(&out, "json", &level)})
	ann := join(t, s, c, room.ID, "Canary Smith", webrtc.ICETransportPolicyAll)
	bob := join(t, s, c, room.ID, "Bob", webrtc.ICETransportPolicyRelay)
	sees(t, ann, bob)
	if err := ann.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	text := out.String()
	if !strings.Contains(text, `"pion":"ice"`) || !strings.Contains(text, "[secret]") {
		t.Fatal("the libraries say nothing: this test tests nothing")
	}
	_, secret, _ := strings.Cut(room.Link, "#")
	for what, canary := range map[string]string{
		"a name": "Canary", "the link": secret, "a token": "eyJ", "an API key": "atk_", "SDP": "a=ice-", "an address": "127.0.0.1:",
	} {
		for line := range strings.Lines(text) {
			// Our own listeners are no secret.
			if strings.Contains(line, canary) && !strings.Contains(line, "Listening") {
				t.Errorf("%s is in the log: %s", what, line)
			}
		}
	}
	if hit := regexp.MustCompile(`(?i)pwd\W+[a-z0-9+/]{22}`).FindString(text); hit != "" {
		t.Errorf("a password is in the log: %s", hit)
	}
}

// metric is the value of a metric without labels.
func metric(t *testing.T, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Errorf("%s is missing", name)
	return 0
}

// TestRelayedCall: the same through the TURN server alone (SE-1's pipe).
func TestRelayedCall(t *testing.T) {
	s, c, room := startWithRoom(t, Options{Config: testConfig(t)})
	ann := join(t, s, c, room.ID, "Ann", webrtc.ICETransportPolicyRelay)
	bob := join(t, s, c, room.ID, "Bob", webrtc.ICETransportPolicyAll)
	sees(t, ann, bob)
	sees(t, bob, ann)
	snapshot := s.turn.Snapshot()
	if snapshot.Allocations == 0 || snapshot.RelayedPacketsIn == 0 || snapshot.RelayedPacketsOut == 0 {
		t.Errorf("nothing was relayed: %+v", snapshot)
	}
	if err := ann.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	testkit.Until(t, "the allocation ending with the participant (SE-2)", func() bool { return s.turn.Snapshot().Allocations == 0 }, nil)
}
