//go:build long

package endtoend

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The long suite: what takes minutes. `make test-long` runs it.

// debugBuild builds the server with the tag srtpcheck: it ends the participant
// for whom a nonce would be used twice, and its streams wrap soon.
var debugBuild = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(binaries, "atrium-srtpcheck")
	out, err := exec.Command("go", "build", "-tags", "srtpcheck", "-o", binary, "../../atrium").CombinedOutput()
	if err != nil {
		println(string(out))
	}
	return binary, err
})

// startDebug runs the debug build of atrium dev, and says where its media ports
// are.
func startDebug(t *testing.T, args ...string) (s *server, udpPort, tcpPort int) {
	t.Helper()
	binary, err := debugBuild()
	if err != nil {
		t.Fatal(err)
	}
	udpPort, tcpPort, own := ownPorts(t)
	return startBinary(t, binary, append(own, args...)...), udpPort, tcpPort
}

// ownPorts are arguments that keep a server out of the way of others. TURN
// would be one more way to the media port, around what a test does to the first.
func ownPorts(t *testing.T) (udpPort, tcpPort int, args []string) {
	t.Helper()
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	udpPort, tcpPort = u.LocalAddr().(*net.UDPAddr).Port, l.Addr().(*net.TCPAddr).Port
	return udpPort, tcpPort, []string{
		"--http-port", "0", "--https-port", "0", "--metrics-address", "127.0.0.1:0", "--turn-enabled=false",
		"--media-udp-port", strconv.Itoa(udpPort), "--media-tcp-port", strconv.Itoa(tcpPort),
	}
}

// metrics are the server's, by name with labels.
func (s *server) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.AdminURL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	values := map[string]float64{}
	scan := bufio.NewScanner(res.Body)
	for scan.Scan() {
		at := strings.LastIndexByte(scan.Text(), ' ')
		if at < 0 || scan.Text()[0] == '#' {
			continue
		}
		if v, err := strconv.ParseFloat(scan.Text()[at+1:], 64); err == nil {
			values[scan.Text()[:at]] = v
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

// setDuration and setCount are what a run is to be, or what the environment
// makes of it to try the test out.
func setDuration(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v; write a duration such as 90s", name, err)
	}
	return d
}

func setCount(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v; write a number", name, err)
	}
	return n
}
