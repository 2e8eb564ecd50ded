package architecture

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Check reads the Go files of a tree whose root is the module's, and returns
// one sentence per violation, sorted. Files in testdata and in folders that
// begin with a dot or an underscore don't count. The error is that of reading
// or parsing a file.
func Check(tree fs.FS) ([]string, error) {
	c := checker{packages: map[string]described{}}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		return c.file(tree, name)
	})
	if err != nil {
		return nil, err
	}
	for folder, d := range c.packages {
		if !d.comment && (d.code || !d.testComment) {
			c.found = append(c.found, fmt.Sprintf("%s: no package comment: say in doc.go what the package is", folder))
		}
	}
	slices.Sort(c.found)
	return slices.Compact(c.found), nil
}

// checker collects what one walk finds.
type checker struct {
	packages map[string]described // by folder
	found    []string
}

// described says what of a folder was seen. A comment in a test file counts
// only where there is nothing but tests: it is no documentation of a package.
type described struct{ code, comment, testComment bool }

// file checks one Go file and notes whether it has its package's comment.
func (c *checker) file(tree fs.FS, name string) error {
	source, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	folder := path.Dir(name)
	if top, _, _ := strings.Cut(folder, "/"); !slices.Contains(folders, top) {
		c.found = append(c.found, fmt.Sprintf("%s: Go code stands only in %s", folder, strings.Join(folders, ", ")))
		return nil
	}
	test := strings.HasSuffix(name, "_test.go")
	commented := f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
	d := c.packages[folder]
	d.code = d.code || !test
	d.comment = d.comment || commented && !test
	d.testComment = d.testComment || commented && test
	c.packages[folder] = d
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if why := verdict(folder, imported, test); why != "" {
			c.found = append(c.found, fmt.Sprintf("%s: must not import %s: %s", name, imported, why))
		}
	}
	return nil
}

// verdict says why a file of folder may not import a package; "" if it may.
func verdict(folder, imported string, test bool) string {
	r := ruleOf(folder)
	ours, internal := strings.CutPrefix(imported, Module+"/")
	if !internal {
		for _, prefix := range r.never {
			if !test && (imported == prefix || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/")) {
				return fmt.Sprintf("%s knows nothing of it", r.folder)
			}
		}
		return ""
	}
	if within(ours, "cmd") && !within(folder, "cmd") {
		return "nothing imports cmd"
	}
	if ours == folder || ruleOf(ours).folder == r.folder {
		return ""
	}
	if test && ours == "bench/link" {
		return ""
	}
	allowed := r.may
	if test {
		allowed = append(slices.Clone(r.may), r.tests...)
	}
	for _, pattern := range allowed {
		below, all := strings.CutSuffix(pattern, "/...")
		if pattern == "..." || pattern == ours || all && within(ours, below) {
			return ""
		}
	}
	return fmt.Sprintf("%s may import %s", r.folder, list(allowed))
}

// ruleOf returns the rule of the longest folder that holds folder.
func ruleOf(folder string) rule {
	var best rule
	for _, r := range rules {
		if within(folder, r.folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best
}

// within says whether name is folder or below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func list(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing of ours"
	}
	return "only " + strings.Join(allowed, ", ")
}
