package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/control/api/client"
)

// An Action is one command: one request.
type Action struct {
	Use   string // cobra's: the name and what follows it
	Short string
	// Args name the arguments, in order; each fills {name} in Path, or the
	// field of that name in the body.
	Args  []string
	Flags []Flag

	Method string
	Path   string // {name} is an argument's or a flag's value; {organisation} is looked up where it isn't given
	// Operator is the path in Path's place where --organisation names one.
	Operator string
	Body     bool // whether there is one
	// Fixed are fields of the body that the command itself says.
	Fixed map[string]any

	// List says that the answer is a page of items. Inside names the field
	// that holds what is to be shown, if it isn't the answer itself.
	List bool
	// Raw says that the answer isn't for a table: it is printed as it comes.
	Raw     bool
	Inside  string
	Columns []Column // of the table; none: nothing is shown
}

// Flag is a flag that fills in a path, the query or a field of the body.
type Flag struct {
	Name, Usage string
	Field       string // of the body or query, with dots: system_admin.email; "": Name
	Query       bool
	Kind        FlagKind
	Required    bool
	// Path turns the value into a part of the path, as it then stands there.
	Path func(value string) (string, error)
}

// FlagKind is a flag's type.
type FlagKind int

// Kinds of flags. Emails becomes a list of {email}.
const (
	String FlagKind = iota
	Strings
	Bool
	Emails
)

// Column is a column of a table: a heading and where its value stands, with
// dots.
type Column struct{ Heading, Field string }

// Connection returns a client of the server that a command's flags name.
type Connection func(*cobra.Command) (*client.Client, error)

// command makes the command of an action.
func (a Action) command(connect Connection, out *Printer) *cobra.Command {
	cmd := &cobra.Command{Use: a.Use, Short: a.Short, Args: a.checkArgs}
	for _, f := range a.Flags {
		switch f.Kind {
		case Bool:
			cmd.Flags().Bool(f.Name, false, f.Usage)
		case Strings, Emails:
			cmd.Flags().StringSlice(f.Name, nil, f.Usage)
		default:
			cmd.Flags().String(f.Name, "", f.Usage)
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, f := range a.Flags {
			if f.Required && !cmd.Flags().Changed(f.Name) {
				return fmt.Errorf("%s: give --%s: %s", cmd.CommandPath(), f.Name, f.Usage)
			}
		}
		return out.failed(a.run(cmd, args, connect, out))
	}
	return cmd
}

func (a Action) checkArgs(cmd *cobra.Command, args []string) error {
	if len(args) != len(a.Args) {
		return fmt.Errorf("%s: it is `%s`", cmd.CommandPath(), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
	return nil
}

func (a Action) run(cmd *cobra.Command, args []string, connect Connection, out *Printer) error {
	c, err := connect(cmd)
	if err != nil {
		return err
	}
	path, body, err := a.request(cmd, args, c)
	if err != nil {
		return err
	}
	if a.Raw {
		return c.Stream(cmd.Context(), path, out.Out)
	}
	if a.List {
		items, err := all(cmd.Context(), c, path)
		if err != nil {
			return a.explain(cmd, err)
		}
		return out.list(items, a.Columns)
	}
	var in any
	if a.Body {
		in = body
	}
	var answer json.RawMessage
	target := any(&answer)
	if len(a.Columns) == 0 {
		target = nil
	}
	if err := c.Do(cmd.Context(), a.Method, path, in, target); err != nil {
		return a.explain(cmd, err)
	}
	return out.one(answer, a.Inside, a.Columns)
}

// explain says who may do what an API key may not.
func (a Action) explain(cmd *cobra.Command, err error) error {
	refused := (*client.Error)(nil)
	if a.Operator == "" || cmd.Flags().Changed(organisationFlag) || !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		return err
	}
	// Not wrapped: there is no API key that may.
	return fmt.Errorf("%v: be the operator, on the server's host and with --organisation ID, or name a session of an administrator's with --key-file FILE", err)
}

// request fills path and body in.
func (a Action) request(cmd *cobra.Command, args []string, c *client.Client) (string, map[string]any, error) {
	path, body, query := a.Path, map[string]any{}, url.Values{}
	if a.Operator != "" && cmd.Flags().Changed(organisationFlag) {
		path = a.Operator
	}
	set := func(name, field string, value any) {
		if hole := "{" + name + "}"; strings.Contains(path, hole) {
			path = strings.ReplaceAll(path, hole, url.PathEscape(fmt.Sprint(value)))
			return
		}
		put(body, field, value)
	}
	for field, value := range a.Fixed {
		put(body, field, value)
	}
	for i, name := range a.Args {
		set(name, name, args[i])
	}
	for _, f := range a.Flags {
		if !cmd.Flags().Changed(f.Name) {
			continue
		}
		value, err := f.value(cmd)
		if err != nil {
			return "", nil, err
		}
		if f.Path != nil {
			part, err := f.Path(fmt.Sprint(value))
			if err != nil {
				return "", nil, err
			}
			path = strings.ReplaceAll(path, "{"+f.Name+"}", part)
			continue
		}
		field := f.Field
		if field == "" {
			field = f.Name
		}
		if f.Query {
			query.Set(field, fmt.Sprint(value))
			continue
		}
		set(f.Name, field, value)
	}
	if strings.Contains(path, "{organisation}") {
		id, err := organisationOf(cmd.Context(), c)
		if err != nil {
			return "", nil, err
		}
		path = strings.ReplaceAll(path, "{organisation}", id)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path, body, nil
}

func (f Flag) value(cmd *cobra.Command) (any, error) {
	switch f.Kind {
	case Bool:
		return cmd.Flags().GetBool(f.Name)
	case Strings:
		return cmd.Flags().GetStringSlice(f.Name)
	case Emails:
		addresses, err := cmd.Flags().GetStringSlice(f.Name)
		people := make([]map[string]string, len(addresses))
		for i, address := range addresses {
			people[i] = map[string]string{"email": address}
		}
		return people, err
	}
	return cmd.Flags().GetString(f.Name)
}

// organisationFlag names an organisation to the operator.
const organisationFlag = "organisation"

// put sets a field with dots in it.
func put(body map[string]any, field string, value any) {
	name, rest, nested := strings.Cut(field, ".")
	if !nested {
		body[name] = value
		return
	}
	inner, ok := body[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		body[name] = inner
	}
	put(inner, rest, value)
}

// organisationOf asks whose the key is.
func organisationOf(ctx context.Context, c *client.Client) (string, error) {
	var org struct {
		ID string `json:"id"`
	}
	err := c.Do(ctx, http.MethodGet, "/organisation", nil, &org)
	if refused := (*client.Error)(nil); errors.As(err, &refused) && refused.Status/100 == 4 {
		return "", errors.New("say for which organisation: --organisation ID, or --key-file with one of its API keys")
	}
	return org.ID, err
}

// all reads every page of a list.
func all(ctx context.Context, c *client.Client, path string) ([]json.RawMessage, error) {
	var items []json.RawMessage
	joint := "?"
	if strings.Contains(path, "?") {
		joint = "&"
	}
	for cursor := ""; ; {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next_cursor"`
		}
		next := path
		if cursor != "" {
			next += joint + "cursor=" + url.QueryEscape(cursor)
		}
		if err := c.Do(ctx, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if cursor = page.Next; cursor == "" {
			return items, nil
		}
	}
}
