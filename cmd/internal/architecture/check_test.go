package architecture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// root finds the module's folder from the test's own.
func root(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("no go.mod above the test")
		}
		folder = parent
	}
}

func TestRepository(t *testing.T) {
	found, err := Check(os.DirFS(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range found {
		t.Error(violation)
	}
}

// TestRepositoryIsRead guards against a walk that finds nothing to judge.
func TestRepositoryIsRead(t *testing.T) {
	tree := os.DirFS(root(t))
	for _, folder := range []string{"cmd", "configs", "media"} {
		entries, err := os.ReadDir(filepath.Join(root(t), folder))
		if err != nil || len(entries) == 0 {
			t.Errorf("%s: %d entries, %v", folder, len(entries), err)
		}
	}
	c := checker{packages: map[string]described{}}
	if err := c.file(tree, "cmd/internal/architecture/doc.go"); err != nil {
		t.Fatal(err)
	}
	if !c.packages["cmd/internal/architecture"].comment {
		t.Error("the comment of this very package was not seen")
	}
}

func TestViolations(t *testing.T) {
	const comment = "// Package x is here.\n"
	ours := func(packages ...string) string {
		var b strings.Builder
		b.WriteString(comment + "package x\n")
		for _, p := range packages {
			b.WriteString("import _ \"" + Module + "/" + p + "\"\n")
		}
		return b.String()
	}
	foreign := func(p string) string { return comment + "package x\nimport _ \"" + p + "\"\n" }
	for _, row := range []struct {
		name, file, source string
		want               string // part of the violation; "" = none
	}{
		{"cmd wires all", "cmd/atrium/x.go", ours("media", "control/web", "bench"), ""},
		{"cmd's own internals", "cmd/atrium/x.go", ours("cmd/atrium/internal/server"), ""},
		{"media imports signal", "media/x.go", ours("signal"), "media may import only media/internal/..."},
		{"media imports its internals", "media/x.go", ours("media/internal/seq"), ""},
		{"media's internals import each other", "media/internal/nack/x.go", ours("media/internal/seq"), ""},
		{"media's internals import media", "media/internal/seq/x.go", ours("media"), "media/internal may import nothing of ours"},
		{"media imports HTTP", "media/x.go", foreign("net/http"), "media knows nothing of it"},
		{"media imports a part of HTTP", "media/x.go", foreign("net/http/httputil"), "media knows nothing of it"},
		{"media imports metrics", "media/x.go", foreign("github.com/prometheus/client_golang/prometheus"), "media knows nothing of it"},
		{"media's test may serve HTTP", "media/x_test.go", foreign("net/http"), ""},
		{"signal imports media", "signal/x.go", ours("media", "signal/message"), ""},
		{"signal imports control", "signal/x.go", ours("control"), "signal may import only media, signal/message"},
		{"signal imports media's internals", "signal/x.go", ours("media/internal/seq"), "must not import"},
		{"signal imports its client", "signal/x.go", ours("signal/client"), "must not import"},
		{"signal's test imports its client", "signal/x_test.go", ours("signal/client"), ""},
		{"messages import media", "signal/message/x.go", ours("media"), "nothing of ours"},
		{"client imports the server", "signal/client/x.go", ours("signal"), "signal/client may import only signal/message"},
		{"sdk imports anything", "signal/sdk/x.go", ours("signal/message"), "nothing of ours"},
		{"control imports media", "control/x.go", ours("media"), "control may import only control/store"},
		{"control imports its API", "control/x.go", ours("control/api"), "must not import"},
		{"control imports its reports", "control/x.go", ours("control/report"), ""},
		{"reports import the store", "control/report/x.go", ours("control/store"), "control/report may import nothing of ours"},
		{"reports import HTTP", "control/report/x.go", foreign("net/http"), "knows nothing of it"},
		{"store imports control", "control/store/x.go", ours("control"), "nothing of ours"},
		{"store's parts", "control/store/storetest/x.go", ours("control/store"), ""},
		{"API imports rules and store", "control/api/x.go", ours("control", "control/auth", "control/store", "control/report"), ""},
		{"API imports signal", "control/api/x.go", ours("signal"), "must not import"},
		{"API client imports API", "control/api/client/x.go", ours("control/api"), "nothing of ours"},
		{"pages import the SDK", "control/web/x.go", ours("signal/sdk"), ""},
		{"pages import control", "control/web/x.go", ours("control"), "control/web may import only signal/sdk"},
		{"turn imports media", "turn/x.go", ours("media"), "turn may import nothing of ours"},
		{"bench uses the clients", "bench/x.go", ours("signal/client", "control/api/client", "bench/link"), ""},
		{"bench imports media", "bench/x.go", ours("media"), "bench may import only"},
		{"a test uses the link", "media/x_test.go", ours("bench/link"), ""},
		{"code uses the link", "media/x.go", ours("bench/link"), "must not import"},
		{"configs takes Config types", "configs/x.go", ours("media", "signal", "turn", "control/api"), ""},
		{"configs imports the bench", "configs/x.go", ours("bench"), "must not import"},
		{"library imports configs", "media/x.go", ours("configs"), "must not import"},
		{"library imports cmd", "media/x_test.go", ours("cmd/atrium/internal/server"), "nothing imports cmd"},
		{"library loads configuration", "turn/x.go", foreign("github.com/spf13/viper"), "turn knows nothing of it"},
		{"another top-level folder", "pkg/util/x.go", ours(), "pkg/util: Go code stands only in"},
		{"code at the root", "x.go", ours(), "Go code stands only in"},
		{"no package comment", "turn/x.go", "package x\n", "turn: no package comment"},
		{"a comment that is none", "turn/x.go", "// not attached\n\npackage x\n", "turn: no package comment"},
		{"an empty comment", "turn/x.go", "//\npackage x\n", "turn: no package comment"},
		{"a directive is no comment", "turn/x.go", "//go:build linux\npackage x\n", "turn: no package comment"},
		{"test data doesn't count", "turn/testdata/x.go", "package x\n", ""},
		{"hidden folders don't count", ".cache/x.go", "package x\n", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, err := Check(fstest.MapFS{row.file: {Data: []byte(row.source)}})
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(found, "\n")
			if row.want == "" && all != "" || !strings.Contains(all, row.want) {
				t.Errorf("got %q, want %q", all, row.want)
			}
		})
	}
}

// TestCommentOfTests: a test's comment serves only a folder of tests.
func TestCommentOfTests(t *testing.T) {
	tree := fstest.MapFS{"turn/a_test.go": {Data: []byte("// Package turn is here.\npackage turn\n")}}
	if found, err := Check(tree); err != nil || len(found) > 0 {
		t.Fatalf("%v, %v", found, err)
	}
	tree["turn/a.go"] = &fstest.MapFile{Data: []byte("package turn\n")}
	if found, err := Check(tree); err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
}

// TestCommentInAnyFile: one comment serves the whole package.
func TestCommentInAnyFile(t *testing.T) {
	found, err := Check(fstest.MapFS{
		"turn/a.go":   {Data: []byte("package turn\n")},
		"turn/doc.go": {Data: []byte("// Package turn is here.\npackage turn\n")},
		"turn/z.go":   {Data: []byte("package turn\n")},
	})
	if err != nil || len(found) > 0 {
		t.Fatalf("%v, %v", found, err)
	}
}

func TestUnreadableFile(t *testing.T) {
	if _, err := Check(fstest.MapFS{"turn/x.go": {Data: []byte("pakkage")}}); err == nil {
		t.Fatal("a file that is no Go passed")
	}
}

// TestEveryRuleHasAFolderOfTheDesign keeps rules and folders together.
func TestEveryRuleHasAFolderOfTheDesign(t *testing.T) {
	for _, folder := range folders {
		if ruleOf(folder).folder != folder {
			t.Errorf("%s has no rule", folder)
		}
	}
}
