package bench

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tables reads the tables of a file by the heading that they stand below: path,
// type and unit of each field.
func tables(t *testing.T, file string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| `([^`]+)` \\| ([a-z ]+) \\| ([a-z/]*) ?\\|")
	section, tables := "", map[string][][]string{}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "**"); ok && strings.HasSuffix(name, "**") {
			section = strings.TrimSuffix(name, "**")
		}
		if m := row.FindStringSubmatch(line); m != nil {
			tables[section] = append(tables[section], m[1:])
		}
	}
	return tables
}

// documented reads a file's fields: one line "path type unit" for each, with the
// fields of percentiles and media, which RESULT.md has, put in where they are
// used.
func documented(t *testing.T, file string) []string {
	t.Helper()
	tables, own := tables(t, "RESULT.md"), tables(t, file)
	tables[""] = own[""]
	var expand func(prefix, table string) []string
	expand = func(prefix, table string) (all []string) {
		for _, f := range tables[table] {
			if _, nested := tables[f[1]]; nested {
				all = append(all, expand(prefix+strings.TrimSuffix(f[0], "*"), f[1])...)
				continue
			}
			all = append(all, strings.Join([]string{prefix + f[0], f[1], f[2]}, " "))
		}
		return all
	}
	return expand("", "")
}

// declared walks the Go type: "path type unit" of each field.
func declared(kind reflect.Type, path, unit string) []string {
	switch {
	case kind == reflect.TypeFor[time.Time]():
		return []string{path + " string "}
	case kind.Kind() == reflect.Pointer:
		return declared(kind.Elem(), path, unit)
	case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct:
		return declared(kind.Elem(), path+"[]", "")
	case kind.Kind() == reflect.Slice:
		return []string{path + " list of " + kind.Elem().String() + " "}
	case kind.Kind() == reflect.Struct:
		var all []string
		for i := range kind.NumField() {
			f := kind.Field(i)
			inner := strings.TrimPrefix(path+"."+f.Tag.Get("json"), ".")
			all = append(all, declared(f.Type, inner, f.Tag.Get("unit"))...)
		}
		return all
	}
	name := "number"
	switch kind.Kind() {
	case reflect.Bool:
		name = "bool"
	case reflect.String:
		name = "string"
	}
	return []string{path + " " + name + " " + unit}
}

func TestResultIsDocumented(t *testing.T) {
	for file, kind := range map[string]reflect.Type{
		"RESULT.md": reflect.TypeFor[Result](), "BREAKOUT.md": reflect.TypeFor[BreakoutResult](),
	} {
		if diff := cmp.Diff(documented(t, file), declared(kind, "", "")); diff != "" {
			t.Errorf("%s (-) and %s (+) differ:\n%s", file, kind, diff)
		}
	}
}

func TestFieldsAreResultJSON(t *testing.T) {
	for _, result := range []interface{ Fields() []Field }{new(Result), new(BreakoutResult)} {
		fieldsAreJSON(t, result, result.Fields())
	}
}

func fieldsAreJSON(t *testing.T, result any, fields []Field) {
	t.Helper()
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	short := map[string]string{}
	for _, f := range fields {
		at := any(tree)
		for part := range strings.SplitSeq(f.Path, ".") {
			branch, ok := at.(map[string]any)
			if !ok {
				t.Fatalf("%s: result.json has no such place", f.Path)
			}
			if at, ok = branch[part]; !ok {
				t.Fatalf("%s: not in result.json", f.Path)
			}
		}
		name := strings.ReplaceAll(f.Path, ".", "_")
		if other, taken := short[name]; taken {
			t.Errorf("%s and %s have the same short name %s", f.Path, other, name)
		}
		short[name] = f.Path
	}
}

// What was not measured is null, so that no claim can hold by accident.
func TestUnmeasuredIsNull(t *testing.T) {
	text, err := json.Marshal(Result{Server: (&serverWatch{}).figures(time.Second, 0), Audio: mediaCounters{}.figures(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`"us_per_forwarded_packet":null`, `"loss":null`, `"p95":null`, `"cpu":null`, `"cpu_share":null`,
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}
