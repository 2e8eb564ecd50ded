package server

import (
	"strconv"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	api "github.com/atriumrtc/atrium/control/api/client"
)

// TestRelays: a welcome holds TURN servers at the name that the client used,
// or at the public addresses, with credentials of the participant's own.
func TestRelays(t *testing.T) {
	for name, row := range map[string]struct {
		publicIPs []string
		hosts     []string
		tcp       bool
	}{
		"automatic":    {nil, []string{"127.0.0.1"}, true},
		"auto":         {[]string{"auto"}, []string{"127.0.0.1"}, true},
		"UDP only":     {nil, []string{"127.0.0.1"}, false},
		"behind a NAT": {[]string{"192.0.2.1", "2001:db8::1"}, []string{"192.0.2.1", "[2001:db8::1]"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Media.PublicIPs, cfg.TURN.TCP = row.publicIPs, row.tcp
			s := start(t, Options{Config: cfg})
			servers := iceServers(t, s)
			if len(servers) != 1 {
				t.Fatalf("%d servers", len(servers))
			}
			var want []any
			for _, host := range row.hosts {
				url := "turn:" + host + ":" + strconv.Itoa(s.turn.Port()) + "?transport="
				want = append(want, url+"udp")
				if row.tcp {
					want = append(want, url+"tcp")
				}
			}
			server, ok := servers[0].(map[string]any)
			if !ok || !equal(server["urls"], want) {
				t.Errorf("got %v, want %v", server["urls"], want)
			}
			if user, ok := server["username"].(string); !ok || !strings.Contains(user, ":") || server["credential"] == "" {
				t.Errorf("credentials %v", server)
			}
			testkit.Until(t, "the grant ending with the participant", func() bool { return s.turn.Snapshot().Participants == 0 }, nil)
		})
	}
}

func equal(got any, want []any) bool {
	list, ok := got.([]any)
	if !ok || len(list) != len(want) {
		return false
	}
	for i := range list {
		if list[i] != want[i] {
			return false
		}
	}
	return true
}

// iceServers joins, leaves, and returns the servers of the welcome.
func iceServers(t *testing.T, s *Server) []any {
	t.Helper()
	c := apiOf(t, s)
	room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "individual"}, "")
	if err != nil {
		t.Fatal(err)
	}
	admission, err := c.Entry(t.Context(), room.Link, "Ann")
	if err != nil {
		t.Fatal(err)
	}
	ann := dial(t, s, admission.Token.Token)
	servers, ok := ann.expect("welcome")["ice_servers"].([]any)
	if !ok {
		t.Fatal("no ice_servers in the welcome")
	}
	if s.turn != nil && s.turn.Snapshot().Participants != 1 {
		t.Errorf("%d participants hold credentials, want 1", s.turn.Snapshot().Participants)
	}
	ann.send(map[string]any{"type": "leave"})
	ann.expect("bye")
	return servers
}

func TestRelaysOff(t *testing.T) {
	cfg := testConfig(t)
	cfg.TURN.Enabled = false
	s := start(t, Options{Config: cfg})
	if servers := iceServers(t, s); len(servers) != 0 {
		t.Errorf("got %v", servers)
	}
	if _, metrics := testkit.Get(t, s.MetricsURL()+"/metrics"); strings.Contains(metrics, "atrium_turn_") {
		t.Error("metrics of a TURN server that doesn't run")
	}
}
