package bench

import (
	"math"
	"reflect"
	"sort"
	"strings"
	"time"
)

// Field is one scalar of a result.
type Field struct {
	// Path is the dotted name in result.json, such as join.p95.
	Path string
	// Type is "number", "bool" or "string".
	Type string
	// Unit is the unit tag of the field, "" for counts and all but numbers.
	Unit string
	// Value is a float64, bool or string, or nil when the figure is null.
	Value any
}

// Types of a field.
const (
	typeNumber = "number"
	typeBool   = "bool"
	typeString = "string"
)

// Fields lists the scalars of r in the order of result.json. Lists have none.
func (r *Result) Fields() []Field {
	return fieldsOf(r)
}

// fieldsOf lists the scalars of what a result points to.
func fieldsOf(result any) []Field { return appendFields(nil, "", reflect.ValueOf(result).Elem()) }

func appendFields(to []Field, prefix string, v reflect.Value) []Field {
	for i := range v.NumField() {
		tag := v.Type().Field(i)
		name, _, _ := strings.Cut(tag.Tag.Get("json"), ",")
		path, value := prefix+name, v.Field(i)
		if at, ok := value.Interface().(time.Time); ok {
			to = append(to, Field{Path: path, Type: typeString, Value: at.Format(time.RFC3339)})
			continue
		}
		switch value.Kind() {
		case reflect.Struct:
			to = appendFields(to, path+".", value)
		case reflect.Slice: // a list is no scalar
		default:
			kind, scalar := scalarOf(value)
			to = append(to, Field{Path: path, Type: kind, Unit: tag.Tag.Get("unit"), Value: scalar})
		}
	}
	return to
}

// scalarOf gives the type of a field and its value as float64, bool or string.
func scalarOf(v reflect.Value) (kind string, value any) {
	switch v.Kind() {
	case reflect.Bool:
		return typeBool, v.Bool()
	case reflect.String:
		return typeString, v.String()
	case reflect.Pointer:
		if v.IsNil() {
			return typeNumber, nil
		}
		return scalarOf(v.Elem())
	case reflect.Float64:
		return typeNumber, v.Float()
	default:
		return typeNumber, float64(v.Int())
	}
}

// lookup finds the field that name means: its path, its path with _ for every
// dot, or the last part of its path where only one field ends so. When it is
// none or several of these, near names the candidates, best first.
func lookup(fields []Field, name string) (found Field, near []string, ok bool) {
	var byTail []Field
	for _, f := range fields {
		if f.Path == name || strings.ReplaceAll(f.Path, ".", "_") == name {
			return f, nil, true
		}
		if f.Path[strings.LastIndexByte(f.Path, '.')+1:] == name {
			byTail = append(byTail, f)
		}
	}
	if len(byTail) == 1 {
		return byTail[0], nil, true
	}
	if len(byTail) > 1 {
		for _, f := range byTail {
			near = append(near, f.Path)
		}
		return Field{}, near, false
	}
	return Field{}, nearest(fields, name), false
}

// nearest gives up to three paths that name most likely is a misspelling of:
// those with the smallest edit distance of any of their names, and among these
// first those that begin with the same letter.
func nearest(fields []Field, name string) []string {
	type candidate struct {
		path     string
		distance int
	}
	name = strings.ToLower(name)
	all := make([]candidate, 0, len(fields))
	for _, f := range fields {
		best := math.MaxInt
		tail := f.Path[strings.LastIndexByte(f.Path, '.')+1:]
		for _, known := range []string{tail, f.Path, strings.ReplaceAll(f.Path, ".", "_")} {
			d := 2 * editDistance(name, known)
			if name == "" || known[0] != name[0] {
				d++
			}
			best = min(best, d)
		}
		all = append(all, candidate{f.Path, best})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].distance < all[j].distance })
	var near []string
	for _, c := range all {
		if c.distance > all[0].distance || len(near) == 3 {
			break
		}
		near = append(near, c.path)
	}
	return near
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
