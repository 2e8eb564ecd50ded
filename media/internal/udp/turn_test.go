package udp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"

	"github.com/atriumrtc/atrium/media/internal/udp"
	"github.com/atriumrtc/atrium/turn"
)

// The whole relayed path: an ICE agent that may use relays only, our TURN
// server over UDP and TCP, a relay pipe, and our lite agent on the mux. It ends
// when the participant is revoked (SE-2).
func TestAgentThroughTURN(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			m, err := udp.Listen(udp.Config{Address: "127.0.0.1"})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			cfg := turn.DefaultConfig()
			cfg.Address, cfg.Port = "127.0.0.1", 0
			server, err := turn.New(cfg, turn.Options{Relay: m, MediaAddresses: m.Addresses})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			username, password, _ := server.Credentials("alice")
			url, err := stun.ParseURI(fmt.Sprintf("turn:127.0.0.1:%d?transport=%s", server.Port(), network))
			if err != nil {
				t.Fatal(err)
			}
			url.Username, url.Password = username, password

			quiet := logging.NewDefaultLoggerFactory()
			quiet.DefaultLogLevel = logging.LogLevelDisabled
			ours, err := ice.NewAgentWithOptions(ice.WithUDPMux(m), ice.WithICELite(true), ice.WithIncludeLoopback(),
				ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}), ice.WithLoggerFactory(quiet))
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs, err := ice.NewAgentWithOptions(ice.WithUrls([]*stun.URI{url}), ice.WithIncludeLoopback(),
				ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeRelay}), ice.WithLoggerFactory(quiet),
				ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled))
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
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
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, a := range []*ice.Agent{ours, theirs} {
		done := make(chan struct{})
		if err := a.OnCandidate(func(c ice.Candidate) {
			if c == nil {
				close(done)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := a.GatherCandidates(); err != nil {
			t.Fatal(err)
		}
		<-done
	}
	candidates, err := ours.GetLocalCandidates()
	if err != nil || len(candidates) != 1 {
		t.Fatalf("%d candidates, %v", len(candidates), err)
	}
	remote, err := ice.UnmarshalCandidate(candidates[0].Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.AddRemoteCandidate(remote); err != nil {
		t.Fatal(err)
	}
	theirUfrag, theirPwd, err := theirs.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	ourUfrag, ourPwd, err := ours.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *ice.Conn, 1)
	go func() {
		c, err := ours.Accept(ctx, theirUfrag, theirPwd)
		if err != nil {
			t.Errorf("accepting: %v", err)
		}
		accepted <- c
	}()
	client, err := theirs.Dial(ctx, ourUfrag, ourPwd)
	if err != nil {
		t.Fatal(err)
	}
	server := <-accepted
	if server == nil {
		return
	}
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
