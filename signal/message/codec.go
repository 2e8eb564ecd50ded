package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrUnknownType is what [DecodeServer] answers for a type of a later
// protocol: clients skip the message.
var ErrUnknownType = errors.New("message: unknown type")

// DecodeError says why a message was refused, in words that may be sent back.
type DecodeError struct {
	Code string // CodeBadMessage or CodeTooBig
	// Field that is wrong, as a path ("tiles[3].width"); "" is the message.
	Field string
	// Reason completes a sentence that begins with the field.
	Reason string
}

// Error is the sentence.
func (e *DecodeError) Error() string {
	if e.Field == "" {
		return "the message " + e.Reason
	}
	return "field " + strconv.Quote(clip(e.Field)) + " " + e.Reason
}

func bad(field, reason string) error {
	return &DecodeError{Code: CodeBadMessage, Field: field, Reason: reason}
}

// clip keeps what a client chose to call a field short enough to repeat.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Encode writes m as one JSON object with its "type" first. It fails only for
// values that JSON doesn't know (NaN).
func Encode(m interface{ MessageType() string }) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("message: encode %s: %w", m.MessageType(), err)
	}
	out := make([]byte, 0, len(body)+len(`{"type":"participants",`))
	out = append(out, `{"type":`...)
	out = strconv.AppendQuote(out, m.MessageType())
	if len(body) > len(`{}`) {
		out = append(out, ',')
	}
	return append(out, body[1:]...), nil
}

// DecodeClient reads a message of a client, strictly: every error is a
// *[DecodeError] that names what is wrong.
func DecodeClient(data []byte) (ClientMessage, error) {
	name, err := typeOf(data)
	if err != nil {
		return nil, err
	}
	kind, known := clientKinds[name]
	if !known {
		return nil, bad("type", "is none that the server knows: "+strconv.Quote(clip(name)))
	}
	if err := checkFields(data, kind.schema); err != nil {
		return nil, err
	}
	m := kind.make()
	if err := unmarshal(data, m); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeServer reads a message of the server, leniently: fields that it
// doesn't know are ignored. Errors: ErrUnknownType, *[DecodeError].
func DecodeServer(data []byte) (ServerMessage, error) {
	name, err := typeOf(data)
	if err != nil {
		return nil, err
	}
	make, known := serverKinds[name]
	if !known {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, clip(name))
	}
	m := make()
	if err := unmarshal(data, m); err != nil {
		return nil, err
	}
	return m, nil
}

// clientKind is how one type of client message is read.
type clientKind struct {
	make   func() ClientMessage
	schema schema
}

func kindOf[T any, P interface {
	*T
	ClientMessage
}]() clientKind {
	return clientKind{
		make:   func() ClientMessage { return P(new(T)) },
		schema: schemaOf(reflect.TypeFor[T]()),
	}
}

// clientKinds and serverKinds are tables, never written to.
var clientKinds = map[string]clientKind{
	"join":      kindOf[Join](),
	"offer":     kindOf[Offer](),
	"candidate": kindOf[Candidate](),
	"publish":   kindOf[Publish](),
	"layout":    kindOf[Layout](),
	"mute":      kindOf[Mute](),
	"chat":      kindOf[SendChat](),
	"hand":      kindOf[Hand](),
	"leave":     kindOf[Leave](),
}

var serverKinds = map[string]func() ServerMessage{
	"welcome":      func() ServerMessage { return new(Welcome) },
	"answer":       func() ServerMessage { return new(Answer) },
	"room":         func() ServerMessage { return new(Room) },
	"controls":     func() ServerMessage { return new(Controls) },
	"participants": func() ServerMessage { return new(Participants) },
	"map":          func() ServerMessage { return new(Map) },
	"layers":       func() ServerMessage { return new(Layers) },
	"speakers":     func() ServerMessage { return new(Speakers) },
	"quality":      func() ServerMessage { return new(Quality) },
	"chat":         func() ServerMessage { return new(Chat) },
	"transport":    func() ServerMessage { return new(Transport) },
	"notice":       func() ServerMessage { return new(Notice) },
	"error":        func() ServerMessage { return new(Error) },
	"bye":          func() ServerMessage { return new(Bye) },
}

// typeOf checks the limits that hold for all messages, cheapest first, so that
// nothing is parsed that is too big or too deep, and finds the type.
func typeOf(data []byte) (string, error) {
	if len(data) > MaxBytes {
		return "", &DecodeError{Code: CodeTooBig, Reason: fmt.Sprintf("has more than %d bytes", MaxBytes)}
	}
	if !utf8.Valid(data) {
		return "", bad("", "is not valid UTF-8")
	}
	if depth(data) > MaxDepth {
		return "", bad("", fmt.Sprintf("is nested deeper than %d levels", MaxDepth))
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		return "", bad("", "is not a JSON object")
	}
	var head struct {
		Type *string `json:"type"`
	}
	if err := unmarshal(data, &head); err != nil {
		return "", err
	}
	if head.Type == nil {
		return "", bad("type", "is required")
	}
	return *head.Type, nil
}

// unmarshal puts errors of encoding/json into our words.
func unmarshal(data []byte, to any) error {
	err := json.Unmarshal(data, to)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return bad(wrong.Field, "must be "+jsonName(wrong.Type)+", not "+wrong.Value)
	}
	return bad("", "is not valid JSON")
}

func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "an object"
	}
}

// depth is how deep arrays and objects nest. It needs no valid JSON.
func depth(data []byte) int {
	var now, most int
	inString, escaped := false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}
