package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file: an honest one has a few kilobytes.
const maxFile = 1 << 20

// file is a parsed configuration file.
type file struct {
	name   string
	values map[string]any // by key; only what is set
	lines  map[string]int // of each key
}

// yamlLine finds the line in the texts of the YAML package's errors.
var yamlLine = regexp.MustCompile(`line (\d+)`)

// parseFile reads YAML against the keys. It checks names and kinds of values
// itself, because only here the lines are known, and because viper's loose
// conversions would let much pass (`timeout: 30` as 30 ns). The error is one
// or several *Error, joined.
func parseFile(name string, content []byte, keys []key) (file, error) {
	f := file{name: name, values: map[string]any{}, lines: map[string]int{}}
	if len(content) > maxFile {
		return f, &Error{File: name, Message: "is larger than 1 MiB; is it the right file?"}
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) { // nothing but comments
			return f, nil
		}
		return f, notYAML(name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, &Error{File: name, Message: "holds several YAML documents; keep one"}
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return f, nil
	}
	if root.Kind != yaml.MappingNode {
		return f, &Error{File: name, Line: root.Line, Message: "is not made of sections; write it as in `atrium config print`"}
	}
	p := fileParser{file: &f, keys: map[string]key{}, sections: map[string]bool{}, all: keys}
	for _, k := range keys {
		p.keys[k.name] = k
	}
	for _, s := range sections(keys) {
		p.sections[s] = true
	}
	p.mapping(root, "")
	return f, errors.Join(p.errs...)
}

func notYAML(name string, err error) *Error {
	e := &Error{File: name}
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(what); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		what = strings.TrimPrefix(what, m[0]+": ") // the line is told already
	}
	e.Message = "is not YAML: " + what + "; correct it there, indenting with spaces, as in `atrium config print`"
	return e
}

type fileParser struct {
	file     *file
	keys     map[string]key
	sections map[string]bool
	all      []key
	errs     []error
}

func (p *fileParser) fail(node *yaml.Node, name, format string, args ...any) {
	p.errs = append(p.errs, &Error{File: p.file.name, Line: node.Line, Key: name, Message: fmt.Sprintf(format, args...)})
}

// mapping reads a section. Keys have two or three parts, so that the recursion
// ends where the schema does.
func (p *fileParser) mapping(node *yaml.Node, prefix string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		nameNode, value := node.Content[i], resolve(node.Content[i+1])
		name := prefix + nameNode.Value
		k, isKey := p.keys[name]
		switch {
		case p.file.lines[name] != 0:
			p.fail(nameNode, name, "stands twice, first in line %d; keep one", p.file.lines[name])
			continue
		case !isKey && !p.sections[name]:
			p.errs = append(p.errs, &Error{File: p.file.name, Line: nameNode.Line, Key: name,
				Message: "no such key", Nearest: nearest(name, p.all)})
			continue
		}
		p.file.lines[name] = nameNode.Line
		switch {
		case value.Tag == "!!null": // the default
		case isKey:
			p.value(k, value)
		case value.Kind == yaml.MappingNode:
			p.mapping(value, name+".")
		default:
			p.fail(value, name, "is a section; write its keys below it, indented")
		}
	}
}

// resolve follows an alias. (An alias can't name another alias.)
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// value reads one key's value.
func (p *fileParser) value(k key, node *yaml.Node) {
	v, ok := convert(k, node)
	if !ok {
		got := describe(node)
		if k.secret {
			got = "what stands there"
		}
		p.fail(node, k.name, "must be %s, not %s", k.what(), got)
		return
	}
	p.file.values[k.name] = v
}

// convert returns the node's value in a form that viper decodes without
// guessing; false if it is of another kind.
func convert(k key, node *yaml.Node) (any, bool) {
	if k.typ.Kind() == reflect.Slice {
		if node.Kind != yaml.SequenceNode {
			return nil, false
		}
		list := make([]string, 0, len(node.Content))
		for _, item := range node.Content {
			item = resolve(item)
			if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
				return nil, false
			}
			list = append(list, item.Value)
		}
		return list, true
	}
	if node.Kind != yaml.ScalarNode {
		return nil, false
	}
	var err error
	switch {
	case k.typ == durationType:
		var d time.Duration
		d, err = time.ParseDuration(node.Value) // "0" is one, "30" isn't
		return d.String(), err == nil
	case k.typ.Kind() == reflect.String:
		return node.Value, node.Tag == "!!str"
	case k.typ.Kind() == reflect.Bool:
		var b bool
		err = node.Decode(&b)
		return b, err == nil && node.Tag == "!!bool"
	case k.typ.Kind() == reflect.Float64:
		var n float64
		err = node.Decode(&n)
		return n, err == nil && (node.Tag == "!!float" || node.Tag == "!!int")
	default:
		n := reflect.New(k.typ)
		err = node.Decode(n.Interface())
		return n.Elem().Interface(), err == nil && node.Tag == "!!int"
	}
}

// describe names a value in an error, shortened.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a section"
	case yaml.SequenceNode:
		return "a list"
	}
	value := node.Value
	if len(value) > 40 {
		value = value[:40] + "…"
	}
	return strconv.Quote(value)
}
