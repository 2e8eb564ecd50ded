package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// commandLine runs a command line and returns its exit code and what it printed.
func commandLine(args ...string) (code int, out, problems string) {
	var o, e bytes.Buffer
	a := &app{out: &o, err: &e}
	return a.run(args), o.String(), e.String()
}

// The commands against a running server: by its socket as the operator, by a
// key file for one organisation.
func TestRemoteCommands(t *testing.T) {
	_, _, l := launchDev(t)
	dir := filepath.Dir(l.AdminSocket)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(l.APIKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) string {
		t.Helper()
		code, out, problems := commandLine(args...)
		if code != exitClean {
			t.Fatalf("%v: %d\n%s%s", args, code, out, problems)
		}
		return out
	}
	local := []string{"--data-dir", dir}
	keyed := []string{"--data-dir", dir, "--key-file", keyFile}
	with := func(args []string, more ...string) []string { return append(append([]string{}, more...), args...) }

	founded := do(with(local, "organisation", "create", "Clinic", "--admin", "admin@example.org")...)
	if !strings.Contains(founded, "atk_") || !strings.Contains(founded, "/i#") || !strings.Contains(founded, "admin@example.org") {
		t.Errorf("a new organisation:\n%s", founded)
	}
	if list := do(with(local, "organisation", "list")...); !strings.Contains(list, "Clinic") || !strings.Contains(list, "Demo") {
		t.Errorf("organisations:\n%s", list)
	}
	var unit struct {
		Unit struct{ ID string }
	}
	made := do(with(keyed, "unit", "create", "Cardiology", "--admin", "head@example.org", "--json")...)
	if err := json.Unmarshal([]byte(made), &unit); err != nil || unit.Unit.ID == "" {
		t.Fatalf("%v:\n%s", err, made)
	}
	if list := do(with(keyed, "unit", "list")...); !strings.Contains(list, "Cardiology") || strings.Contains(list, "Clinic") {
		t.Errorf("units:\n%s", list)
	}
	if area := do(with(keyed, "area", "create", "Dr Adler", "--unit", unit.Unit.ID)...); !strings.Contains(area, "/e#") {
		t.Errorf("a new area:\n%s", area)
	}
	if room := do(with(keyed, "room", "create", "Team", "--unit", unit.Unit.ID)...); !strings.Contains(room, "/e#") {
		t.Errorf("a new room:\n%s", room)
	}
	if grants := do(with(keyed, "grant", "list", "--on", "unit:"+unit.Unit.ID)...); !strings.Contains(grants, "head@example.org") || !strings.Contains(grants, "org_admin") {
		t.Errorf("grants:\n%s", grants)
	}
	// A key makes no keys: that takes somebody who has signed in, or the
	// operator.
	for _, as := range [][]string{keyed, local} {
		if code, _, problems := commandLine(with(as, "key", "list")...); code != exitFailure || !strings.Contains(problems, "--organisation ID") {
			t.Errorf("keys by %v: %d %s", as, code, problems)
		}
	}
	var key struct{ ID, Secret string }
	made = do(with(local, "key", "create", "Portal", "--permission", "areas.read", "--organisation", l.Organisation, "--unit", unit.Unit.ID, "--json")...)
	if err := json.Unmarshal([]byte(made), &key); err != nil || !strings.HasPrefix(key.Secret, "atk_") {
		t.Fatalf("%v:\n%s", err, made)
	}
	if list := do(with(local, "key", "list", "--organisation", l.Organisation, "--unit", unit.Unit.ID)...); !strings.Contains(list, "Portal") {
		t.Errorf("keys:\n%s", list)
	}
	do(with(local, "key", "revoke", key.ID, "--organisation", l.Organisation)...)
	if list := do(with(local, "key", "list", "--organisation", l.Organisation)...); strings.Contains(list, "Portal") {
		t.Errorf("keys after one was revoked:\n%s", list)
	}

	export := filepath.Join(t.TempDir(), "audit.jsonl")
	do(with(keyed, "audit", "export", "--out", export)...)
	if verdict := do("audit", "verify", export, "--data-dir", dir); !strings.Contains(verdict, "as it was written") {
		t.Errorf("%s", verdict)
	}
	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(export, bytes.Replace(text, []byte("unit.create"), []byte("unit.delete"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, problems := commandLine("audit", "verify", export, "--data-dir", dir); code != exitFailure || !strings.Contains(problems, "altered") {
		t.Errorf("an altered log: %d %s", code, problems)
	}
	backup := filepath.Join(t.TempDir(), "atrium.backup")
	if done := do("backup", "--out", backup, "--data-dir", dir); !strings.Contains(done, "sound") {
		t.Errorf("%s", done)
	}
}

// What is wrong is said with what to do, by the right exit code.
func TestRemoteErrors(t *testing.T) {
	empty := t.TempDir()
	for _, row := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"unit"}, exitUsage, "unit --help"},
		{[]string{"unit", "create", "--data-dir", empty}, exitUsage, "unit create NAME"},
		{[]string{"area", "create", "x", "--data-dir", empty}, exitUsage, "--unit"},
		{[]string{"unit", "list", "--data-dir", empty}, exitFailure, "no server runs with this data folder"},
		{[]string{"unit", "list", "--server", "http://localhost:1"}, exitFailure, "--key-file"},
		{[]string{"unit", "list", "--key-file", filepath.Join(empty, "none")}, exitFailure, "--key-file"},
		{[]string{"grant", "list", "--on", "clinic"}, exitFailure, ""},
		{[]string{"audit", "verify"}, exitUsage, "audit verify FILE"},
		{[]string{"audit", "export"}, exitUsage, "--out"},
	} {
		code, _, problems := commandLine(row.args...)
		if code != row.code || !strings.Contains(problems, row.says) {
			t.Errorf("%v: %d %s", row.args, code, problems)
		}
	}
}
