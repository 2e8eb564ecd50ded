package configs

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPrintIsLoadable: what Print writes loads into the same configuration.
func TestPrintIsLoadable(t *testing.T) {
	c := DefaultConfig()
	c.HTTP.BaseURL = "https://call.example.org"
	c.Log.Level = "debug"
	c.Drain.Timeout = 90 * time.Second
	c.Media.Address = "::1"
	c.Media.UDPPort = 1234
	c.Media.PublicIPs = []string{"192.0.2.1", "2001:db8::1"}
	printed, err := c.Print()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(Options{File: writeFile(t, "a.yaml", string(printed)), Defaults: &Config{}})
	if err != nil {
		t.Fatalf("%v in\n%s", err, printed)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("-want +got:\n%s\nin\n%s", diff, printed)
	}
}

// TestPrintOfDefaults: the defaults print as default.yaml, comments and all.
func TestPrintOfDefaults(t *testing.T) {
	printed, err := DefaultConfig().Print()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(Default())), string(bytes.TrimSpace(printed))); diff != "" {
		t.Errorf("-default.yaml +printed:\n%s", diff)
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 10 * time.Minute: "10m",
		time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "abd", 1},
		{"prot", "port", 1}, {"udp_prot", "udp_port", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(row.a, row.b); got != row.want {
			t.Errorf("%s, %s: got %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
