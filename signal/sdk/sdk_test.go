package sdk_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/signal/sdk"
)

// imports finds the module of a static import, a re-export or a JSDoc import.
var imports = regexp.MustCompile(`(?:from |import\()'([^']+)'`)

// Every import resolves to an embedded file and none leaves the SDK: it works
// from wherever it is served, and nothing third-party is in it.
func TestModulesAreSelfContained(t *testing.T) {
	files, err := sdk.Files()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		seen++
		if n := strings.Count(string(body), "\n"); n > 400 {
			t.Errorf("%s has %d lines, more than 400", name, n)
		}
		for _, match := range imports.FindAllStringSubmatch(string(body), -1) {
			if !strings.HasPrefix(match[1], "./") {
				t.Errorf("%s imports %q: only modules of the SDK are allowed", name, match[1])
				continue
			}
			if _, err := fs.Stat(files, path.Clean(match[1])); err != nil {
				t.Errorf("%s imports %q: %v", name, match[1], err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("only %d modules are embedded", seen)
	}
}
