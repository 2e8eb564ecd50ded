package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// Every report of a unit from the command line, as a table and drawn.
func TestReportCommand(t *testing.T) {
	_, _, l := launchDev(t)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(l.APIKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (int, string, string) {
		return commandLine(append(args, "--data-dir", filepath.Dir(l.AdminSocket), "--key-file", keyFile)...)
	}
	do := func(args ...string) string {
		t.Helper()
		code, out, problems := run(args...)
		if code != exitClean {
			t.Fatalf("%v: %d\n%s%s", args, code, out, problems)
		}
		return out
	}
	var made struct{ Unit struct{ ID string } }
	if err := json.Unmarshal([]byte(do("unit", "create", "Cardiology", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	unit := made.Unit.ID
	for _, kind := range []string{"consultations", "areas", "groups", "consult-now", "meeting-rooms", "accounts", "quality", "units"} {
		table := do("report", kind, "--unit", unit, "--from", "2026-03-01", "--to", "2026-03-31", "--tz", "Europe/Vienna", "--format", "csv")
		if heading, _, ok := strings.Cut(table, "\r\n"); !ok || !strings.Contains(heading, ",") {
			t.Errorf("%s:\n%s", kind, table)
		}
	}
	if drawn := do("report", "areas", "--unit", unit, "--chart", "waits"); !strings.HasPrefix(drawn, "<svg ") {
		t.Errorf("%s", drawn)
	}
	book, err := excelize.OpenReader(strings.NewReader(do("report", "units", "--unit", unit, "--format", "xlsx")))
	if err != nil {
		t.Fatal(err)
	}
	if name, err := book.GetCellValue("rows", "A2"); err != nil || name != "Cardiology" {
		t.Errorf("xlsx: %q, %v", name, err)
	}
	if err := book.Close(); err != nil {
		t.Error(err)
	}
	if code, _, problems := run("report", "areas"); code != exitUsage || !strings.Contains(problems, "--unit") {
		t.Errorf("without a unit: %d %s", code, problems)
	}
}
