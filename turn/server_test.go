package turn

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// A client reaches the media socket through the relay, over both transports.
func TestRelay(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s, relay := start(t, nil)
			conn, client := allocate(t, s, network, "alice")
			echo(t, conn)
			echo(t, conn) // by now perhaps over a channel
			if mapped, err := client.SendBindingRequest(); err != nil || !addrPort(mapped).Addr().IsLoopback() {
				t.Fatalf("binding: %v, %v", mapped, err)
			}
			got := s.Snapshot()
			if got.Allocations != 1 || got.AllocationsTotal != 1 || got.RelayedBytesIn != 2*uint64(len(greeting)) || got.RelayedBytesOut != 2*uint64(len(greeting)) ||
				got.RelayedPacketsIn != 2 || got.RelayedPacketsOut != 2 || got.Participants != 1 {
				t.Fatalf("%+v", got)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the allocation is gone", func() bool { return s.Snapshot().Allocations == 0 && relay.open.Load() == 0 })
		})
	}
}

// A TCP connection that ends takes its allocation along.
func TestTCPConnectionEnds(t *testing.T) {
	s, _ := start(t, nil)
	username, password, _ := s.Credentials("alice")
	client, conn := connect(t, s, "tcp", username, password)
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	defer relayed.Close()
	eventually(t, "the allocation is gone", func() bool {
		got := s.Snapshot()
		return got.Allocations == 0 && got.TCPConnections == 0
	})
}

func TestCredentials(t *testing.T) {
	var at clock
	s, _ := start(t, func(c *Config, o *Options) {
		c.CredentialLifetime = time.Hour
		o.Now = at.now
	})
	username, password, expires := s.Credentials("a:b")
	if username != "1800003600:a:b" || !expires.Equal(epoch.Add(time.Hour)) || len(password) < 43 {
		t.Fatalf("%q until %s", username, expires)
	}
	_, other, _ := s.Credentials("c")
	for _, row := range []struct {
		name, username, password string
		after                    time.Duration
		want                     int
	}{
		{"wrong password", username, "guess", 0, 400},
		{"another's password", username, other, 0, 400},
		{"unknown user", "1800003600:nobody", password, 0, 400},
		{"prolonged", "1900003600:a:b", password, 0, 400},
		{"not our form", "alice", password, 0, 400},
		{"in time", username, password, time.Hour - 1, 0},
		{"expired", username, password, time.Hour, 400},
	} {
		at.set(row.after)
		if got := dialRaw(t, s).ask(s, row.username, row.password, stun.MethodAllocate, udpTransport()); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
	if got := s.Snapshot().Refused[RefusedUnauthorized]; got != 6 {
		t.Errorf("%d unauthorized, want 6", got)
	}
}

// What nobody revoked doesn't stay for ever.
func TestExpiredGrantsArePruned(t *testing.T) {
	now := time.Unix(0, 0)
	g := newGrants("atrium", time.Hour, func() time.Time { return now })
	for range 3 {
		for i := range firstPrune {
			g.issue(now.String() + string(rune('a'+i)))
		}
		now = now.Add(time.Hour)
	}
	if got := g.count(); got > firstPrune {
		t.Fatalf("%d grants, want at most %d", got, firstPrune)
	}
}

func TestPortInUse(t *testing.T) {
	s, relay := start(t, nil)
	cfg := *s.cfg.Load()
	cfg.Port = s.Port()
	_, err := New(cfg, Options{Relay: relay, MediaAddresses: s.media})
	if !errors.Is(err, ErrPortInUse) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("UDP: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg.Port = l.Addr().(*net.TCPAddr).Port
	if _, err = New(cfg, Options{Relay: relay, MediaAddresses: s.media}); !errors.Is(err, ErrPortInUse) {
		t.Fatalf("TCP: %v", err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*Config){
		"address":                        func(c *Config) { c.Address = "localhost" },
		"port":                           func(c *Config) { c.Port = 65536 },
		"realm":                          func(c *Config) { c.Realm = "atrium.example" },
		"credential_lifetime":            func(c *Config) { c.CredentialLifetime = time.Second },
		"max_allocations_per_user":       func(c *Config) { c.MaxAllocationsPerUser = 0 },
		"max_tcp_connections":            func(c *Config) { c.MaxTCPConnections = 0 },
		"max_tcp_connections_per_source": func(c *Config) { c.MaxTCPConnectionsPerSource = 0 },
		"unauthenticated_per_second":     func(c *Config) { c.UnauthenticatedPerSecond = -1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := New(cfg, Options{Relay: &fakeRelay{}, MediaAddresses: func() []netip.AddrPort { return nil }}); err == nil {
			t.Errorf("%s: New accepted it", key)
		}
	}
	if _, err := New(DefaultConfig(), Options{}); err == nil {
		t.Error("New accepted no relay")
	}
}

// Requests that are refused get the code that the RFC names.
func TestRefusals(t *testing.T) {
	s, relay := start(t, nil)
	username, password, _ := s.Credentials("alice")
	attr := func(typ stun.AttrType, v ...byte) stun.Setter { return stun.RawAttribute{Type: typ, Value: v} }
	for _, row := range []struct {
		name   string
		want   int
		reason string
		extra  []stun.Setter
	}{
		{"TCP relay (SE-1)", 442, RefusedTCPRelay, []stun.Setter{attr(stun.AttrRequestedTransport, 6, 0, 0, 0)}},
		{"two ports", 508, RefusedReservedPort, []stun.Setter{udpTransport(), attr(stun.AttrEvenPort, 128)}},
		{"reservation", 508, RefusedReservedPort, []stun.Setter{udpTransport(), attr(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, 8)}},
		{"IPv6", 440, RefusedFamily, []stun.Setter{udpTransport(), attr(stun.AttrRequestedAddressFamily, 2, 0, 0, 0)}},
	} {
		if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, row.extra...); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
		if s.Snapshot().Refused[row.reason] == 0 {
			t.Errorf("%s isn't counted", row.name)
		}
	}
	if n := relay.opened.Load(); n != 0 {
		t.Errorf("%d relays were opened", n)
	}
	if got := dialRaw(t, s).ask(s, username, password, stun.MethodAllocate, udpTransport(), attr(stun.AttrEvenPort, 0)); got != 0 {
		t.Errorf("an even port: %d", got)
	}
	// Another user's credentials don't work on an allocation.
	client := dialRaw(t, s)
	if got := client.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("allocate: %d", got)
	}
	bob, secret, _ := s.Credentials("bob")
	if got := client.ask(s, bob, secret, stun.MethodRefresh); got != 441 {
		t.Errorf("another's allocation: %d, want 441", got)
	}
	if got := client.ask(s, username, password, stun.MethodRefresh); got != 0 {
		t.Errorf("one's own allocation: %d", got)
	}
}
