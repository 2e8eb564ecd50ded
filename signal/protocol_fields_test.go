package signal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// field of a message as package message declares it.
type field struct {
	optional bool
	of       string // the struct that it holds, or lists; "": none
}

// messageTypes are the structs of package message, and which of them are
// messages: by the name of the struct, their type on the wire.
type messageTypes struct {
	structs    map[string]map[string]field // by name and field on the wire
	fromClient map[string]string
	fromServer map[string]string
}

// PROTOCOL.md names every field of every message, and says which may be
// absent: whoever adds one and doesn't tell of it, or tells of one that isn't
// there, fails here.
func TestProtocolTellsEveryField(t *testing.T) {
	data, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, types := string(data), readMessages(t)
	if len(types.fromClient) < 9 || len(types.fromServer) < 14 {
		t.Fatalf("%d messages of clients and %d of the server were found", len(types.fromClient), len(types.fromServer))
	}
	for name, kind := range types.fromClient {
		cells := strings.Split(lineWith(doc, "| `"+kind+"` | "), " | ")
		if len(cells) < 3 {
			t.Errorf("the client's %s isn't told of", kind)
			continue
		}
		if diff := missing(types.structs[name], namedIn(cells[1])); len(diff) > 0 {
			t.Errorf("the client's %s: %v", kind, diff)
		}
	}
	for name, kind := range types.fromServer {
		section := sectionOf(doc, kind)
		if section == "" {
			t.Errorf("the server's %s isn't told of", kind)
		}
		if signature := regexp.MustCompile("^\n[*]{2}`" + kind + "`[*]{2} `({.*?})`").FindStringSubmatch(section); signature != nil {
			if diff := missing(types.structs[name], declared(signature[1])); len(diff) > 0 {
				t.Errorf("the server's %s: %v", kind, diff)
			}
		}
	}
	for name := range types.structs {
		for wire := range types.structs[name] {
			if !slices.ContainsFunc(types.usersOf(name), func(kind string) bool { return inCode(doc, kind, wire) }) {
				t.Errorf("%s of %s isn't told of where a message that has it is", wire, name)
			}
		}
	}
}

// readMessages reads package message's source.
func readMessages(t *testing.T) messageTypes {
	t.Helper()
	types := messageTypes{map[string]map[string]field{}, map[string]string{}, map[string]string{}}
	kinds, server := map[string]string{}, map[string]bool{}
	names, err := filepath.Glob("message/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					types.structs[n.Name.Name] = fieldsOf(s)
				}
			case *ast.FuncDecl:
				of := receiverOf(n)
				server[of] = server[of] || n.Name.Name == "fromServer"
				if n.Name.Name == "MessageType" {
					literal := n.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value
					kinds[of], _ = strconv.Unquote(literal)
				}
			}
			return true
		})
	}
	maps.DeleteFunc(types.structs, func(_ string, fields map[string]field) bool { return len(fields) == 0 })
	for name, kind := range kinds {
		if server[name] {
			types.fromServer[name] = kind
		} else {
			types.fromClient[name] = kind
		}
	}
	return types
}

// fieldsOf are the fields of a struct that have a name on the wire.
func fieldsOf(s *ast.StructType) map[string]field {
	fields := map[string]field{}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if name != "" {
			fields[name] = field{strings.Contains(options, "omit"), structOf(f.Type)}
		}
	}
	return fields
}

// structOf is the struct of this package that a field holds, or lists.
func structOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.ArrayType:
		return structOf(e.Elt)
	case *ast.StarExpr:
		return structOf(e.X)
	}
	return ""
}

func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	return structOf(f.Recv.List[0].Type)
}

// usersOf are the messages on the wire that are, hold or list a struct.
func (m messageTypes) usersOf(name string) []string {
	var kinds []string
	for _, family := range []map[string]string{m.fromClient, m.fromServer} {
		for message, kind := range family {
			if m.holds(message, name) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

func (m messageTypes) holds(outer, inner string) bool {
	if outer == inner {
		return true
	}
	for _, f := range m.structs[outer] {
		if f.of != "" && m.holds(f.of, inner) {
			return true
		}
	}
	return false
}

// missing says how what is told of differs from what there is.
func missing(is map[string]field, told map[string]bool) (wrong []string) {
	for name, f := range is {
		optional, ok := told[name]
		switch {
		case !ok:
			wrong = append(wrong, name+" isn't told of")
		case optional != f.optional:
			wrong = append(wrong, name+": whether it may be absent isn't told rightly")
		}
	}
	for name := range told {
		if _, ok := is[name]; !ok {
			wrong = append(wrong, name+" is told of, and there is none")
		}
	}
	slices.Sort(wrong)
	return wrong
}

// declared are the fields of "{a, b?, c: [{…}]}", and whether each is optional.
func declared(signature string) map[string]bool {
	fields := map[string]bool{}
	depth, item := 0, ""
	note := func() {
		name, _, _ := strings.Cut(item, ":")
		name = strings.TrimSpace(name)
		fields[strings.TrimSuffix(name, "?")] = strings.HasSuffix(name, "?")
		item = ""
	}
	for _, c := range signature {
		switch c {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		}
		switch {
		case depth == 1 && c == ',', depth == 0:
			note()
		case depth == 1 && c != '{':
			item += string(c)
		}
	}
	return fields
}

var fieldName = regexp.MustCompile("`([a-z_]+)(\\??)`")

// namedIn are the fields in a cell of a table, and whether each is optional.
func namedIn(cell string) map[string]bool {
	fields := map[string]bool{}
	for _, found := range fieldName.FindAllStringSubmatch(cell, -1) {
		fields[found[1]] = found[2] != ""
	}
	return fields
}

// lineWith is the first line of a text that begins with something.
func lineWith(text, begin string) string {
	_, line, _ := strings.Cut(text, "\n"+begin)
	line, _, _ = strings.Cut(line, "\n")
	return begin + line
}

// sectionOf is what PROTOCOL.md says of a message of the server.
func sectionOf(doc, kind string) string {
	// The last one: some are told of twice, what they mean and what they are
	// made of.
	begin := strings.LastIndex(doc, "\n**`"+kind+"`** ")
	if begin < 0 {
		return ""
	}
	rest := doc[begin+1:]
	if end := regexp.MustCompile("\n([*]{2}`|## )").FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return "\n" + rest
}

var inlineCode = regexp.MustCompile("(?s)```json\n.*?```|`[^`\n]+`")

// inCode says whether what stands about a message has a word in code.
func inCode(doc, kind, word string) bool {
	about := lineWith(doc, "| `"+kind+"` | ") + sectionOf(doc, kind)
	is := regexp.MustCompile(`\b` + word + `\b`)
	return slices.ContainsFunc(inlineCode.FindAllString(about, -1), is.MatchString)
}
