package udp

import (
	"fmt"
	"testing"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"

	"github.com/atriumrtc/atrium/turn"
)

// The whole relayed path: an ICE agent that may use relays only, our TURN
// server over UDP and TCP, a relay pipe, and our lite agent on the mux. It ends
// when the participant is revoked (SE-2).
func TestAgentThroughTURN(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			m := listen(t)
			cfg := turn.DefaultConfig()
			cfg.Address, cfg.Port = "127.0.0.1", 0
			server, err := turn.New(cfg, turn.Options{Relay: m, MediaAddresses: m.Addresses})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			username, password, _ := server.Credentials("alice")
			url, err := stun.ParseURI(fmt.Sprintf("turn:127.0.0.1:%d?transport=%s", server.Port(), network))
			if err != nil {
				t.Fatal(err)
			}
			url.Username, url.Password = username, password
			ours := liteAgent(t, ice.WithUDPMux(m))
			theirs := fullAgent(t, ice.WithUrls([]*stun.URI{url}), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
				ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeRelay}))
			talk(t, ours, theirs)
			if s := server.Snapshot(); s.Allocations == 0 || s.RelayedPacketsIn == 0 || s.RelayedPacketsOut == 0 {
				t.Errorf("the relay wasn't used: %+v", s)
			}
			server.Revoke("alice")
			if s := m.Stats(); s.Relays != 0 || s.Sources != 0 {
				t.Errorf("the revoked participant keeps %d relays, %d sources", s.Relays, s.Sources)
			}
		})
	}
}

// talk connects the two and sends a datagram each way.
func talk(t *testing.T, ours, theirs *ice.Agent) {
	t.Helper()
	server, client := connectAgents(t, ours, theirs)
	for _, pair := range [][2]*ice.Conn{{client, server}, {server, client}} {
		sent := []byte{0x80, 96, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
		if _, err := pair[0].Write(sent); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		if n, err := pair[1].Read(b); err != nil || string(b[:n]) != string(sent) {
			t.Fatalf("received %x, %v", b[:n], err)
		}
	}
}
