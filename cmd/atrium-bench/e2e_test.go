package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"

	"github.com/atriumrtc/atrium/bench"
)

// ready is what atrium dev writes into its ready file.
type ready struct {
	URL      string `json:"url"`
	AdminURL string `json:"admin_url"`
	APIKey   string `json:"api_key"`
}

// startServer builds Atrium and runs atrium dev until the test ends.
func startServer(t *testing.T) ready {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "atrium")
	if out, err := exec.Command("go", "build", "-o", binary, "../atrium").CombinedOutput(); err != nil {
		t.Fatalf("building Atrium: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "ready.json")
	var log bytes.Buffer
	server := exec.Command(binary, "dev", "--ready-file", file, "--http-port", "0", "--https-port", "0",
		"--media-address", "127.0.0.1", "--media-udp-port", "0", "--media-tcp-port", "-1",
		"--metrics-address", "127.0.0.1:0")
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = server.Process.Kill()
			<-ended
			t.Error("atrium dev did not end by itself")
		}
		if t.Failed() {
			t.Logf("atrium dev:\n%s", &log)
		}
	})
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("atrium dev ended: %v\n%s", err, &log)
		case <-deadline:
			t.Fatalf("atrium dev is not ready after 30 s")
		case <-ticker.C:
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var r ready
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// benchRoom runs atrium-bench room against a server, in this process.
func benchRoom(server ready, args ...string) (code int, out, log string) {
	return benchServer(server, "room", args...)
}

// benchServer runs a command of atrium-bench against a server, in this process.
func benchServer(server ready, command string, args ...string) (code int, out, log string) {
	var stdout, stderr bytes.Buffer
	args = append([]string{command, "--url", server.URL, "--key", server.APIKey, "--metrics", server.AdminURL + "/metrics"}, args...)
	code = run(context.Background(), args, standard{out: &stdout, err: &stderr}, ofBench())
	return code, stdout.String(), stderr.String()
}

// rooms counts the rooms that the server has.
func rooms(t *testing.T, server ready) int {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := api.New(server.URL, server.APIKey, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := c.ListRooms(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestAgainstAServer(t *testing.T) {
	server := startServer(t)
	before := rooms(t, server)

	t.Run("a small room", func(t *testing.T) { smallRoom(t, server) })
	t.Run("an assertion fails", func(t *testing.T) {
		code, out, log := benchRoom(server, "--participants", "2", "--publishers", "1", "--layout", "stage", "--for", "1s",
			"--assert", "joins.planned==3")
		if code != exitAssert || !strings.Contains(out, "joins.planned==3 (2)") {
			t.Errorf("exit %d, want 3\n%s%s", code, out, log)
		}
	})
	t.Run("a wrong key", func(t *testing.T) {
		wrong := server
		wrong.APIKey = "atk_wrong"
		if code, _, log := benchRoom(wrong, "--participants", "2"); code != exitFailure || !strings.Contains(log, "--key-file") {
			t.Errorf("exit %d, want 1 and what to do: %s", code, log)
		}
	})
	t.Run("no metrics", func(t *testing.T) {
		blind := server
		blind.AdminURL = server.URL // which has no /metrics
		code, out, log := benchRoom(blind, "--participants", "2", "--layout", "webinar", "--for", "1s")
		if code != exitOK || !strings.Contains(out, "server figures missing") {
			t.Errorf("exit %d, want 0 and a remark\n%s%s", code, out, log)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var out, log bytes.Buffer
		code := run(ctx, []string{"room", "--url", server.URL, "--key", server.APIKey, "--participants", "4"},
			standard{out: &out, err: &log}, ofBench())
		if code != exitFailure || !strings.Contains(log.String(), "interrupted; nothing was measured") {
			t.Errorf("exit %d, want 1: %s", code, &log)
		}
	})
	t.Run("a small group", func(t *testing.T) { smallGroup(t, server) })
	if after := rooms(t, server); after != before {
		t.Errorf("%d rooms before, %d after: some were not deleted", before, after)
	}
}

// smallRoom checks everything that must be true of any run however slow the
// machine is, and nothing of the generator: void is no failure of the server.
func smallRoom(t *testing.T, server ready) {
	t.Helper()
	dir := t.TempDir()
	code, out, log := benchRoom(server, "--participants", "4", "--publishers", "2", "--simulcast", "--for", "4s",
		"--ramp", "20/s", "--out", dir)
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, log)
	}
	text, err := os.ReadFile(filepath.Join(dir, bench.ResultFile))
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	// By now each slot has had the reports that decide how it opened.
	if r.Joins.Completed != 4 || r.Joins.Seeing != 4 || r.Joins.NoKeyFrame != 0 || r.SDP != 0 || r.Join.Count != 4 || r.FirstFrame.Count != 4 {
		t.Errorf("joins %+v, sdp %d", r.Joins, r.SDP)
	}
	// Two publishers: 50 packets of sound a second from each, to three
	// others. Half of it suffices here.
	if r.Audio.SentPackets < 100 || r.Audio.ReceivedPackets < 300 || r.Video.Frames < 150 ||
		r.Audio.Violations.Total > 0 || r.Video.Violations.Misrouted+r.Video.Violations.Jumps+r.Video.Violations.NoKeyFrame > 0 {
		t.Errorf("audio %+v\nvideo %+v", r.Audio, r.Video)
	}
	if r.Loss == nil || *r.Loss > 0.05 || r.Latency.P50 == nil || *r.Latency.P50 > 1 {
		t.Errorf("loss and latency:\n%s", out)
	}
	if s := r.Server; s.Problem != "" || s.CPU == nil || s.USPerForwardedPacket == nil || *s.PacketsOut < 300 || *s.USPerForwardedPacket <= 0 {
		t.Errorf("server %+v", s)
	}
	if g := r.Generator; g.CPU == nil || g.Ticks < 100 {
		t.Errorf("generator %+v", g)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ready{URL: "http://" + listener.Addr().String(), APIKey: "atk_x"}
	listener.Close()
	if code, _, log := benchRoom(nobody, "--participants", "2"); code != exitFailure || !strings.Contains(log, "check that it runs") {
		t.Errorf("exit %d, want 1 and what to do: %s", code, log)
	}
}
