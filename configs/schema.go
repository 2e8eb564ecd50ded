package configs

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// key is one setting.
type key struct {
	name string // media.udp_port
	typ  reflect.Type
	// secret values are never printed, and can be given as a file's name.
	secret bool
	// fileOf is set for the key that names the file of a secret: the secret's
	// name. Such a key has no field in Config.
	fileOf string
}

var durationType = reflect.TypeFor[time.Duration]()

// env is the name of the environment variable.
func (k key) env() string {
	return "ATRIUM_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// flag is the name of the flag, without the dashes.
func (k key) flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(k.name)
}

// what describes the values that a key takes.
func (k key) what() string {
	switch {
	case k.typ == durationType:
		return "a duration such as 30s, 5m or 1h"
	case k.typ.Kind() == reflect.Bool:
		return "true or false"
	case k.typ.Kind() == reflect.Slice:
		return "a list of texts such as [a, b]"
	case k.typ.Kind() == reflect.String:
		return "text; put it in quotes"
	case k.typ.Kind() == reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// schema lists every key, in the order of the fields of Config.
func schema() []key {
	return keysOf(reflect.TypeFor[Config](), "")
}

func keysOf(t reflect.Type, prefix string) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		if !f.IsExported() || tag == "" || tag == "-" {
			continue
		}
		name := prefix + tag
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, name+".")...)
			continue
		}
		k := key{name: name, typ: f.Type, secret: isSecret(tag) && f.Type.Kind() == reflect.String}
		keys = append(keys, k)
		if k.secret {
			keys = append(keys, key{name: name + "_file", typ: f.Type, fileOf: name})
		}
	}
	return keys
}

// isSecret goes by the name, so that a package can't forget to say it.
func isSecret(tag string) bool {
	last := tag[strings.LastIndexByte(tag, '_')+1:]
	return slices.Contains([]string{"secret", "password", "token", "key"}, last)
}

// sections lists the names that hold keys: media, http, …
func sections(keys []key) []string {
	var names []string
	for _, k := range keys {
		for i, r := range k.name {
			if r == '.' && !slices.Contains(names, k.name[:i]) {
				names = append(names, k.name[:i])
			}
		}
	}
	return names
}

// nearest returns the key or section that a misspelt name most likely means;
// "" when nothing is near.
func nearest(name string, keys []key) string {
	candidates := sections(keys)
	for _, k := range keys {
		candidates = append(candidates, k.name)
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	best, bestDistance := "", len(name)/3+2
	for _, c := range candidates {
		d := distance(name, c)
		// The right key in the wrong section.
		if strings.HasSuffix(c, "."+last) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of single-byte edits between a and b, an exchange of
// neighbours counting as one (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 256 { // no key is: don't spend quadratic time on it
		return len(a)
	}
	before, previous, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(b)]
}
