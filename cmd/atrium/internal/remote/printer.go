package remote

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
)

// Printer shows answers: tables for people, or JSON.
type Printer struct {
	Out io.Writer
	// JSON has answers printed as they came.
	JSON *bool
	// Failed marks an error as one of a command that was understood.
	Failed func(error) error
}

func (p *Printer) failed(err error) error {
	if err == nil {
		return nil
	}
	return p.Failed(err)
}

// list shows items, a row each.
func (p *Printer) list(items []json.RawMessage, columns []Column) error {
	if *p.JSON {
		if items == nil {
			items = []json.RawMessage{}
		}
		return p.json(items)
	}
	rows := make([][]string, 0, len(items))
	for _, item := range items {
		var v any
		if err := json.Unmarshal(item, &v); err != nil {
			return err
		}
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = show(find(v, c.Field))
		}
		rows = append(rows, row)
	}
	style := lipgloss.NewRenderer(p.Out).NewStyle().PaddingRight(2)
	headings := make([]string, len(columns))
	for i, c := range columns {
		headings[i] = c.Heading
	}
	t := table.New().Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).BorderHeader(false).Headers(headings...).Rows(rows...).
		StyleFunc(func(row, _ int) lipgloss.Style {
			if row == table.HeaderRow {
				return style.Bold(true)
			}
			return style
		})
	_, err := fmt.Fprintln(p.Out, t.Render())
	return err
}

// one shows an answer, a line for each column that has a value.
func (p *Printer) one(answer json.RawMessage, inside string, columns []Column) error {
	if len(columns) == 0 {
		return nil
	}
	if *p.JSON {
		return p.json(answer)
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		return err
	}
	if inside != "" {
		v = find(v, inside)
	}
	width := 0
	for _, c := range columns {
		width = max(width, lipgloss.Width(c.Heading))
	}
	for _, c := range columns {
		value := show(find(v, c.Field))
		if value == "" {
			continue
		}
		pad := strings.Repeat(" ", width-lipgloss.Width(c.Heading))
		if _, err := fmt.Fprintf(p.Out, "%s%s  %s\n", c.Heading, pad, value); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer) json(v any) error {
	encoder := json.NewEncoder(p.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// find returns what stands at a field with dots; a number takes that item of a
// list. nil when there is nothing.
func find(v any, field string) any {
	for name := range strings.SplitSeq(field, ".") {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(inner) {
				return nil
			}
			v = inner[i]
		default:
			return nil
		}
	}
	return v
}

// show is a value in words. What could steer a terminal is left out: names
// come from people.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				return -1
			}
			return r
		}, v)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = show(item)
		}
		return strings.Join(parts, ", ")
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
