package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestProxied: only a trusted proxy is believed, and only its own word.
func TestProxied(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for name, row := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"direct":                 {"192.0.2.9:1", nil, "192.0.2.9:1"},
		"direct, with the lie":   {"192.0.2.9:1", []string{"198.51.100.1"}, "192.0.2.9:1"},
		"through the proxy":      {"127.0.0.1:1", []string{"192.0.2.9"}, "192.0.2.9:0"},
		"mapped":                 {"[::ffff:127.0.0.1]:1", []string{"::ffff:192.0.2.9"}, "192.0.2.9:0"},
		"IPv6":                   {"127.0.0.1:1", []string{"2001:db8::9"}, "[2001:db8::9]:0"},
		"what the client wrote":  {"127.0.0.1:1", []string{"198.51.100.1, 192.0.2.9"}, "192.0.2.9:0"},
		"two headers":            {"127.0.0.1:1", []string{"198.51.100.1", "192.0.2.9"}, "192.0.2.9:0"},
		"two proxies":            {"127.0.0.1:1", []string{"192.0.2.9, 10.1.2.3"}, "192.0.2.9:0"},
		"no address":             {"127.0.0.1:1", []string{"unknown"}, "127.0.0.1:1"},
		"no header":              {"127.0.0.1:1", nil, "127.0.0.1:1"},
		"nothing but proxies":    {"127.0.0.1:1", []string{"10.0.0.1"}, "127.0.0.1:1"},
		"garbage after the word": {"127.0.0.1:1", []string{"192.0.2.9, x"}, "127.0.0.1:1"},
	} {
		var got string
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = row.remote
		r.Header["X-Forwarded-For"] = row.forwarded
		proxied(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }), trusted).
			ServeHTTP(newRecorder(), r)
		if got != row.want {
			t.Errorf("%s: got %s, want %s", name, got, row.want)
		}
	}
}

// TestBaseURL: what links begin with.
func TestBaseURL(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	for name, row := range map[string]struct {
		configured, remote, proto, want string
	}{
		"plain":             {"", "192.0.2.9:1", "", "http://call.example.org"},
		"proxy with TLS":    {"", "127.0.0.1:1", "https", "https://call.example.org"},
		"proxy without TLS": {"", "127.0.0.1:1", "http", "http://call.example.org"},
		"nonsense":          {"", "127.0.0.1:1", "javascript", "http://call.example.org"},
		"somebody else's":   {"", "192.0.2.9:1", "https", "http://call.example.org"},
		"configured":        {"https://x.example.org", "192.0.2.9:1", "", "https://x.example.org"},
		"configured, slash": {"https://x.example.org/", "192.0.2.9:1", "", "https://x.example.org"},
	} {
		s := &Server{}
		s.cfg.HTTP.BaseURL = row.configured
		s.proxies = trusted
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://call.example.org/", nil)
		r.RemoteAddr = row.remote
		if row.proto != "" {
			r.Header.Set("X-Forwarded-Proto", row.proto)
		}
		var got string
		proxied(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = s.baseURL(r) }), trusted).
			ServeHTTP(newRecorder(), r)
		if got != row.want {
			t.Errorf("%s: got %s, want %s", name, got, row.want)
		}
	}
}
