package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// schema is the fields that an object has.
//
// encoding/json alone isn't strict enough: it matches names whatever their
// case, takes the last of two equal names, can't require a field, and names an
// unknown one only in the text of an error.
type schema map[string]field

type field struct {
	// required is set when the field's tag has neither omitempty nor omitzero:
	// a client that leaves "muted" out shall not be taken to be unmuted.
	required bool
	// inner is the fields of a value that is an object or, where list is set,
	// of the objects of an array.
	inner schema
	list  bool
}

func schemaOf(t reflect.Type) schema {
	s := fieldsOf(t)
	s["type"] = field{required: true}
	return s
}

func fieldsOf(t reflect.Type) schema {
	s := schema{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		value := field{required: !strings.Contains(options, "omit")}
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem, value.list = elem.Elem(), true
		}
		if elem.Kind() == reflect.Struct {
			value.inner = fieldsOf(elem)
		}
		s[name] = value
	}
	return s
}

// checkFields walks the object in data, which is valid JSON and UTF-8, and
// refuses fields that s doesn't have, that come twice, and that are required
// but missing or null. It reads names and nothing else: an offer is 30 KB of
// string, which needn't be decoded twice.
func checkFields(data []byte, s schema) error {
	w := walker{rest: data}
	_, err := w.value(field{inner: s}, "")
	return err
}

// walker walks through JSON that is known to be valid; if it isn't after all,
// it ends with an error.
type walker struct{ rest []byte }

// next returns the next byte that is no space, and leaves it; 0 is the end.
func (w *walker) next() byte {
	w.rest = bytes.TrimLeft(w.rest, " \t\r\n")
	if len(w.rest) == 0 {
		return 0
	}
	return w.rest[0]
}

// take takes c, if it is what comes next.
func (w *walker) take(c byte) bool {
	if w.next() != c {
		return false
	}
	w.rest = w.rest[1:]
	return true
}

// text takes a string, and returns it with its quotes.
func (w *walker) text() (quoted []byte, ok bool) {
	if w.next() != '"' {
		return nil, false
	}
	for i := 1; i < len(w.rest); i++ {
		switch w.rest[i] {
		case '\\':
			i++
		case '"':
			quoted, w.rest = w.rest[:i+1], w.rest[i+1:]
			return quoted, true
		}
	}
	return nil, false
}

// name takes the name of a field.
func (w *walker) name() (name string, ok bool) {
	quoted, ok := w.text()
	if !ok {
		return "", false
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), true
	}
	return name, json.Unmarshal(quoted, &name) == nil
}

// value walks one value and says whether it is null. Recursion is bounded:
// depth was checked before.
func (w *walker) value(f field, path string) (null bool, err error) {
	switch w.next() {
	case '{':
		if f.list {
			return false, bad(path, "must be an array, not object")
		}
		return false, w.object(f.inner, path)
	case '[':
		return false, w.array(f.inner, path)
	case '"':
		if _, ok := w.text(); !ok {
			return false, invalid(path)
		}
		return false, nil
	}
	// A number, true, false or null.
	end := bytes.IndexAny(w.rest, ",]} \t\r\n")
	if end < 0 {
		end = len(w.rest)
	}
	literal := w.rest[:end]
	w.rest = w.rest[end:]
	if len(literal) == 0 {
		return false, invalid(path)
	}
	return string(literal) == "null", nil
}

func (w *walker) array(s schema, path string) error {
	w.take('[')
	if w.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		null, err := w.value(field{inner: s}, at)
		if err != nil {
			return err
		}
		if null {
			return bad(at, "is null")
		}
		if w.take(']') {
			return nil
		}
		if !w.take(',') {
			return invalid(path)
		}
	}
}

func (w *walker) object(s schema, path string) error {
	prefix := ""
	if path != "" {
		prefix = path + "."
	}
	seen := make(map[string]bool, len(s)) // false: null, which is as if absent
	w.take('{')
	for first := true; !w.take('}'); first = false {
		if !first && !w.take(',') {
			return invalid(path)
		}
		name, ok := w.name()
		if !ok || !w.take(':') {
			return invalid(path)
		}
		f, known := s[name]
		if !known {
			return bad(prefix+name, "is unknown")
		}
		if _, twice := seen[name]; twice {
			return bad(prefix+name, "comes twice")
		}
		null, err := w.value(f, prefix+name)
		if err != nil {
			return err
		}
		seen[name] = !null
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name].required && !seen[name] {
			return bad(prefix+name, "is required")
		}
	}
	return nil
}

func invalid(path string) error { return bad(path, "is not valid JSON") }
