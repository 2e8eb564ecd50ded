package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// write puts content into a file of the test's own.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultFileHasEveryKey(t *testing.T) {
	f, err := parseFile("default.yaml", defaultYAML, schema())
	if err != nil {
		t.Fatal(err)
	}
	usage := comments()
	for _, k := range schema() {
		if f.lines[k.name] == 0 {
			t.Errorf("%s is not in default.yaml", k.name)
		}
		if usage[k.name] == "" {
			t.Errorf("%s has no comment in default.yaml", k.name)
		}
	}
}

func TestDefaultFileEqualsDefaultConfig(t *testing.T) {
	path := writeFile(t, "default.yaml", string(Default()))
	// Other defaults than the file's, so that each value must come from it.
	c, err := Load(Options{File: path, Defaults: &Config{}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultConfig(), c); diff != "" {
		t.Errorf("default.yaml is not DefaultConfig (-want +got):\n%s", diff)
	}
}

func TestLoadNothing(t *testing.T) {
	for name, content := range map[string]string{
		"no content":      "",
		"comments":        "# nothing\n",
		"null":            "~\n",
		"an empty group":  "media:\n",
		"a null value":    "media:\n  udp_port:\n",
		"document marker": "---\n# nothing\n",
	} {
		c, err := Load(Options{File: writeFile(t, "a.yaml", content)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(DefaultConfig(), c); diff != "" {
			t.Errorf("%s: not the defaults:\n%s", name, diff)
		}
	}
}

// TestPrecedence: flag > environment > file > default, for every kind of value.
func TestPrecedence(t *testing.T) {
	path := writeFile(t, "a.yaml", `
media: {udp_port: 1001, tcp_port: 1002, seat: 31s, public_ips: [192.0.2.1], address: 127.0.0.1}
`)
	t.Setenv("ATRIUM_MEDIA_TCP_PORT", "2002")
	t.Setenv("ATRIUM_MEDIA_SEAT", "32s")
	t.Setenv("ATRIUM_MEDIA_PUBLIC_IPS", "192.0.2.2, 192.0.2.3")
	t.Setenv("ATRIUM_LOG_LEVEL", "") // empty is not set
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse([]string{"--media-seat=33s", "--drain-timeout", "1m"}); err != nil {
		t.Fatal(err)
	}
	got, err := Load(Options{File: path, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Media.UDPPort = 1001                                 // file
	want.Media.Address = "127.0.0.1"                          // file
	want.Media.TCPPort = 2002                                 // environment over file
	want.Media.PublicIPs = []string{"192.0.2.2", "192.0.2.3"} // environment over file
	want.Media.Seat = 33 * time.Second                        // flag over environment
	want.Drain.Timeout = time.Minute                          // flag over default
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDefaultsOfTheCaller(t *testing.T) {
	d := DefaultConfig()
	d.Drain.Timeout = 2 * time.Second
	d.HTTP.PlainAddress = "127.0.0.1:8080"
	c, err := Load(Options{Defaults: &d})
	if err != nil || c.Drain.Timeout != 2*time.Second || c.HTTP.PlainAddress != "127.0.0.1:8080" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestFileErrors: each names file, line, key and, where one is near, the key
// that was meant.
func TestFileErrors(t *testing.T) {
	for _, row := range []struct {
		name, content string
		want          []string // one error each: "line key: message"
	}{
		{"misspelt key", "media:\n  udp_prot: 1\n", []string{":2: media.udp_prot: no such key; did you mean media.udp_port?"}},
		{"misspelt section", "\nmeda:\n  udp_port: 1\n", []string{":2: meda: no such key; did you mean media?"}},
		{"wrong section", "log:\n  udp_port: 1\n", []string{":2: log.udp_port: no such key; did you mean media.udp_port?"}},
		{"key outside its section", "udp_port: 1\n", []string{":1: udp_port: no such key; did you mean media.udp_port?"}},
		{"camel case", "media:\n  udpPort: 1\n", []string{":2: media.udpPort: no such key; did you mean media.udp_port?"}},
		{"upper case", "MEDIA:\n  udp_port: 1\n", []string{"no such key"}},
		{"nothing like it", "zzzzzzzzzzzzzzz: 1\n", []string{":1: zzzzzzzzzzzzzzz: no such key; `atrium config print` lists the keys"}},
		{"text for a number", "media:\n  seat: 1m\n  udp_port: seven\n", []string{`:3: media.udp_port: must be a whole number, not "seven"`}},
		{"fraction", "media:\n  udp_port: 1.5\n", []string{`must be a whole number, not "1.5"`}},
		{"too large for a number", "media:\n  udp_port: 99999999999999999999\n", []string{":2: media.udp_port: must be a whole number"}},
		{"duration without unit", "drain:\n  timeout: 30\n", []string{`:2: drain.timeout: must be a duration such as 30s, 5m or 1h, not "30"`}},
		{"number for text", "log:\n  level: 3\n", []string{`:2: log.level: must be text; put it in quotes, not "3"`}},
		{"text for a list", "media:\n  public_ips: 192.0.2.1\n", []string{`:2: media.public_ips: must be a list of texts such as [a, b], not "192.0.2.1"`}},
		{"list in a list", "media:\n  public_ips: [[a]]\n", []string{"must be a list of texts"}},
		{"section for a value", "media:\n  udp_port: {a: 1}\n", []string{"must be a whole number, not a section"}},
		{"list for a value", "media:\n  udp_port: [1]\n", []string{"must be a whole number, not a list"}},
		{"value for a section", "media: 3\n", []string{":1: media: is a section"}},
		{"twice", "media:\n  udp_port: 1\n  udp_port: 2\n", []string{":3: media.udp_port: stands twice, first in line 2"}},
		{"section twice", "media:\n  udp_port: 1\nmedia:\n  tcp_port: 2\n", []string{":3: media: stands twice, first in line 1"}},
		{"out of range", "log: {}\nmedia:\n  udp_port: 70000\n", []string{":3: media.udp_port: 70000 is not a port"}},
		{"unknown level", "log:\n  level: loud\n", []string{`:2: log.level: "loud" is unknown; use debug, info, warn or error`}},
		{"address without port", "http:\n  address: localhost\n", []string{`:2: http.address: "localhost" is not host:port`}},
		{"named port", "metrics:\n  address: :http\n", []string{"is not host:port"}},
		{"certificate without key", "http:\n  tls_cert_file: a.pem\n", []string{"http.tls_key_file: missing"}},
		{"base URL with a path", "http:\n  base_url: https://example.org/x\n", []string{":2: http.base_url: "}},
		{"no proxy", "http:\n  trusted_proxies: [127.0.0.1, here]\n", []string{`:2: http.trusted_proxies: "here" is no address or network`}},
		{"everything at once", "media:\n  a_b_c_d: 1\n  udp_port: x\nlog:\n  level: 1\n",
			[]string{":2: media.a_b_c_d: no such key", ":3: media.udp_port: must", ":5: log.level: must"}},
		{"two that validation finds", "media:\n  udp_port: -1\n  seat: 2h\n", []string{":2: media.udp_port: ", ":3: media.seat: "}},
		{"no mapping", "- a\n- b\n", []string{":1: is not made of sections"}},
		{"no YAML", "media:\n\t- a\n", []string{":2: is not YAML: found character that cannot start any token; correct it there, indenting with spaces"}},
		{"several documents", "media: {}\n---\nlog: {}\n", []string{"holds several YAML documents"}},
		{"merge key", "media:\n  <<: {udp_port: 1}\n", []string{"media.<<: no such key"}},
		{"alias of itself", "media: &m\n  udp_port: *m\n", []string{"not a section"}},
		{"too large", strings.Repeat("#", maxFile+1), []string{"is larger than 1 MiB"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := writeFile(t, "a.yaml", row.content)
			_, err := Load(Options{File: path})
			errs := split(err)
			if len(errs) != len(row.want) {
				t.Fatalf("got %d errors, want %d: %v", len(errs), len(row.want), err)
			}
			for i, e := range errs {
				var typed *Error
				if !errors.As(e, &typed) {
					t.Errorf("%T is no *Error", e)
				}
				if s := e.Error(); !strings.Contains(s, row.want[i]) {
					t.Errorf("got %q, want %q", s, row.want[i])
				} else if typed != nil && typed.File != "" && !strings.HasPrefix(s, path) {
					t.Errorf("%q doesn't begin with the file", s)
				}
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load(Options{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "none.yaml: no such file") {
		t.Errorf("got %v", err)
	}
	_, err = Load(Options{File: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("a folder: got %v", err)
	}
}

// TestSourceOfAnError: the error names the variable or flag that is to blame.
func TestSourceOfAnError(t *testing.T) {
	file := writeFile(t, "a.yaml", "media:\n  udp_port: 7\n")
	t.Run("environment, wrong kind", func(t *testing.T) {
		t.Setenv("ATRIUM_MEDIA_UDP_PORT", "seven")
		_, err := Load(Options{File: file})
		if err == nil || err.Error() != "ATRIUM_MEDIA_UDP_PORT: media.udp_port: must be a whole number" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("environment, duration without unit", func(t *testing.T) {
		t.Setenv("ATRIUM_DRAIN_TIMEOUT", "30")
		_, err := Load(Options{File: file})
		if err == nil || err.Error() != "ATRIUM_DRAIN_TIMEOUT: drain.timeout: must be a duration such as 30s, 5m or 1h" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("environment, out of range", func(t *testing.T) {
		t.Setenv("ATRIUM_MEDIA_UDP_PORT", "70000")
		_, err := Load(Options{File: file})
		if err == nil || !strings.HasPrefix(err.Error(), "ATRIUM_MEDIA_UDP_PORT: media.udp_port: 70000") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("flag", func(t *testing.T) {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		AddFlags(flags)
		if err := flags.Parse([]string{"--media-udp-port=70000"}); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Options{File: file, Flags: flags})
		if err == nil || !strings.HasPrefix(err.Error(), "--media-udp-port: media.udp_port: 70000") {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownEnv(t *testing.T) {
	got := UnknownEnv([]string{"HOME=/", "ATRIUM_MEDIA_UDP_PROT=1", "ATRIUM_MEDIA_UDP_PORT=1", "ATRIUM_8080_TCP_ADDR_OF_SOMETHING=x"})
	want := []string{"ATRIUM_MEDIA_UDP_PROT (did you mean ATRIUM_MEDIA_UDP_PORT?)", "ATRIUM_8080_TCP_ADDR_OF_SOMETHING"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidateServe(t *testing.T) {
	c := DefaultConfig()
	err := c.ValidateServe()
	if err == nil || !strings.HasPrefix(err.Error(), "http.tls_cert_file: ") {
		t.Errorf("HTTPS without a certificate: %v", err)
	}
	file := writeFile(t, "a.yaml", "http:\n  address: ':1'\n  tls_cert_file: ''\n")
	if err := Locate(Options{File: file}, err); !strings.HasPrefix(err.Error(), file+":3: http.tls_cert_file: ") {
		t.Errorf("not located: %v", err)
	}
	c.HTTP.Address = ""
	if err := c.ValidateServe(); err == nil || !strings.HasPrefix(err.Error(), "http.address: ") {
		t.Errorf("nothing to listen on: %v", err)
	}
	c.HTTP.PlainAddress = "127.0.0.1:80"
	if err := c.ValidateServe(); err != nil {
		t.Error(err)
	}
}
