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

// checkFields walks the object in data and refuses fields that s doesn't have,
// that come twice, and that are required but missing or null.
func checkFields(data []byte, s schema) error {
	w := walker{dec: json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	_, err := w.value(field{inner: s}, "")
	return err
}

type walker struct{ dec *json.Decoder }

// value walks one value and says whether it is null. Recursion is bounded:
// depth was checked before.
func (w walker) value(f field, path string) (null bool, err error) {
	tok, err := w.dec.Token()
	if err != nil {
		return false, bad(path, "is not valid JSON")
	}
	switch {
	case tok == json.Delim('{') && f.list:
		return false, bad(path, "must be an array, not object")
	case tok == json.Delim('['):
		return false, w.array(f.inner, path)
	case tok == json.Delim('{'):
		return false, w.object(f.inner, path)
	}
	return tok == nil, nil
}

func (w walker) array(s schema, path string) error {
	for i := 0; w.dec.More(); i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		null, err := w.value(field{inner: s}, at)
		if err != nil {
			return err
		}
		if null {
			return bad(at, "is null")
		}
	}
	return w.end(path)
}

func (w walker) object(s schema, path string) error {
	prefix := ""
	if path != "" {
		prefix = path + "."
	}
	seen := make(map[string]bool, len(s)) // false: null, which is as if absent
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return bad(path, "is not valid JSON")
		}
		name, _ := tok.(string) // a name is always a string
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
	return w.end(path)
}

func (w walker) end(path string) error {
	if _, err := w.dec.Token(); err != nil {
		return bad(path, "is not valid JSON")
	}
	return nil
}
