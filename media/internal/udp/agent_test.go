package udp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// Two real ICE agents: ours lite, controlled, on the mux, as media runs it;
// theirs a full one on its own sockets. Then ours restarts.
func TestAgents(t *testing.T) {
	m := listen(t)
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	ours, err := ice.NewAgentWithOptions(ice.WithUDPMux(m), ice.WithICELite(true), ice.WithIncludeLoopback(),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}), ice.WithLoggerFactory(quiet))
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := ice.NewAgentWithOptions(ice.WithIncludeLoopback(), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithLoggerFactory(quiet),
		ice.WithIPFilter(func(ip net.IP) bool { return ip.IsLoopback() }))
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()

	gather(t, ours)
	gather(t, theirs)
	introduce(t, ours, theirs)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	remoteUfrag, remotePwd, err := theirs.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan *ice.Conn, 1)
	go func() {
		c, err := ours.Accept(ctx, remoteUfrag, remotePwd)
		if err != nil {
			t.Errorf("accepting: %v", err)
		}
		accepted <- c
	}()
	ufrag, pwd, err := ours.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	client, err := theirs.Dial(ctx, ufrag, pwd)
	if err != nil {
		t.Fatal(err)
	}
	server := <-accepted
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
