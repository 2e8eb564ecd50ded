package configs

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// redacted stands for a secret that is set.
const redacted = "(redacted)"

// Print returns the configuration as YAML with default.yaml's comments, in a
// form that Load reads. Secrets that are set appear as "(redacted)".
func (c Config) Print() ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(defaultYAML, &document); err != nil {
		return nil, fmt.Errorf("default.yaml: %w", err)
	}
	values := valuesOf(c)
	for _, k := range schema() {
		if k.fileOf != "" {
			continue
		}
		node := find(document.Content[0], strings.Split(k.name, "."))
		if node == nil {
			return nil, fmt.Errorf("default.yaml: %s is missing", k.name)
		}
		value := values[k.name]
		if k.secret && value != "" {
			value = redacted
		}
		write(node, value)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return spaced(out.Bytes()), nil
}

// spaced puts an empty line before each section, which the encoder loses.
func spaced(text []byte) []byte {
	return sectionStart.ReplaceAll(text, []byte("$1\n#"))
}

// sectionStart is a comment without indentation below an indented line.
var sectionStart = regexp.MustCompile(`(?m)(^ .*\n)#`)

// find returns the value below the names; nil if there is none.
func find(node *yaml.Node, names []string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value != names[0] {
			continue
		}
		if len(names) == 1 {
			return node.Content[i+1]
		}
		return find(node.Content[i+1], names[1:])
	}
	return nil
}

// write replaces a node's value and keeps its comments.
func write(node *yaml.Node, value any) {
	if d, ok := value.(time.Duration); ok {
		value = shortDuration(d)
	}
	switch value := value.(type) {
	case string:
		node.Kind, node.Tag, node.Value, node.Content = yaml.ScalarNode, "!!str", value, nil
		if value == "" || strings.ContainsAny(value, ":#") {
			node.Style = yaml.DoubleQuotedStyle
		}
	case []string:
		node.Kind, node.Tag, node.Value, node.Style = yaml.SequenceNode, "!!seq", "", yaml.FlowStyle
		node.Content = nil
		for _, item := range value {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item})
		}
	case bool:
		node.Kind, node.Tag, node.Value = yaml.ScalarNode, "!!bool", strconv.FormatBool(value)
	case float64:
		if value == math.Trunc(value) && math.Abs(value) < 1e15 {
			write(node, int64(value)) // without the tag that a whole float needs
			return
		}
		node.Kind, node.Tag, node.Value = yaml.ScalarNode, "!!float", strconv.FormatFloat(value, 'g', -1, 64)
	default: // the whole numbers
		node.Kind, node.Tag, node.Value = yaml.ScalarNode, "!!int", fmt.Sprint(value)
	}
}

// shortDuration writes 10m, where Duration's own form is 10m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// comments returns what default.yaml says of each key, in one line.
func comments() map[string]string {
	var document yaml.Node
	texts := map[string]string{}
	if yaml.Unmarshal(defaultYAML, &document) != nil || len(document.Content) == 0 {
		return texts // a test sees to it that it can be read
	}
	var walk func(node *yaml.Node, prefix string)
	walk = func(node *yaml.Node, prefix string) {
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := prefix + node.Content[i].Value
			if node.Content[i+1].Kind == yaml.MappingNode {
				walk(node.Content[i+1], name+".")
				continue
			}
			lines := strings.Split(node.Content[i].HeadComment, "\n")
			for j := range lines {
				lines[j] = strings.TrimSpace(strings.TrimPrefix(lines[j], "#"))
			}
			texts[name] = strings.Join(lines, " ")
		}
	}
	walk(document.Content[0], "")
	return texts
}

// valuesOf returns every field of Config by its key.
func valuesOf(c Config) map[string]any {
	values := map[string]any{}
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("mapstructure"), ",")
			if !v.Type().Field(i).IsExported() || tag == "" || tag == "-" {
				continue
			}
			if v.Field(i).Kind() == reflect.Struct {
				walk(v.Field(i), prefix+tag+".")
				continue
			}
			values[prefix+tag] = v.Field(i).Interface()
		}
	}
	walk(reflect.ValueOf(c), "")
	return values
}
