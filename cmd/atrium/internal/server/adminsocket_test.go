package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

// The socket is the operator's, and nobody else's on the host; it serves the
// API, profiles and backups, and goes with the server.
func TestAdminSocket(t *testing.T) {
	cfg := testConfig(t)
	s, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	socket := AdminSocket(cfg)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	admin := AdminClient(socket)
	get := func(client *http.Client, url, key string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(data)
	}
	const nodes = "/api/v1/nodes" // the operator's only
	if status, body := get(admin, "http://atrium"+nodes, ""); status != http.StatusOK || !strings.Contains(body, `"draining":false`) || !strings.Contains(body, `"participants":0`) {
		t.Errorf("over the socket: %d %s", status, body)
	}
	if status, body := get(http.DefaultClient, urlOf(s)+nodes, ""); status != http.StatusUnauthorized {
		t.Errorf("over HTTP: %d %s", status, body)
	}
	if status, _ := get(admin, "http://atrium"+nodes, "atk_wrong"); status != http.StatusUnauthorized {
		t.Errorf("with a wrong key over the socket: %d", status)
	}
	if status, body := get(admin, "http://atrium/debug/pprof/goroutine?debug=1", ""); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profile: %d", status)
	}
	if status, _ := get(http.DefaultClient, urlOf(s)+"/debug/pprof/goroutine", ""); status != http.StatusNotFound {
		t.Errorf("a profile over HTTP: %d", status)
	}
	if _, _, err := s.Control().CreateOrganisation(t.Context(), "Clinic"); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "atrium.backup")
	report, err := Backup(t.Context(), cfg, out)
	if err != nil || report.Records == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if again, err := store.Check(out); err != nil || again.Records != report.Records {
		t.Fatalf("%+v, %v", again, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if _, err := Backup(context.Background(), cfg, out); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a server: %v", err)
	}
}

// A socket that a killed server left is no obstacle; a folder whose path is too
// long is told so.
func TestAdminSocketInTheWay(t *testing.T) {
	cfg := testConfig(t)
	if err := os.WriteFile(AdminSocket(cfg), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Config: cfg})
	if s.OperatorKey() == "" {
		t.Error("no operator key")
	}
	long := testConfig(t)
	long.Data.Dir = filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if _, err := New(Options{Config: long}); err == nil || !strings.Contains(err.Error(), "data.dir: its path is too long") {
		t.Errorf("%v", err)
	}
}
