package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// process is a command line that runs until it is told to end.
type process struct {
	t        *testing.T
	signals  chan os.Signal
	out, log *testkit.Buffer
	exit     chan int
}

// launch starts a command line and ends it with the test.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, signals: make(chan os.Signal, 4), out: &testkit.Buffer{}, log: &testkit.Buffer{}, exit: make(chan int, 1)}
	a := app{out: p.out, err: p.log, signals: p.signals}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.exit <- a.run(args)
	}()
	t.Cleanup(func() {
		select {
		case <-done:
		default:
			p.signals <- syscall.SIGTERM
			p.signals <- syscall.SIGTERM
			<-done
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return p
}

// wait returns the exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case code := <-p.exit:
		return code
	case <-time.After(testkit.Patience):
		p.t.Fatalf("it doesn't end:\n%s", p.log)
		return -1
	}
}

func (p *process) waitLog(part string) {
	p.t.Helper()
	p.until("the log says "+part, func() bool { return strings.Contains(p.log.String(), part) })
}

// until waits for a condition that no event tells of.
func (p *process) until(what string, holds func() bool) {
	p.t.Helper()
	testkit.Until(p.t, what, holds, func() string { return p.out.String() + p.log.String() })
}

// launchDev starts a development server on any ports and waits for its ready
// file.
func launchDev(t *testing.T, more ...string) (*process, string, links) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := launch(t, append([]string{"dev", "--http-port=0", "--https-port=0", "--metrics-address=127.0.0.1:0",
		"--media-address=127.0.0.1", "--media-udp-port=0", "--media-tcp-port=0", "--turn-address=127.0.0.1", "--turn-port=0", "--ready-file=" + ready}, more...)...)
	var l links
	p.until("the ready file", func() bool {
		content, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(content, &l) == nil // whole from the first
	})
	return p, ready, l
}

// TestDev: it serves what the ready file says, prints both links, and leaves
// nothing behind.
func TestDev(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p, ready, l := launchDev(t)
	content, err := os.ReadFile(ready)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(content, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"url", "admin_url", "admin_socket", "operator_key", "api_key", "organisation", "unit", "area",
		"room_url", "area_link", "meeting_link", "staff_link"} {
		if fields[name] == "" {
			t.Errorf("the ready file has no %s", name)
		}
		delete(fields, name)
	}
	if len(fields) != 0 {
		t.Errorf("the ready file has more: %d", len(fields))
	}
	if info, err := os.Stat(ready); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file with an API key must be 0600: %v, %v", info.Mode(), err)
	}
	if !regexp.MustCompile(`^http://localhost:\d+$`).MatchString(l.URL) ||
		!strings.HasPrefix(l.RoomURL, l.URL+"/r#") || !strings.HasPrefix(l.AreaLink, l.URL+"/e#") ||
		!strings.HasPrefix(l.MeetingLink, l.URL+"/e#") || !strings.HasPrefix(l.StaffLink, l.URL+"/i#") || !strings.HasPrefix(l.Admin, "http://127.0.0.1:") {
		t.Errorf("%+v", l)
	}
	if status, body := testkit.Get(t, l.RoomURL); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("the room's page: %d", status)
	}
	if status, _ := testkit.Get(t, l.Admin+"/readyz"); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	c, err := api.New(l.URL, l.APIKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rooms, _, err := c.ListRooms(t.Context(), "", 0); err != nil || len(rooms) != 1 || rooms[0].Link != l.RoomURL {
		t.Errorf("the demo room: %+v, %v", rooms, err)
	}
	if _, err := c.Entry(t.Context(), l.RoomURL, "Ann"); err != nil {
		t.Errorf("entering by the link: %v", err)
	}
	network := regexp.MustCompile(`https://\S+/r#\S+`).FindString(p.out.String())
	if !strings.Contains(p.out.String(), l.RoomURL) || network == "" {
		t.Fatalf("not both links in:\n%s", p.out)
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer insecure.CloseIdleConnections()
	port := regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(network)
	if response, err := insecure.Get("https://localhost:" + port[1] + "/r"); err != nil || response.StatusCode != 200 {
		t.Errorf("the page over HTTPS: %v, %v", response, err)
	} else {
		_ = response.Body.Close()
	}
	secret := l.RoomURL[strings.IndexByte(l.RoomURL, '#')+1:]
	if log := p.log.String(); strings.Contains(log, secret) || strings.Contains(log, l.APIKey) {
		t.Errorf("a secret in the log:\n%s", log)
	}
	p.signals <- syscall.SIGTERM
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log)
	}
	if _, err := os.Stat(ready); !os.IsNotExist(err) {
		t.Errorf("the ready file is still there: %v", err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != len(ownFolders(left, ready)) {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// ownFolders are the entries of the temporary folder that the test itself made.
func ownFolders(entries []os.DirEntry, ready string) []os.DirEntry {
	var own []os.DirEntry
	for _, e := range entries {
		if strings.Contains(ready, "/"+e.Name()+"/") {
			own = append(own, e)
		}
	}
	return own
}

// TestDevKeepsDataWhereAsked: --data-dir makes the demo room outlive a stop.
func TestDevKeepsDataWhereAsked(t *testing.T) {
	dir := t.TempDir()
	secret := func() string {
		p, _, l := launchDev(t, "--data-dir="+dir)
		p.signals <- os.Interrupt
		if code := p.wait(); code != 0 {
			t.Errorf("exit %d\n%s", code, p.log)
		}
		_, s, _ := strings.Cut(l.RoomURL, "#")
		return s
	}
	if first, second := secret(), secret(); first == "" || first != second {
		t.Errorf("links %q, %q", first, second)
	}
}

// joinDemo sits down in the demo room without a transport.
func joinDemo(t *testing.T, l links) *websocket.Conn {
	t.Helper()
	c, err := api.New(l.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	admission, err := c.Entry(t.Context(), l.RoomURL, "Ann")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, l.URL+message.Path, &websocket.DialOptions{Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() }) // may be closed already
	join, err := json.Marshal(map[string]string{"type": "join", "token": admission.Token.Token})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, join); err != nil {
		t.Fatal(err)
	}
	expect(t, conn, "welcome")
	return conn
}

// expect reads until a message of the type comes; after a bye it goes on to the
// end of the connection, as clients do: the server waits for that.
func expect(t *testing.T, conn *websocket.Conn, kind string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		var m struct{ Type string }
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type != kind {
			continue
		}
		if kind == "bye" {
			if _, data, err := conn.Read(ctx); err == nil {
				t.Errorf("after the bye: %s", data)
			}
		}
		return
	}
}

// TestSecondSignalForces: the first drains and waits for who is there, the
// second doesn't wait (SE-17).
func TestSecondSignalForces(t *testing.T) {
	p, _, l := launchDev(t, "--drain-timeout=1h")
	conn := joinDemo(t, l)
	p.signals <- syscall.SIGTERM
	expect(t, conn, "notice")
	if status, _ := testkit.Get(t, l.Admin+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz %d while draining", status)
	}
	select {
	case code := <-p.exit:
		t.Fatalf("ended with %d while somebody is connected", code)
	default:
	}
	p.signals <- syscall.SIGTERM
	expect(t, conn, "bye")
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log)
	}
}

// TestDrainTimeout: the calls have their time and no more.
func TestDrainTimeout(t *testing.T) {
	p, _, l := launchDev(t, "--drain-timeout=50ms")
	conn := joinDemo(t, l)
	p.signals <- syscall.SIGTERM
	expect(t, conn, "bye")
	if code := p.wait(); code != 0 || !strings.Contains(p.log.String(), "time to drain is over") {
		t.Errorf("exit %d\n%s", code, p.log)
	}
}

// TestHangUp: SIGHUP reads the log level again, and keeps the old one when the
// file has become bad.
func TestHangUp(t *testing.T) {
	file := writeFile(t, "a.yaml", "log:\n  level: info\n  format: json\n")
	p := launch(t, "serve", "--config="+file, "--http-address=", "--http-plain-address=127.0.0.1:0", "--metrics-address=",
		"--media-address=127.0.0.1", "--media-udp-port=0", "--media-tcp-port=0", "--turn-address=127.0.0.1", "--turn-port=0", "--data-dir="+t.TempDir())
	p.waitLog("serving")
	if err := os.WriteFile(file, []byte("log:\n  level: loud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signals <- syscall.SIGHUP
	p.waitLog("was not reloaded")
	if err := os.WriteFile(file, []byte("log:\n  level: error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := len(p.log.String())
	p.signals <- syscall.SIGHUP
	p.signals <- syscall.SIGTERM
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d\n%s", code, p.log)
	}
	if rest := p.log.String()[before:]; strings.Contains(rest, "draining") {
		t.Errorf("level info still after SIGHUP asked for error:\n%s", rest)
	}
}
