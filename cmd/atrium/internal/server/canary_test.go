package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/store"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// guestAddress is where the guests of TestCanary come from.
const guestAddress = "127.0.0.77"

// TestCanary: what guests type, where links are sent and where guests come from
// stands nowhere in the open, at any time: not in the data folder, in a backup,
// in the log at level debug, in metrics, in what webhooks are told. And 60 s
// after the end nobody can open it, who has every copy of the data file and
// today's key files (R-PV-1, SE-19).
func TestCanary(t *testing.T) {
	written := &testkit.Buffer{}
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	now := &clock{}
	cfg := testConfig(t)
	cfg.HTTP.BaseURL = "https://calls.example.org"
	cfg.Notify.PrivateTargets = true
	s := start(t, Options{Config: cfg, Logger: logs.New(written, "json", level), Now: now.now, Clock: now})
	operator, err := api.New("http://atrium", "", AdminClient(s.AdminSocket()))
	if err != nil {
		t.Fatal(err)
	}
	story := testkit.NewStory(t, urlOf(s), guestAddress, operator)
	story.Begin()
	seats := []*client.Client{
		sit(t, s, guestAddress, story.Waiting.Token), sit(t, s, guestAddress, story.Seen.Token),
		sit(t, s, guestAddress, story.Meeting.Token), sit(t, s, "127.0.0.78", story.Seats[0]),
	}
	in(t, seats[1], story.Admitted.Call.ID, 2)
	before := t.TempDir()
	snapshot(t, cfg, before)
	live := story.Live()
	opens(t, before, before, live, true) // or what follows would prove nothing

	story.End()
	for _, seat := range seats {
		<-seat.Done()
	}
	forgotten(t, s, now)
	after := t.TempDir()
	snapshot(t, cfg, after)
	opens(t, before, after, live, false)
	opens(t, after, after, live, false)
	canaries := append(testkit.Canary(), guestAddress)
	for _, dir := range []string{before, after, cfg.Data.Dir} {
		nowhere(t, dir, canaries)
	}
	_, metrics := testkit.Get(t, s.MetricsURL()+"/metrics")
	for what, text := range map[string]string{"the log": written.String(), "the metrics": metrics, "the webhooks": story.Heard.String()} {
		if found := canaries.In([]byte(text)); len(found) != 0 || len(text) == 0 {
			t.Errorf("%s (%d bytes) hold %q\n%s", what, len(text), found, lineOf(text, canaries))
		}
	}
	for _, want := range []string{"visit.arrived", "visit.ended", "call.started", "consult_now.revoked"} {
		if !strings.Contains(story.Heard.String(), `"`+want+`"`) {
			t.Errorf("the webhook didn't hear %s", want)
		}
	}
	s.structure(t, canaries)
}

// sit connects to a seat from a local address.
func sit(t *testing.T, s *Server, from string, token api.Token) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{
		URL: urlOf(s), Token: token.Token, ICETransportPolicy: webrtc.ICETransportPolicyAll,
		HTTPClient: httpFrom(t, from, nil), UDPMux: muxOn(t, from),
		Publish: []client.Publication{{Source: message.SourceMicrophone, Audio: speech()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may have ended already
	return c
}

// snapshot keeps what an intruder could have copied: a backup, and the data
// folder as it is.
func snapshot(t *testing.T, cfg configs.Config, dir string) {
	t.Helper()
	if _, err := Backup(t.Context(), cfg, filepath.Join(dir, dataFile)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{keyFile, vaultFile, operatorFile} {
		data, err := os.ReadFile(filepath.Join(cfg.Data.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(DataPath(cfg))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "raw"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// opens says whether what guests typed can be opened by the data of one folder
// with the key files of another.
func opens(t *testing.T, data, keys string, visits []api.Visit, want bool) {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{dataFile: data, keyFile: keys, vaultFile: keys} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := openData(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := control.New(control.Options{
		Store: folder.store, Media: noCalls{}, Secrets: folder.keys, Vault: vault{folder.vault}, Outbox: outbox{folder.outbox},
	})
	if err != nil {
		t.Fatal(errors.Join(err, folder.Close()))
	}
	if err := folder.vault.Keep(func(uint32) bool { return true }); err != nil { // as an intruder would
		t.Fatal(err)
	}
	for _, v := range visits {
		got, err := rules.Visit(t.Context(), control.System(), v.ID)
		if err != nil {
			t.Errorf("a visit of kind %s: %v", v.Kind, err)
		}
		if is := len(got.Details) > 0; is != want {
			t.Errorf("what the guest of kind %s typed is opened: %t, want %t", v.Kind, is, want)
		}
	}
	if err := folder.Close(); err != nil {
		t.Error(err)
	}
}

// forgotten moves the clock by a minute and waits until no key is in use that
// opens something of a guest's.
func forgotten(t *testing.T, s *Server, c *clock) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	watcher, err := s.data.store.Watch(ctx, "sealed_key/")
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	c.move(time.Minute)
	for {
		keys := 0
		err := s.data.store.View(ctx, func(tx store.Tx) error {
			keys = 0
			return tx.Range("sealed_key/", "", func(string, []byte) error { keys++; return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		if keys == 0 {
			return
		}
		if _, err := watcher.Next(ctx); err != nil {
			t.Fatalf("%d keys are in use a minute after the end: %v", keys, err)
		}
	}
}

// nowhere fails when a canary stands in a file.
func nowhere(t *testing.T, dir string, canaries testkit.Canaries) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if found := canaries.In(data); len(found) != 0 {
			t.Errorf("%s holds %q", d.Name(), found)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

// structure looks into every record, and into what is base64 in its JSON.
func (s *Server) structure(t *testing.T, canaries testkit.Canaries) {
	t.Helper()
	records := 0
	err := s.data.store.View(t.Context(), func(tx store.Tx) error {
		return tx.Range("", "", func(key string, value []byte) error {
			records++
			for _, data := range append(inside(value), []byte(key)) {
				if found := canaries.In(data); len(found) != 0 {
					t.Errorf("the record %s holds %q", key, found)
				}
			}
			return nil
		})
	})
	if err != nil || records == 0 {
		t.Errorf("%d records, %v", records, err)
	}
}

// inside is a value, and what the base64 in its JSON holds.
func inside(value []byte) [][]byte {
	list := [][]byte{value}
	var decoded any
	if json.Unmarshal(value, &decoded) != nil {
		return list
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, in := range v {
				walk(in)
			}
		case []any:
			for _, in := range v {
				walk(in)
			}
		case string:
			var raw []byte
			if quoted, err := json.Marshal(v); err == nil && json.Unmarshal(quoted, &raw) == nil && len(raw) > 0 {
				list = append(list, inside(raw)...)
			}
		}
	}
	walk(decoded)
	return list
}

// lineOf is the first line of a text with a canary.
func lineOf(text string, canaries testkit.Canaries) string {
	for line := range strings.Lines(text) {
		if len(canaries.In([]byte(line))) > 0 {
			return line
		}
	}
	return ""
}
