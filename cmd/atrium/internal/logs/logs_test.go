package logs

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func TestFormat(t *testing.T) {
	for format, isJSON := range map[string]bool{"json": true, "text": false, "auto": true} {
		var out bytes.Buffer
		New(&out, format, new(slog.LevelVar)).Info("hello", "room_id", "r1")
		if json.Valid(out.Bytes()) != isJSON || !strings.Contains(out.String(), "r1") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}

func TestLevelChanges(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	log := New(&out, "text", &level)
	log.Debug("one")
	level.Set(slog.LevelDebug)
	log.Debug("two")
	if s := out.String(); strings.Contains(s, "one") || !strings.Contains(s, "two") {
		t.Error(s)
	}
}

// TestPionIsForDebugging: no warning of pion's reaches an ordinary log, as it
// may hold a peer's address (R-SE-19).
func TestPionIsForDebugging(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	l := Pion(New(&out, "json", &level)).NewLogger("ice")
	speak := func() {
		l.Errorf("from %s", "192.0.2.1")
		l.Warn("100%")
		l.Infof("plain")
		l.Debug("x")
		l.Trace("never")
		l.Tracef("never %d", 1)
	}
	speak()
	if out.Len() > 0 {
		t.Fatalf("written at level info: %s", out.String())
	}
	level.Set(slog.LevelDebug)
	speak()
	s := out.String()
	if strings.Count(s, "\n") != 4 || strings.Contains(s, "never") {
		t.Errorf("want the four lines: %s", s)
	}
	for _, want := range []string{`"pion":"ice"`, "from [address]", `"msg":"100%"`, `"pion_level":"warn"`} {
		if !strings.Contains(s, want) {
			t.Errorf("%s is missing in %s", want, s)
		}
	}
}
