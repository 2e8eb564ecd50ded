package configs

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Options says where Load looks.
type Options struct {
	// File is the YAML file to read; "" for none.
	File string
	// Flags that AddFlags prepared; nil for none.
	Flags *pflag.FlagSet
	// Defaults in force where nothing is set; nil for DefaultConfig.
	Defaults *Config
}

// AddFlags adds a flag for every key.
func AddFlags(flags *pflag.FlagSet) {
	usage := comments()
	defaults := valuesOf(DefaultConfig())
	for _, k := range schema() {
		// Shown, not applied: the default is Load's to choose.
		text := usage[k.name]
		switch {
		case k.typ == durationType:
			flags.Duration(k.flag(), 0, text)
		case k.typ.Kind() == reflect.Bool:
			flags.Bool(k.flag(), false, text)
		case k.typ.Kind() == reflect.Slice:
			flags.StringSlice(k.flag(), nil, text)
		case k.typ.Kind() == reflect.String:
			flags.String(k.flag(), "", text)
		case k.typ.Kind() == reflect.Float64:
			flags.Float64(k.flag(), 0, text)
		default:
			flags.Int64(k.flag(), 0, text)
		}
		if shown := fmt.Sprint(defaults[k.name]); k.fileOf == "" && !k.secret {
			flags.Lookup(k.flag()).DefValue = shown
		}
	}
}

// Load returns the validated configuration. Everything that is wrong with it
// is reported at once: joined *Errors.
func Load(o Options) (Config, error) {
	l := loader{keys: schema(), flags: o.Flags}
	defaults := DefaultConfig()
	if o.Defaults != nil {
		defaults = *o.Defaults
	}
	if o.File != "" {
		content, err := readFile(o.File)
		if err != nil {
			return Config{}, err
		}
		if l.file, err = parseFile(o.File, content, l.keys); err != nil {
			return Config{}, err
		}
	}
	return l.load(defaults)
}

// readFile reads a configuration file or says what to do about it.
func readFile(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	var path *os.PathError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, &Error{File: name, Message: "no such file; name an existing one, or leave --config away to use the defaults"}
	case errors.As(err, &path):
		return nil, &Error{File: name, Message: fmt.Sprintf("can't be read (%v); let this user read it", path.Err)}
	case err != nil:
		return nil, &Error{File: name, Message: err.Error()}
	}
	return content, nil
}

// loader holds one Load's sources.
type loader struct {
	keys  []key
	file  file
	flags *pflag.FlagSet
}

func (l *loader) load(defaults Config) (Config, error) {
	fields, files, err := l.vipers(defaults)
	if err != nil {
		return Config{}, err
	}
	if err := l.secrets(fields, files); err != nil {
		return Config{}, err
	}
	var c Config
	hooks := viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.StringToTimeDurationHookFunc(), splitList))
	if err := fields.UnmarshalExact(&c, hooks); err != nil {
		return Config{}, l.undecodable(err)
	}
	if err := c.Validate(); err != nil {
		return Config{}, l.locate(err)
	}
	return c, nil
}

// splitList takes a list from the environment apart: commas, spaces allowed.
func splitList(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice {
		return value, nil
	}
	var list []string
	for _, item := range strings.Split(value.(string), ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list, nil
}

// vipers returns one viper for the keys that are fields of Config, and one for
// those that name the file of a secret (UnmarshalExact would refuse these).
func (l *loader) vipers(defaults Config) (fields, files *viper.Viper, err error) {
	fields, files = viper.New(), viper.New()
	values := valuesOf(defaults)
	for _, k := range l.keys {
		v := fields
		if k.fileOf != "" {
			v = files
			v.SetDefault(k.name, "")
		} else {
			// Without a default viper would not see the environment's value.
			v.SetDefault(k.name, values[k.name])
		}
		if err := v.BindEnv(k.name, k.env()); err != nil {
			return nil, nil, err
		}
		if l.flags != nil {
			if f := l.flags.Lookup(k.flag()); f != nil {
				if err := v.BindPFlag(k.name, f); err != nil {
					return nil, nil, err
				}
			}
		}
		if value, ok := l.file.values[k.name]; ok {
			if err := v.MergeConfigMap(nest(k.name, value)); err != nil {
				return nil, nil, err
			}
		}
	}
	return fields, files, nil
}

// nest turns a.b and a value into {a: {b: value}}.
func nest(name string, value any) map[string]any {
	parts := strings.Split(name, ".")
	for _, part := range slices.Backward(parts) {
		value = map[string]any{part: value}
	}
	return value.(map[string]any)
}

// secrets reads the files that hold secrets.
func (l *loader) secrets(fields, files *viper.Viper) error {
	var errs []error
	for _, k := range l.keys {
		name := files.GetString(k.name)
		if k.fileOf == "" || name == "" {
			continue
		}
		if fields.GetString(k.fileOf) != "" {
			errs = append(errs, l.at(k.name, "is set as well as "+k.fileOf+"; set one of them"))
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, l.at(k.name, fmt.Sprintf("can't be read (%v); name a file that this user can read", err)))
			continue
		}
		secret := strings.TrimRight(string(content), "\r\n")
		if secret == "" {
			errs = append(errs, l.at(k.name, name+" is empty; write the secret into it"))
			continue
		}
		fields.Set(k.fileOf, secret)
	}
	return errors.Join(errs...)
}

// at makes an Error about a key that says where its value comes from.
func (l *loader) at(name, message string) *Error {
	e := &Error{Key: name, Message: message}
	i := slices.IndexFunc(l.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return e
	}
	k := l.keys[i]
	if l.flags != nil {
		if f := l.flags.Lookup(k.flag()); f != nil && f.Changed {
			e.Flag = "--" + k.flag()
			return e
		}
	}
	if os.Getenv(k.env()) != "" {
		e.Env = k.env()
	} else if _, ok := l.file.values[name]; ok {
		e.File, e.Line = l.file.name, l.file.lines[name]
	}
	return e
}

// locate turns what Validate says ("media.udp_port: …") into *Errors.
func (l *loader) locate(err error) error {
	var errs []error
	for _, e := range split(err) {
		name, message, ok := strings.Cut(e.Error(), ": ")
		if !ok {
			name, message = "", e.Error()
		}
		errs = append(errs, l.at(name, message))
	}
	return errors.Join(errs...)
}

// Locate gives an error of Config's Validate methods its place, as Load does.
func Locate(o Options, err error) error {
	l := loader{keys: schema(), flags: o.Flags}
	if content, e := os.ReadFile(o.File); o.File != "" && e == nil {
		l.file, _ = parseFile(o.File, content, l.keys)
	}
	return l.locate(err)
}

// undecodable handles values of the wrong kind. Those of the file have been
// refused before: these come from the environment.
func (l *loader) undecodable(err error) error {
	for _, k := range l.keys {
		for _, decode := range decodeErrors(err) {
			if strings.EqualFold(decode.Name(), k.name) {
				return l.at(k.name, "must be "+k.what())
			}
		}
	}
	return &Error{Message: err.Error()}
}

// decodeErrors collects the mapstructure errors in a tree of errors.
func decodeErrors(err error) []*mapstructure.DecodeError {
	var found []*mapstructure.DecodeError
	if e, ok := err.(*mapstructure.DecodeError); ok {
		found = append(found, e)
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			found = append(found, decodeErrors(inner)...)
		}
	case interface{ Unwrap() error }:
		found = append(found, decodeErrors(e.Unwrap())...)
	}
	return found
}

// UnknownEnv lists variables that look like settings but name no key, each
// with the nearest one that does. They are no error: container platforms add
// variables of their own (ATRIUM_SERVICE_HOST).
func UnknownEnv(environ []string) []string {
	keys := schema()
	var known []key
	for _, k := range keys {
		known = append(known, key{name: k.env()})
	}
	var unknown []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "ATRIUM_") || slices.ContainsFunc(known, func(k key) bool { return k.name == name }) {
			continue
		}
		if near := nearest(name, known); near != "" {
			name += " (did you mean " + near + "?)"
		}
		unknown = append(unknown, name)
	}
	return unknown
}
