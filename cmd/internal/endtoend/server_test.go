package endtoend

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
)

// patience is how long a test waits for what the server does in a second.
const patience = 30 * time.Second

// binaries is where TestMain built the commands.
var binaries string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "atrium-endtoend")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("go", "build", "-o", dir, "../../atrium").CombinedOutput()
	if err != nil {
		println(string(out))
		return 1
	}
	binaries = dir
	return m.Run()
}

// server is a running atrium dev.
type server struct {
	URL      string `json:"url"`
	AdminURL string `json:"admin_url"`
	APIKey   string `json:"api_key"`
	RoomURL  string `json:"room_url"`
	// Secure is the link for the network, by way of this computer.
	Secure string
	// ready is the file that all this was read from.
	ready string

	cmd  *exec.Cmd
	logs *testkit.Buffer
	done chan struct{}
}

// startServer runs atrium dev on loopback until the test ends, when it must
// end cleanly.
func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	return startBinary(t, filepath.Join(binaries, "atrium"), args...)
}

// startBinary is startServer for another build of it.
func startBinary(t *testing.T, binary string, args ...string) *server {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	s := &server{ready: ready, logs: &testkit.Buffer{}, done: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"dev", "--ready-file", ready}, args...)...)
	// What is meant for these tests is no setting of the server's.
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "ATRIUM_LONG") })
	s.cmd.Env = append(own, "ATRIUM_MEDIA_ADDRESS=127.0.0.1", "ATRIUM_TURN_ADDRESS=127.0.0.1")
	s.cmd.Stdout, s.cmd.Stderr = s.logs, s.logs
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var exit error
	go func() { exit = s.cmd.Wait(); close(s.done) }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.done:
			if exit != nil {
				t.Errorf("atrium dev: %v\n%s", exit, s.logs)
			}
		case <-time.After(patience):
			_ = s.cmd.Process.Kill()
			t.Errorf("atrium dev did not end within %s of SIGTERM\n%s", patience, s.logs)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", s.logs)
		}
	})
	s.waitReady(t, ready)
	return s
}

// waitReady reads the ready file, which appears once the server serves.
func (s *server) waitReady(t *testing.T, path string) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		b, err := os.ReadFile(path)
		if err == nil {
			if err := json.Unmarshal(b, s); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			s.findLinks(t)
			return
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		select {
		case <-ticker.C:
		case <-s.done:
			t.Fatalf("atrium dev ended\n%s", s.logs)
		case <-deadline:
			t.Fatalf("atrium dev is not ready\n%s", s.logs)
		}
	}
}

var link = regexp.MustCompile(`https?://\S+/r#\S+`)

// findLinks takes the two links out of what the server printed. The one for
// the network is used through loopback: tests send nothing elsewhere.
func (s *server) findLinks(t *testing.T) {
	t.Helper()
	var links []string
	scan := bufio.NewScanner(strings.NewReader(s.logs.String()))
	for scan.Scan() {
		links = append(links, link.FindAllString(scan.Text(), -1)...)
	}
	if len(links) < 1 || links[0] != s.RoomURL {
		t.Fatalf("printed links %q; the first is to be %s", links, s.RoomURL)
	}
	if len(links) < 2 {
		return // a computer without a network
	}
	u, err := url.Parse(links[1])
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:" + u.Port()
	s.Secure = u.String()
}
