package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxLine bounds a line of an event stream, in bytes: the queue of an area of
// a thousand guests takes 1 MB.
const maxLine = 8 << 20

// Event is one event of a Stream. Data is JSON.
type Event struct {
	ID   string // for Last-Event-ID; "" when it has none
	Name string
	Data []byte
}

// Decode decodes the event's data.
func (e Event) Decode(into any) error {
	if err := json.Unmarshal(e.Data, into); err != nil {
		return fmt.Errorf("decode an event: %w", err)
	}
	return nil
}

// Stream is a stream of events (HTML standard, 9.2). It ends with the context
// that it was opened with; it belongs to one goroutine.
type Stream struct {
	body  io.ReadCloser
	lines *bufio.Scanner
}

// open begins a stream, after the event with the id last.
func (c *Client) open(ctx context.Context, path, last string) (*Stream, error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := c.stream.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		return nil, errorOf(resp, data)
	}
	s := &Stream{body: resp.Body, lines: bufio.NewScanner(resp.Body)}
	s.lines.Buffer(make([]byte, 0, 4096), maxLine)
	return s, nil
}

// Next waits for an event. io.EOF: the server ended the stream.
func (s *Stream) Next() (Event, error) {
	var e Event
	var data []string
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == "" {
			if data == nil {
				e = Event{}
				continue // a comment, or how long to wait before coming back
			}
			e.Data = []byte(strings.Join(data, "\n"))
			return e, nil
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			data = append(data, value)
		}
	}
	if err := s.lines.Err(); err != nil {
		return Event{}, err
	}
	return Event{}, io.EOF
}

// Close ends the stream. It may be called again.
func (s *Stream) Close() error {
	if err := s.body.Close(); err != nil && !errors.Is(err, http.ErrBodyReadAfterClose) {
		return err
	}
	return nil
}
