package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	api "github.com/atriumrtc/atrium/control/api/client"

	"github.com/atriumrtc/atrium/bench"
)

// units are those that the server has.
func units(t *testing.T, server ready) (names []string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := api.New(server.URL, server.APIKey, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	organisation, err := c.Organisation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Units(t.Context(), organisation.ID, api.List{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range page.Items {
		names = append(names, u.Name)
	}
	return names
}

// benchResult runs a command, which is to succeed, reads its result, and sees to
// it that it deletes what it makes.
func benchResult(t *testing.T, server ready, into any, command string, args ...string) (out string) {
	t.Helper()
	before, dir := units(t, server), t.TempDir()
	code, out, log := benchServer(server, command, append(args, "--out", dir)...)
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, log)
	}
	text, err := os.ReadFile(filepath.Join(dir, bench.ResultFile))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	if after := units(t, server); len(after) != len(before) {
		t.Errorf("units before %q, after %q: some were not deleted", before, after)
	}
	return out
}

// smallGroup is a group whose breakouts everybody is moved between: what must be
// true however slow the machine is (R-GC-2, R-GC-4, R-GC-7).
func smallGroup(t *testing.T, server ready) {
	t.Helper()
	var r bench.BreakoutResult
	out := benchResult(t, server, &r, "breakout", "--participants", "6", "--rooms", "2", "--moves", "2", "--admits", "2",
		"--pause", "0s", "--simulcast=false", "--assert", "sdp==0,stray==0")
	j := r.Joins
	if j.Registered != 6 || j.Waiting != 6 || j.Admitted != 6 || j.Together != 6 || len(j.Errors) != 0 {
		t.Errorf("joins %+v", j)
	}
	if r.Admit.Hear.Count != 2 || r.Storm.See.Count != 6 || r.AudioGap.Count != 18 || r.FirstVideo.Count != 18 || len(r.Moves) != 4 {
		t.Errorf("%d admitted alone, %d together, %d silences, %d first frames, %d moves\n%s",
			r.Admit.Hear.Count, r.Storm.See.Count, r.AudioGap.Count, r.FirstVideo.Count, len(r.Moves), out)
	}
	if s := r.Server; s.Problem != "" || s.CPU == nil || r.Loss == nil || r.Generator.Ticks < 100 {
		t.Errorf("server %+v\n%s", s, out)
	}
	// A claim that can't hold.
	code, out, log := benchServer(server, "breakout", "--participants", "2", "--rooms", "0", "--admits", "0", "--assert", "joins.together==3")
	if code != exitAssert || !strings.Contains(out, "joins.together==3 (2)") {
		t.Errorf("exit %d, want 3\n%s%s", code, out, log)
	}
}
