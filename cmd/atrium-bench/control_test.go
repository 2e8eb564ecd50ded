package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/bench/control"
)

// atrium-bench control against atrium dev: guests enter and are admitted, and
// nothing fails (PF-10 is measured elsewhere, with nothing else to do).
func TestControl(t *testing.T) {
	s := startServer(t)
	dir := t.TempDir()
	var out, log bytes.Buffer
	code := run(t.Context(), []string{"control", "--url", s.URL, "--key", s.APIKey, "--areas", "3", "--guests", "12", "--at-once", "4", "--for", "1s", "--out", dir},
		standard{out: &out, err: &log}, scenarios{})
	if code != exitOK || !strings.Contains(out.String(), "12 guests in 3 waiting areas") || !strings.Contains(log.String(), "12 guests wait") {
		t.Fatalf("exit %d\n%s%s", code, &out, &log)
	}
	text, err := os.ReadFile(filepath.Join(dir, "result.json"))
	var result control.Result
	if err != nil || json.Unmarshal(text, &result) != nil || result.Visits == 0 || len(result.Errors) != 0 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestControlUsage(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"control"}, "--url: missing"},
		{[]string{"control", "--url", "http://127.0.0.1:1"}, "--key-file: missing"},
		{[]string{"control", "--url", "http://127.0.0.1:1", "--key", "k", "--guests", "1"}, "--guests: 1"},
		{[]string{"control", "extra"}, `"extra"`},
	} {
		o := execute(nil, nil, row.args...)
		if o.code != exitUsage || !strings.Contains(o.err, row.says) {
			t.Errorf("%q: exit %d, want 2 and %q in %s", row.args, o.code, row.says, o.err)
		}
	}
}
