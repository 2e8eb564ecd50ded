package endtoend

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/control/api/client"
)

// TestCanary: a running atrium writes nothing of what guests type, of where
// links are sent and of where guests come from: not into its data folder, a
// backup, its log at level debug, its metrics or its audit log, while guests of
// every kind are there and when they have gone (R-PV-1, SE-19). The whole
// minute after the end is for the long suite, and for the server's own
// TestCanary with a clock of its own.
func TestCanary(t *testing.T) {
	metrics := "127.0.0.1:" + freePort(t)
	k := &killable{t: t, dir: t.TempDir(), port: freePort(t), args: []string{
		"--log-level", "debug", "--metrics-address", metrics, "--notify-private-targets", "--http-base-url", "https://calls.example.org",
	}}
	k.start()
	defer func() { k.kill() }()
	const from = "127.0.0.77"
	story := testkit.NewStory(t, k.url(), from, k.operator())
	canaries := append(testkit.Canary(), from)
	silent := func(when string) {
		t.Helper()
		backup := filepath.Join(t.TempDir(), "backup.db")
		out, err := exec.Command(filepath.Join(binaries, "atrium"), "backup", "--out", backup, "--data-dir", k.dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, counted := testkit.Get(t, "http://"+metrics+"/metrics")
		var audit bytes.Buffer
		if err := story.App.ExportAudit(t.Context(), &audit); err != nil {
			t.Fatal(err)
		}
		texts := map[string][]byte{
			"the log": []byte(k.logs.String()), "the metrics": []byte(counted), "the audit log": audit.Bytes(),
			"the webhooks": []byte(story.Heard.String()), "what backup printed": out,
		}
		for _, dir := range []string{k.dir, filepath.Dir(backup)} {
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if !f.Type().IsRegular() {
					continue
				}
				if texts[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
					t.Fatal(err)
				}
			}
		}
		for what, text := range texts {
			if found := canaries.In(text); len(found) != 0 || len(text) == 0 {
				t.Errorf("%s: %s (%d bytes) holds %q", when, what, len(text), found)
			}
		}
	}
	story.Begin()
	silent("while guests are there")
	story.End()
	silent("when they have gone")
	if waitsForErasure {
		began := time.Now()
		for _, id := range story.Visits() {
			k.erased(story.App, id, began.Add(time.Minute))
		}
		t.Logf("erased %v after the end", time.Since(began).Round(time.Second))
		silent("when they are forgotten")
	}
}

// operator makes requests by the server's socket, as the operator.
func (k *killable) operator() *client.Client {
	k.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(k.dir, "admin.sock"))
	}}
	k.t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New("http://atrium", "", &http.Client{Transport: transport, Timeout: patience})
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// erased waits until nothing of a visit can be read any more.
func (k *killable) erased(c *client.Client, visitID string, until time.Time) {
	k.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := c.Visit(k.t.Context(), visitID)
		if err != nil {
			k.t.Fatal(err)
		}
		if len(v.Fields) == 0 && len(v.Messages) == 0 {
			return
		}
		if time.Now().After(until) {
			k.t.Errorf("visit %s: %v, %v a minute after its end", visitID, v.Fields, v.Messages)
			return
		}
		<-tick.C
	}
}
