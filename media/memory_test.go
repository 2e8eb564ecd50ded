package media

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// memoryClients makes the test binary the clients of TestMemory, in a process
// of their own: a line of JSON for each offer and answer.
const memoryClients = "ATRIUM_MEMORY_CLIENTS"

func TestMemoryClients(t *testing.T) {
	pool, ok := map[string]Pool{"small": SmallPool(), "group": GroupPool()}[os.Getenv(memoryClients)]
	if !ok {
		return // not a test
	}
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		p := &testPeer{Participant: &Participant{pool: pool}, t: t}
		p.build()
		t.Cleanup(func() { _ = p.pc.Close() })
		must(t, out.Encode(p.offer()))
		var answer string
		if in.Decode(&answer) != nil {
			return
		}
		must(t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	}
}

// PF-7: what a participant costs who is connected and publishes nothing: memory
// and goroutines.
func TestMemory(t *testing.T) {
	n := 10
	if long() {
		n = 50
	}
	rows := []struct {
		pool  string
		shape Pool
		limit int // bytes
	}{{"small", SmallPool(), 300_000}, {"group", GroupPool(), 300_000}} // the goal is 800 kB; an m-line more costs next to nothing
	for _, row := range rows {
		t.Run(row.pool, func(t *testing.T) { checkMemory(t, row.pool, row.shape, n, row.limit) })
	}
}

func checkMemory(t *testing.T, pool string, shape Pool, n, limit int) {
	t.Helper()
	if !long() {
		limit *= 2 // a few tell little, and the race detector has its share
	}
	e := newTestEngine(t)
	clients := exec.Command(os.Args[0], "-test.run=^TestMemoryClients$", "-test.timeout=2m")
	clients.Env = append(os.Environ(), memoryClients+"="+pool)
	stdin, err := clients.StdinPipe()
	must(t, err)
	stdout, err := clients.StdoutPipe()
	must(t, err)
	must(t, clients.Start())
	t.Cleanup(func() { _ = stdin.Close(); _ = clients.Wait() })
	in, out := json.NewDecoder(stdout), json.NewEncoder(stdin)
	r := openRoom(t, e, "r", 100)
	join := func(id string) {
		p, err := e.AddParticipant(ParticipantOptions{ID: id, Pool: shape})
		must(t, err)
		var offer string
		must(t, in.Decode(&offer))
		answer, err := p.Offer(context.Background(), offer)
		must(t, err)
		must(t, out.Encode(answer))
		must(t, e.Move(context.Background(), p, r))
	}
	connected := func(n int) {
		for deadline := time.Now().Add(patience); e.Snapshot().Connected < n; time.Sleep(10 * time.Millisecond) { // polls pion
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d are connected", e.Snapshot().Connected, n)
			}
		}
	}
	join("first") // pools and tables that all share
	connected(1)
	before, goroutines, resident := inUse(), runtime.NumGoroutine(), rss(t)
	for i := range n {
		join(sprint("p", i))
	}
	connected(n + 1)
	each, running := (inUse()-before)/n, float64(runtime.NumGoroutine()-goroutines)/float64(n)
	t.Logf("%s pool, %d connected: %d kB of heap and stacks each, %.1f goroutines, %d kB resident", pool, n, each>>10, running, (rss(t)-resident)/n>>10)
	if path := os.Getenv("ATRIUM_MEMORY_PROFILE"); path != "" {
		for _, what := range []string{"heap", "goroutine"} {
			f, err := os.Create(path + "." + pool + "." + what)
			must(t, err)
			must(t, pprof.Lookup(what).WriteTo(f, 0))
			must(t, f.Close())
		}
	}
	if each > limit {
		t.Errorf("%d bytes each; at most %d", each, limit)
	}
}

// inUse is heap and stacks in use, in bytes.
func inUse() int {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
