package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/configs"
)

// invoke runs a command line to its end.
func invoke(args ...string) (code int, out, complaints string) {
	var o, e bytes.Buffer
	a := app{out: &o, err: &e}
	code = a.run(args)
	return code, o.String(), e.String()
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExitCodes: 0 clean, 2 usage, 78 bad configuration, with what is said.
func TestExitCodes(t *testing.T) {
	good := writeFile(t, "good.yaml", "media:\n  udp_port: 9000\n")
	misspelt := writeFile(t, "bad.yaml", "log:\n  level: info\nmedia:\n  udp_prot: 9000\n")
	three := writeFile(t, "three.yaml", "a: 1\nb: 2\nmedia:\n  seat: 1\n")
	for _, row := range []struct {
		name      string
		args      []string
		code      int
		out, errs string // parts
	}{
		{"version", []string{"version"}, 0, "atrium ", ""},
		{"help", []string{"--help"}, 0, "atrium [command]", ""},
		{"serve's help", []string{"serve", "--help"}, 0, "--media-udp-port int", ""},
		{"nothing", nil, 2, "", "atrium dev"},
		{"unknown command", []string{"serv"}, 2, "", `unknown command "serv"`},
		{"unknown flag", []string{"serve", "--media-udp-prot", "1"}, 2, "", "unknown flag: --media-udp-prot"},
		{"bad flag value", []string{"serve", "--media-udp-port", "x"}, 2, "", "--media-udp-port"},
		{"argument too many", []string{"version", "x"}, 2, "", "unknown command"},
		{"config alone", []string{"config"}, 2, "", "config check"},
		{"check without a file", []string{"config", "check"}, 2, "", "--config FILE"},
		{"check, good", []string{"config", "check", "--config", good}, 0, good + ": good", ""},
		{"check, misspelt", []string{"config", "check", "--config", misspelt}, 78, "",
			misspelt + ":4: media.udp_prot: no such key; did you mean media.udp_port?"},
		{"check, no file", []string{"config", "check", "--config", "/none.yaml"}, 78, "", "/none.yaml: no such file"},
		{"serve, misspelt", []string{"serve", "--config", misspelt}, 78, "", "did you mean media.udp_port?"},
		{"dev, misspelt", []string{"dev", "--config", misspelt}, 78, "", "did you mean media.udp_port?"},
		{"serve, value out of range", []string{"serve", "--media-udp-port", "70000"}, 78, "", "--media-udp-port: media.udp_port: 70000"},
		{"serve without a certificate", []string{"serve"}, 78, "", "http.tls_cert_file: HTTPS needs a certificate"},
		{"print", []string{"config", "print"}, 0, "udp_port: 7882", ""},
		{"print a file", []string{"config", "print", "--config", good}, 0, "udp_port: 9000", ""},
		{"print, flag", []string{"config", "print", "--config", good, "--media-udp-port=9001"}, 0, "udp_port: 9001", ""},
		{"admin alone", []string{"admin"}, 2, "", "create-organisation"},
		{"three errors", []string{"config", "check", "--config", three}, 78, "", "three.yaml:4: media.seat"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, out, errs := invoke(row.args...)
			if code != row.code || !strings.Contains(out, row.out) || !strings.Contains(errs, row.errs) {
				t.Errorf("exit %d (want %d)\nout: %s\nerr: %s", code, row.code, out, errs)
			}
			for line := range strings.Lines(errs) {
				if !strings.HasPrefix(line, "atrium: ") {
					t.Errorf("%q doesn't say who complains", line)
				}
			}
		})
	}
	if _, _, errs := invoke("config", "check", "--config", three); strings.Count(errs, "\n") != 3 {
		t.Errorf("not an error a line: %s", errs)
	}
}

// TestFailures: what goes wrong at the start ends with 1 and one sentence that
// says what to do.
func TestFailures(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	quiet := func(more ...string) []string {
		return append([]string{"serve", "--http-address=", "--http-plain-address=127.0.0.1:0", "--metrics-address=",
			"--media-address=127.0.0.1", "--media-udp-port=0", "--media-tcp-port=0", "--turn-address=127.0.0.1", "--turn-port=0", "--data-dir=" + t.TempDir()}, more...)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "atrium.db"), []byte(strings.Repeat("no data file ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		args []string
		want string
	}{
		{"port taken", quiet("--http-plain-address=" + taken.Addr().String()), "http.plain_address: another program uses " + taken.Addr().String() + "; stop it, or set"},
		{"no certificate there", quiet("--http-address=127.0.0.1:0", "--http-tls-cert-file=/none.pem", "--http-tls-key-file=/none.pem"), "/none.pem does not exist; name the PEM file"},
		{"damaged data", quiet("--data-dir=" + damaged), "atrium.db"},
		{"dev's ready file", []string{"dev", "--http-port=0", "--https-port=0", "--metrics-address=", "--media-address=127.0.0.1",
			"--media-udp-port=0", "--media-tcp-port=0", "--turn-address=127.0.0.1", "--turn-port=0", "--ready-file=/none/ready.json"}, "--ready-file: /none/ready.json can't be written"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, _, errs := invoke(row.args...)
			complaint := ""
			for line := range strings.Lines(errs) {
				if strings.HasPrefix(line, "atrium: ") {
					complaint += line
				}
			}
			if code != 1 || !strings.Contains(complaint, row.want) || strings.Count(complaint, "\n") != 1 {
				t.Errorf("exit %d, want 1\n%s", code, errs)
			}
		})
	}
}

// TestDataLockedByAServer: a second server on the same folder.
func TestDataLockedByAServer(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, "serve", "--http-address=", "--http-plain-address=127.0.0.1:0", "--metrics-address=127.0.0.1:0",
		"--media-address=127.0.0.1", "--media-udp-port=0", "--media-tcp-port=0", "--turn-address=127.0.0.1", "--turn-port=0", "--data-dir="+dir, "--drain-timeout=1s")
	p.waitLog("serving")
	code, _, errs := invoke("admin", "create-organisation", "X", "--data-dir="+dir)
	if code != 1 || !strings.Contains(errs, "in use by another process") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestCreateOrganisation(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := invoke("admin", "create-organisation", "Clinic", "--data-dir="+dir)
	if code != 0 || !strings.HasPrefix(out, "atk_") || strings.Count(out, "\n") != 1 {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if code, _, errs := invoke("admin", "create-organisation", " ", "--data-dir="+dir); code != 1 || !strings.Contains(errs, "name") {
		t.Errorf("no name: exit %d: %s", code, errs)
	}
	if code, _, errs := invoke("admin", "create-organisation"); code != 2 || !strings.Contains(errs, "give one name") {
		t.Errorf("no argument: exit %d", code)
	}
}

// TestPrintOfTheDefaults is what an operator starts a file from.
func TestPrintOfTheDefaults(t *testing.T) {
	_, out, _ := invoke("config", "print")
	if out != string(configs.Default()) {
		t.Error("`atrium config print` without anything is not default.yaml")
	}
}
