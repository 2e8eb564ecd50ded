package endtoend

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// commandsOf returns the first block of commands below a heading of the
// README.
func commandsOf(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	_, block, begun := strings.Cut(section, "\n```sh\n")
	block, _, ended := strings.Cut(block, "\n```\n")
	if !found || !begun || !ended {
		t.Fatalf("the README has no commands below %q", heading)
	}
	return block
}

// The README's "Embed it" as it is written there: with curl alone, from the
// operator's key to a guest who is seen.
func TestReadmeEmbedIt(t *testing.T) {
	s := startServer(t, "--http-port=0", "--https-port=0", "--metrics-address=127.0.0.1:0", "--media-udp-port=0", "--media-tcp-port=0", "--turn-port=0")
	dir := t.TempDir()
	ready, err := os.ReadFile(s.ready)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ready.json"), ready, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-u", "-o", "pipefail", "-c", commandsOf(t, "### Embed it"))
	cmd.Dir = dir
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &problems)
	}
	var admitted struct {
		Token string
		Visit struct{ State string }
		Call  struct {
			Members []struct{ Name string }
		}
	}
	if err := json.Unmarshal(out, &admitted); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if m := admitted.Call.Members; admitted.Token == "" || admitted.Visit.State != "in_call" || len(m) != 2 || m[0].Name != "Dr Adler" || m[1].Name != "Maria" {
		t.Errorf("at the end: %s", out)
	}
}
