package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/atriumrtc/atrium/bench"
)

// Names and addresses within the namespaces, which nobody else sees (RFC 2544
// reserves the network for benchmarks).
const (
	deviceName       = "atrium0"
	serverAddress    = "198.18.0.1"
	generatorAddress = "198.18.0.2"
	prefixLength     = "/30"
	loopbackAddress  = "127.0.0.1"
)

// Cores that the two are pinned to.
const (
	serverCore    = 0
	generatorCore = 1
)

// Files of a suite's directory.
const (
	profileFile = "cpu.pprof"
	flamesFile  = "flames.svg"
)

// readyTimeout bounds the start of a server, runTimeout one run beyond its
// window.
const (
	readyTimeout = 30 * time.Second
	readyPoll    = 50 * time.Millisecond
	runTimeout   = 5 * time.Minute
)

// ready is what a server writes when it serves.
type ready struct {
	URL    string `json:"url"`
	Admin  string `json:"admin_url"`
	APIKey string `json:"api_key"`
}

// execute starts a server and a generator, and reads the result.
func (s *suite) execute(ctx context.Context, r row, name string, profiled bool) (*bench.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.For+runTimeout)
	defer cancel()
	s.runs++
	temp := filepath.Join(s.temp, strconv.Itoa(s.runs))
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProcess, err)
	}
	server, err := spawn(s.o.Self, filepath.Join(temp, "server.log"), temp, s.isolated)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	generator, err := spawn(s.o.Self, filepath.Join(temp, "generator.log"), temp, s.isolated)
	if err != nil {
		return nil, err
	}
	defer generator.stop()
	host, device := loopbackAddress, ""
	if s.isolated {
		host, device = serverAddress, deviceName
		if err := connect(server, generator); err != nil {
			return nil, err
		}
	}
	at, err := s.startServer(ctx, server, orders{
		Core: serverCore, Device: device, Address: serverAddress + prefixLength,
		Args: s.serverArgs(r, host, temp, profiled),
	}, temp, host)
	if err != nil {
		return nil, err
	}
	if err := generator.order(orders{
		Core: generatorCore, Device: device, Address: generatorAddress + prefixLength,
		Args: s.generatorArgs(r, at, server.pid(), temp, profiled),
	}); err != nil {
		return nil, err
	}
	if err := generator.wait(ctx); err != nil && !errors.Is(err, ErrProcess) {
		return nil, err
	}
	// Its exit code says too that some didn't join; what counts is the result.
	text, err := os.ReadFile(filepath.Join(temp, bench.ResultFile))
	if err != nil {
		return nil, fmt.Errorf("%w: the generator: %s", ErrProcess, generator.lastWords())
	}
	var result bench.Result
	if err := json.Unmarshal(text, &result); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProcess, err)
	}
	return &result, os.WriteFile(filepath.Join(s.dir, name+".json"), text, 0o644)
}

// serverArgs are the command line of a server.
func (s *suite) serverArgs(r row, host, temp string, profiled bool) []string {
	file := filepath.Join(temp, "ready.json")
	if r.server != atrium {
		args := []string{s.o.Self, "baseline", "--address", net.JoinHostPort(host, "0"), "--ready-file", file}
		if r.server == pionInterceptor {
			args = append(args, "--interceptors")
		}
		return args
	}
	args := []string{
		s.o.Atrium, "dev", "--ready-file", file, "--http-plain-address", net.JoinHostPort(host, "0"), "--http-address", "",
		"--media-address", host, "--media-udp-port", "0", "--media-tcp-port", "-1", "--metrics-address", net.JoinHostPort(host, "0"),
		"--turn-enabled=false", "--log-level", "warn",
	}
	if profiled {
		args = append(args, "--cpu-profile", filepath.Join(s.dir, profileFile))
	}
	return append(append(args, r.flags...), s.o.Flags...)
}

// generatorArgs are the command line of the generator.
func (s *suite) generatorArgs(r row, at ready, pid int, temp string, profiled bool) []string {
	args := []string{
		s.o.Self, "room", "--url", at.URL, "--key-file", filepath.Join(temp, "key"), "--out", temp,
		"--server-pid", strconv.Itoa(pid),
	}
	metrics := ""
	if at.Admin != "" {
		metrics = at.Admin + "/metrics"
	}
	args = append(args, "--metrics", metrics)
	if profiled {
		args = append(args, "--profile")
	}
	return append(args, r.args...)
}

// startServer gives a server its orders and waits until it serves.
func (s *suite) startServer(ctx context.Context, c *child, o orders, temp, host string) (ready, error) {
	if err := c.order(o); err != nil {
		return ready{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		text, err := os.ReadFile(filepath.Join(temp, "ready.json"))
		if err == nil {
			var at ready
			if err := json.Unmarshal(text, &at); err != nil {
				return ready{}, fmt.Errorf("%w: %w", ErrProcess, err)
			}
			// dev says localhost, whatever address it was given.
			u, err := url.Parse(at.URL)
			if err != nil {
				return ready{}, fmt.Errorf("%w: %w", ErrProcess, err)
			}
			at.URL = "http://" + net.JoinHostPort(host, u.Port())
			return at, os.WriteFile(filepath.Join(temp, "key"), []byte(at.APIKey+"\n"), 0o600)
		}
		select {
		case <-ticker.C:
		case <-c.ended:
			return ready{}, fmt.Errorf("%w: the server: %s", ErrProcess, c.lastWords())
		case <-ctx.Done():
			return ready{}, fmt.Errorf("%w: the server isn't ready after %v: %s", ErrProcess, readyTimeout, c.lastWords())
		}
	}
}
