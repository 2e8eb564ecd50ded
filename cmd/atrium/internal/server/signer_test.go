package server

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// R-PV-2: an exported audit log is good by the keys of its deployment, also
// after they were rotated, and by no others.
func TestAuditIsSigned(t *testing.T) {
	cfg := testConfig(t)
	cfg.Data.Dir = t.TempDir()
	rules, closeRules, err := OpenControl(cfg)
	if err != nil {
		t.Fatal(err)
	}
	operator := control.Actor{Kind: control.ActorOperator}
	made, err := rules.FoundOrganisation(t.Context(), operator, control.OrganisationSpec{Name: "Ours"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := rules.ExportAudit(t.Context(), operator, made.Organisation.ID, &out); err != nil {
		t.Fatal(err)
	}
	if err := closeRules(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cfg.Data.Dir, keyFile)
	if err := auth.RotateKeys(path); err != nil {
		t.Fatal(err)
	}
	ours, err := auth.LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := auth.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	if head, err := control.VerifyAudit(bytes.NewReader(out.Bytes()), HeadCheck(ours)); err != nil || head.Seq != 2 {
		t.Errorf("by our keys: %+v, %v", head, err)
	}
	if _, err := control.VerifyAudit(bytes.NewReader(out.Bytes()), HeadCheck(theirs)); !errors.Is(err, control.ErrAudit) {
		t.Errorf("by others' keys: %v", err)
	}
	altered := bytes.Replace(out.Bytes(), []byte("Ours"), []byte("Mine"), 1)
	if _, err := control.VerifyAudit(bytes.NewReader(altered), HeadCheck(ours)); !errors.Is(err, control.ErrAudit) {
		t.Errorf("altered: %v", err)
	}
}
