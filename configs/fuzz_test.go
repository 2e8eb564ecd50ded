package configs

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParseFile: whatever a file holds, the answer is values of known keys or
// *Errors that name a line of the file; never a panic (R-SE-10).
func FuzzParseFile(f *testing.F) {
	f.Add(defaultYAML)
	for _, seed := range []string{
		"", "~", "media:\n  udp_port: 1\n", "media: {udp_port: x}", "a: &a [*a]", "media: &m {udp_port: *m}",
		"? [x]\n: y\n", "media:\n  <<: *x\n", "\x00", "media: !!binary aGk=\n", "- a", "drain: {timeout: 1}",
		"media: {seat: !!str 1s, public_ips: [!!str 1]}", "'media': {\"udp_port\": 0x10}", "%YAML 9\n---\n", "a: b: c",
	} {
		f.Add([]byte(seed))
	}
	keys := schema()
	known := map[string]bool{}
	for _, k := range keys {
		known[k.name] = true
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := parseFile("a.yaml", content, keys)
		for _, e := range split(err) {
			var typed *Error
			if !errors.As(e, &typed) {
				t.Fatalf("%T: %v", e, e)
			}
			if lines := strings.Count(string(content), "\n") + strings.Count(string(content), "\r") + strings.Count(string(content), "\u0085") + strings.Count(string(content), "\u2028") + strings.Count(string(content), "\u2029") + 1; typed.Line < 0 || typed.Line > lines+1 {
				t.Fatalf("line %d of %d: %v", typed.Line, lines, e)
			}
		}
		for name := range got.values {
			if !known[name] {
				t.Fatalf("value of unknown key %q", name)
			}
		}
		if err == nil {
			// What was accepted must decode; it may still be out of range.
			l := loader{keys: keys, file: got}
			if _, err := l.load(DefaultConfig()); err != nil && strings.Contains(err.Error(), "decoding failed") {
				t.Fatal(err)
			}
		}
	})
}
