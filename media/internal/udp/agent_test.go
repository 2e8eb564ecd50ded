package udp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// Two real ICE agents: ours on the mux, theirs on its own sockets. Then ours
// restarts.
func TestAgents(t *testing.T) {
	m := listen(t)
	ours, theirs := liteAgent(t, ice.WithUDPMux(m)), fullAgent(t, ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}), onLoopback())
	server, client := connectAgents(t, ours, theirs)
	exchange(t, client, server)
	exchange(t, server, client)

	for _, a := range []*ice.Agent{ours, theirs} {
		if err := a.Restart("", ""); err != nil {
			t.Fatal(err)
		}
		gather(t, a)
	}
	introduce(t, ours, theirs)
	for _, pair := range [][2]*ice.Agent{{ours, theirs}, {theirs, ours}} {
		ufrag, pwd, err := pair[1].GetLocalUserCredentials()
		if err != nil {
			t.Fatal(err)
		}
		if err := pair[0].SetRemoteCredentials(ufrag, pwd); err != nil {
			t.Fatal(err)
		}
	}
	exchange(t, client, server)
	exchange(t, server, client)
}

// liteAgent is an agent as media runs it: lite, and so controlled.
func liteAgent(t *testing.T, options ...ice.AgentOption) *ice.Agent {
	t.Helper()
	return newAgent(t, append(options, ice.WithICELite(true), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}))...)
}

// fullAgent is an agent as clients run it.
func fullAgent(t *testing.T, options ...ice.AgentOption) *ice.Agent {
	t.Helper()
	return newAgent(t, append(options, ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled))...)
}

// onLoopback keeps an agent's own sockets there.
func onLoopback() ice.AgentOption {
	return ice.WithIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
}

func newAgent(t *testing.T, options ...ice.AgentOption) *ice.Agent {
	t.Helper()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	a, err := ice.NewAgentWithOptions(append(options, ice.WithIncludeLoopback(), ice.WithLoggerFactory(quiet))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// connectAgents has the two gather and find each other.
func connectAgents(t *testing.T, ours, theirs *ice.Agent) (server, client *ice.Conn) {
	t.Helper()
	gather(t, ours)
	gather(t, theirs)
	introduce(t, ours, theirs)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // one by a relay waits 2 s for something better
	defer cancel()
	theirUfrag, theirPwd, err := theirs.GetLocalUserCredentials()
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
	ufrag, pwd, err := ours.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	if client, err = theirs.Dial(ctx, ufrag, pwd); err != nil {
		t.Fatal(err)
	}
	if server = <-accepted; server == nil {
		t.FailNow()
	}
	return server, client
}

func gather(t *testing.T, a *ice.Agent) {
	t.Helper()
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

// introduce tells theirs of our candidates; the lite side learns by checks.
func introduce(t *testing.T, ours, theirs *ice.Agent) {
	t.Helper()
	candidates, err := ours.GetLocalCandidates()
	if err != nil || len(candidates) != 1 {
		t.Fatalf("%d candidates, %v", len(candidates), err)
	}
	c, err := ice.UnmarshalCandidate(candidates[0].Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.AddRemoteCandidate(c); err != nil {
		t.Fatal(err)
	}
}

// exchange sends until something arrives: just after a restart packets of the
// old path are lost.
func exchange(t *testing.T, from, to *ice.Conn) {
	t.Helper()
	arrived := make(chan error, 1)
	go func() {
		_, err := to.Read(make([]byte, packetSize))
		arrived <- err
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		_, _ = from.Write(rtp)
		select {
		case err := <-arrived:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-deadline:
			t.Fatal("nothing arrived")
		case <-tick.C:
		}
	}
}
