package control_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// signer signs heads in tests.
type signer struct{ key ed25519.PrivateKey }

func newSigner(seed byte) signer {
	return signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (s signer) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

func (s signer) Sign(head []byte) control.HeadSignature {
	return control.HeadSignature{KeyID: "test", Key: s.public(), Signature: ed25519.Sign(s.key, head)}
}

// check is a control.HeadCheck that trusts this key only.
func (s signer) check(message []byte, by control.HeadSignature) error {
	switch {
	case !bytes.Equal(by.Key, s.public()):
		return errors.New("the key isn't known")
	case !ed25519.Verify(by.Key, message, by.Signature):
		return errors.New("the signature is wrong")
	}
	return nil
}

// export returns an organisation's exported log and its head.
func (f *fixture) export(org string) (string, control.SignedHead) {
	f.t.Helper()
	var out bytes.Buffer
	head, err := f.ExportAudit(f.t.Context(), operator, org, &out)
	if err != nil {
		f.t.Fatal(err)
	}
	return out.String(), head
}

// R-PV-2: what was done is recorded in its transaction, by organisation.
func TestAudit(t *testing.T) {
	f := newFixture(t)
	org, other := f.found("Ours"), f.found("Theirs")
	ana := staff(org)
	made, err := f.CreateUnit(t.Context(), ana, org, control.UnitSpec{Name: "Unit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	unit := made.Unit
	if _, err := f.CreateUnit(t.Context(), ana, org, control.UnitSpec{Name: "unit"}, nil); err == nil {
		t.Fatal("a name twice")
	}
	f.now = f.now.Add(time.Hour)
	area := f.area(unit, "Area")
	if _, err := f.SuspendArea(t.Context(), ana, area.ID, "Ill"); err != nil {
		t.Fatal(err)
	}
	f.restart()
	read := func(filter control.AuditFilter, limit int) []string {
		t.Helper()
		var actions []string
		q := control.Query{Limit: limit}
		for {
			page, err := f.Audit(t.Context(), ana, org, filter, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Items {
				actions = append(actions, string(r.Action))
			}
			if q.After = page.Next; q.After == "" {
				return actions
			}
		}
	}
	all := []string{"area.suspend", "area.create", "unit.create", "organisation.create"}
	for _, row := range []struct {
		name   string
		filter control.AuditFilter
		want   []string
	}{
		{"all, the newest first", control.AuditFilter{}, all},
		{"of a unit", control.AuditFilter{UnitID: unit.ID}, all[:3]},
		{"of an action", control.AuditFilter{Action: "area.create"}, all[1:2]},
		{"of a thing's", control.AuditFilter{Action: "area."}, all[:2]},
		{"by somebody", control.AuditFilter{ActorID: ana.ID}, []string{all[0], all[2]}},
		{"of a subject", control.AuditFilter{SubjectID: area.ID}, all[:2]},
		{"from a time on", control.AuditFilter{From: f.now}, all[:2]},
		{"before a time", control.AuditFilter{To: f.now}, all[2:]},
		{"none", control.AuditFilter{Action: "area"}, nil},
	} {
		for limit := range 5 {
			if got := read(row.filter, limit); !slices.Equal(got, row.want) {
				t.Errorf("%s: %v, want %v", row.name, got, row.want)
			}
		}
	}
	page, err := f.Audit(t.Context(), ana, org, control.AuditFilter{}, control.Query{Limit: 1})
	if err != nil || page.Items[0].Actor != ana || page.Items[0].Subject.ID != area.ID || !page.Items[0].At.Equal(f.now) {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := f.Audit(t.Context(), ana, other, control.AuditFilter{}, control.Query{}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation's log (R-T-4): %v", err)
	}
	var field *control.FieldError
	if _, err := f.Audit(t.Context(), ana, org, control.AuditFilter{}, control.Query{After: "x"}); !errors.As(err, &field) {
		t.Errorf("a cursor of nobody's: %v", err)
	}
}

// R-PV-2: signing in, well or not, is recorded, with no name in it; and what an
// embedding app does.
func TestAuditOfSignIn(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	account, _ := f.member(control.SystemAdmin, organisationScope(c.OrganisationID), "ana@example.org")
	if err := f.SignInFailed(t.Context(), account.ID, "password"); err != nil {
		t.Fatal(err)
	}
	stored := false
	if err := f.SignedIn(t.Context(), account.ID, "password", func(store.Tx) error { stored = true; return nil }); err != nil || !stored {
		t.Fatal(err, stored)
	}
	if err := f.DeleteRoom(t.Context(), c, f.room(c, control.Plain).ID); err != nil {
		t.Fatal(err)
	}
	text, _ := f.export(c.OrganisationID)
	want := []string{"organisation.create", "grant.create", "invitation.create", "account.sign_in",
		"account.sign_in_failed", "account.sign_in", "room.create", "room.delete", "audit.export"}
	var got []string
	for line := range strings.Lines(text) {
		var l struct{ Record *control.AuditRecord }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Record != nil {
			got = append(got, string(l.Record.Action))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	for _, canary := range []string{"ana@", "Ana"} {
		if strings.Contains(text, canary) {
			t.Errorf("%q stands in the audit log", canary)
		}
	}
}

// R-PV-2: concurrent transactions make one chain without gaps.
func TestAuditConcurrent(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if _, err := f.CreateUnit(t.Context(), operator, org, control.UnitSpec{Name: fmt.Sprint("Unit ", i)}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	head, err := f.CheckAudit(t.Context(), org, f.signer.check)
	if err != nil || head.Seq != 41 {
		t.Errorf("head %+v, %v", head, err)
	}
}

// R-PV-2: an export is verified, and shows every tampering: with a line,
// their order, their number, the head.
func TestVerifyAudit(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	for i := range 5 {
		f.unit(org, fmt.Sprint("Unit ", i))
	}
	older, olderHead := f.export(org)
	f.unit(org, "Last")
	text, head := f.export(org)
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1]
	n := len(lines)
	with := func(i int, s string) string {
		changed := slices.Clone(lines)
		changed[i] = s
		return strings.Join(changed, "")
	}
	foreign := f.found("Theirs")
	for i := range 7 {
		f.unit(foreign, fmt.Sprint("Unit ", i))
	}
	theirs, _ := f.export(foreign)
	forged := func() string { // somebody else's key
		h := head
		message, err := json.Marshal(h.AuditHead)
		if err != nil {
			t.Fatal(err)
		}
		h.HeadSignature = newSigner(9).Sign(message)
		data, err := json.Marshal(map[string]any{"head": h})
		if err != nil {
			t.Fatal(err)
		}
		return with(n-1, string(data)+"\n")
	}
	for _, row := range []struct {
		name  string
		text  string
		known []control.SignedHead
		good  bool
	}{
		{"as it was written", text, nil, true},
		{"with its own head", text, []control.SignedHead{head}, true},
		{"with an older head", text, []control.SignedHead{olderHead}, true},
		{"an older export", older, nil, true},
		{"an older export against the newer head", older, []control.SignedHead{head}, false},
		{"another organisation's, against ours", theirs, []control.SignedHead{head}, false},
		{"a word altered", strings.Replace(text, "Unit 2", "Unit 9", 1), nil, false},
		{"an actor altered", strings.Replace(text, `"kind":"operator"`, `"kind":"system"`, 1), nil, false},
		{"a field added", with(1, strings.Replace(lines[1], `"seq":2`, `"seq":2,"note":"x"`, 1)), nil, false},
		{"a field twice", with(1, strings.Replace(lines[1], `"seq":2`, `"seq":9,"seq":2`, 1)), nil, false},
		{"a field in other letters", with(1, strings.Replace(lines[1], `"seq":2`, `"SEQ":2`, 1)), nil, false},
		{"a space", with(1, " "+lines[1]), nil, false},
		{"a line cut out", strings.Join(slices.Delete(slices.Clone(lines), 2, 3), ""), nil, false},
		{"the first line cut out", strings.Join(lines[1:], ""), nil, false},
		{"the last record cut off", strings.Join(slices.Delete(slices.Clone(lines), n-2, n-1), ""), nil, false},
		{"the head cut off", strings.Join(lines[:n-1], ""), nil, false},
		{"cut within a line", text[:len(text)-20], nil, false},
		{"two lines swapped", strings.Join(append(append(slices.Clone(lines[:2]), lines[3], lines[2]), lines[4:]...), ""), nil, false},
		{"a line twice", strings.Join(slices.Insert(slices.Clone(lines), 2, lines[2]), ""), nil, false},
		{"something after the head", text + lines[0], nil, false},
		{"the head of an older export", with(n-1, older[strings.LastIndex(older[:len(older)-1], "\n")+1:]), nil, false},
		{"another key's head", forged(), nil, false},
		{"nothing", "", nil, false},
		{"something else", "{}\n", nil, false},
	} {
		got, err := control.VerifyAudit(strings.NewReader(row.text), f.signer.check, row.known...)
		if row.good != (err == nil) || err != nil && !errors.Is(err, control.ErrAudit) {
			t.Errorf("%s: %v", row.name, err)
		}
		if row.name == "as it was written" && (got.Seq != head.Seq || !bytes.Equal(got.Hash, head.Hash)) {
			t.Errorf("head %+v, want %+v", got, head)
		}
	}
	unsigned := head
	unsigned.Seq++
	if _, err := control.VerifyAudit(strings.NewReader(text), f.signer.check, unsigned); !errors.Is(err, control.ErrAudit) {
		t.Errorf("a known head that nobody signed: %v", err)
	}
}

// R-PV-2: no altered byte of an export goes unnoticed.
func TestAuditTampering(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	f.unit(org, "Unit")
	text, _ := f.export(org)
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(text)
		switch at := rapid.IntRange(0, len(data)-2).Draw(rt, "at"); rapid.IntRange(0, 2).Draw(rt, "how") {
		case 0:
			data[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		case 1:
			data = slices.Delete(data, at, min(at+rapid.IntRange(1, 300).Draw(rt, "length"), len(data)-1))
		case 2:
			data = slices.Insert(data, at, byte(rapid.IntRange(0, 255).Draw(rt, "byte")))
		}
		if bytes.Equal(data, []byte(text)) {
			return
		}
		// A carriage return at the end of a line is the one thing that says nothing.
		if bytes.Equal(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte(text)) {
			return
		}
		if _, err := control.VerifyAudit(bytes.NewReader(data), f.signer.check); !errors.Is(err, control.ErrAudit) {
			rt.Fatalf("an altered log: %v", err)
		}
	})
}

// R-PV-2: tampering with the stored log is noticed too, and cutting off its end
// by a head that was exported before.
func TestCheckAudit(t *testing.T) {
	for _, row := range []struct {
		name   string
		tamper func(tx store.Tx, key func(seq uint64) string, head string) error
		good   bool
	}{
		{"as it is", func(store.Tx, func(uint64) string, string) error { return nil }, true},
		{"a record altered", func(tx store.Tx, key func(uint64) string, _ string) error {
			data, err := tx.Get(key(3))
			if err != nil {
				return err
			}
			return tx.Put(key(3), bytes.Replace(data, []byte("Unit"), []byte("Else"), 1))
		}, false},
		{"a record gone", func(tx store.Tx, key func(uint64) string, _ string) error { return tx.Delete(key(3)) }, false},
		{"two swapped", func(tx store.Tx, key func(uint64) string, _ string) error {
			a, err := tx.Get(key(2))
			b, err2 := tx.Get(key(3))
			return errors.Join(err, err2, tx.Put(key(2), b), tx.Put(key(3), a))
		}, false},
		{"the last one cut off", func(tx store.Tx, key func(uint64) string, _ string) error { return tx.Delete(key(4)) }, false},
		{"the end cut off and the head set back", func(tx store.Tx, key func(uint64) string, head string) error {
			data, err := tx.Get(key(3))
			if err != nil {
				return err
			}
			var r control.AuditRecord
			if err := json.Unmarshal(data, &r); err != nil {
				return err
			}
			back, err := json.Marshal(control.AuditHead{OrganisationID: r.OrganisationID, Seq: r.Seq, At: r.At, Hash: r.Hash})
			return errors.Join(err, tx.Put(head, back), tx.Delete(key(4)))
		}, false},
		{"all of it gone", func(tx store.Tx, key func(uint64) string, head string) error {
			return errors.Join(tx.Delete(key(1)), tx.Delete(key(2)), tx.Delete(key(3)), tx.Delete(key(4)), tx.Delete(head))
		}, false},
	} {
		f := newFixture(t)
		org := f.found("Ours")
		for i := range 3 {
			f.unit(org, fmt.Sprint("Unit ", i))
		}
		known, err := f.AuditHead(t.Context(), operator, org)
		if err != nil || known.Seq != 4 {
			t.Fatalf("head %+v, %v", known, err)
		}
		key := func(seq uint64) string { return fmt.Sprintf("audit/%s/%020d", org, seq) }
		if err := f.store.Update(t.Context(), func(tx store.Tx) error { return row.tamper(tx, key, "audit_head/"+org) }); err != nil {
			t.Fatal(err)
		}
		if _, err := f.CheckAudit(t.Context(), org, f.signer.check, known); row.good != (err == nil) || err != nil && !errors.Is(err, control.ErrAudit) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// An exported log may be anything (SE-10).
func FuzzVerifyAudit(f *testing.F) {
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"record":{"seq":1,"at":"2026-03-01T12:00:00Z","organisation_id":"x","actor":{"kind":"operator"},` +
		`"action":"unit.create","subject":{"kind":"unit","id":"y"},"prev":null,"hash":null}}` + "\n"))
	f.Add([]byte(`{"head":{"organisation_id":"x","seq":0,"at":"0001-01-01T00:00:00Z","hash":null,"key_id":"","key":null,"signature":null}}`))
	s := newSigner(1)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := control.VerifyAudit(bytes.NewReader(data), s.check); err == nil {
			t.Error("a log that nobody signed is good")
		}
	})
}
