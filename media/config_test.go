package media

import (
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	rows := []struct {
		name   string
		change func(*Config)
		want   string // how the message begins; "": valid
	}{
		{"an IPv6 address", func(c *Config) { c.Address = "::1" }, ""},
		{"not an address", func(c *Config) { c.Address = "localhost" }, `address: "localhost" is not an IP address`},
		{"any port", func(c *Config) { c.UDPPort, c.TCPPort = 0, 0 }, ""},
		{"no TCP", func(c *Config) { c.TCPPort = -1 }, ""},
		{"a negative UDP port", func(c *Config) { c.UDPPort = -1 }, "udp_port: -1"},
		{"a UDP port too high", func(c *Config) { c.UDPPort = 65536 }, "udp_port: 65536"},
		{"a TCP port too low", func(c *Config) { c.TCPPort = -2 }, "tcp_port: -2"},
		{"a TCP port too high", func(c *Config) { c.TCPPort = 70000 }, "tcp_port: 70000"},
		{"automatic", func(c *Config) { c.PublicIPs = []string{"auto"} }, ""},
		{"both families", func(c *Config) { c.PublicIPs = []string{"203.0.113.7", "2001:db8::7"} }, ""},
		{"auto among addresses", func(c *Config) { c.PublicIPs = []string{"203.0.113.7", "auto"} }, `public_ips: "auto"`},
		{"a name", func(c *Config) { c.PublicIPs = []string{"example.org"} }, `public_ips: "example.org"`},
		{"a short seat", func(c *Config) { c.Seat = time.Millisecond }, "seat: 1ms"},
		{"a long seat", func(c *Config) { c.Seat = 2 * time.Hour }, "seat: 2h"},
		{"small offers", func(c *Config) { c.OfferMaxBytes = 100 }, "offer_max_bytes: 100"},
		{"large offers", func(c *Config) { c.OfferMaxBytes = 1 << 20 }, "offer_max_bytes: 1048576"},
	}
	for _, row := range rows {
		c := DefaultConfig()
		row.change(&c)
		err := c.Validate()
		if row.want == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%s: %v; want %s…", row.name, err, row.want)
		}
		if _, err := NewEngine(c, Options{}); err == nil {
			t.Errorf("%s: the engine started", row.name)
		}
	}
	c := DefaultConfig()
	c.UDPPort, c.Seat = -1, 0
	if err := c.Validate(); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two faults in one message each: %v", err)
	}
}

// A port that is taken is named, and nothing stays open.
func TestPortsTaken(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, 0
	e := startEngine(t, cfg, Options{})
	taken := cfg
	taken.UDPPort = int(e.Addresses()[0].Port())
	if _, err := NewEngine(taken, Options{}); err == nil || !strings.Contains(err.Error(), sprint(taken.UDPPort)) {
		t.Errorf("UDP: %v", err)
	}
	taken = cfg
	taken.TCPPort = tcpPort(t, e)
	if _, err := NewEngine(taken, Options{}); err == nil || !strings.Contains(err.Error(), sprint(taken.TCPPort)) {
		t.Errorf("TCP: %v", err)
	}
}
