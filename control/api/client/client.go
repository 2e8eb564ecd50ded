package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes: a page of 200 rooms
// takes 100 kB.
const maxAnswer = 8 << 20

// defaultTimeout bounds a request of the default HTTP client.
const defaultTimeout = 30 * time.Second

// Error is what the server refused, and why.
type Error struct {
	Status int    // HTTP status
	Code   string // stable, for programs: not_found, invalid, …; "" when the answer wasn't the API's
	Detail string // for people
	Fields []Field
	// RetryAfter is how long to wait, after 429; 0 when it isn't said.
	RetryAfter time.Duration
}

// Field is one wrong field of a request.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s (%d %s)", e.Detail, e.Status, e.Code)
}

// Client calls one server as one caller. It may be used concurrently.
type Client struct {
	base   string
	key    string
	once   string // see Once
	http   *http.Client
	stream *http.Client // the same without a time limit
}

// New returns a client of the server at base (https://calls.example.org). key
// is what proves who calls: an API key, a session of staff or the visit token
// of a guest; "" suffices for Entry, Enter and Look. httpClient may be nil: it
// then waits 30 s at most. Event streams have no time limit either way.
func New(base, key string, httpClient *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the server's address must begin with http:// or https:// and name a host")
	}
	if httpClient == nil {
		httpClient = &http.Client{Timeout: defaultTimeout}
	}
	stream := *httpClient
	stream.Timeout = 0
	return &Client{base: strings.TrimSuffix(base, "/") + "/api/v1", key: key, http: httpClient, stream: &stream}, nil
}

// Once returns a client whose requests carry an idempotency key of your
// choice, where a method takes none itself: for one request that makes or
// sends something, and its repetitions.
func (c *Client) Once(key string) *Client {
	made := *c
	made.once = key
	return &made
}

// do sends in as JSON (nil: no body) and decodes the answer into out (nil:
// ignored).
func (c *Client) do(ctx context.Context, method, path, once string, in, out any) error {
	req, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	if once == "" {
		once = c.once
	}
	if once != "" {
		req.Header.Set("Idempotency-Key", once)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return errorOf(resp, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// request makes a request with in as JSON (nil: no body).
func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return req, nil
}

func errorOf(resp *http.Response, data []byte) *Error {
	e := &Error{Status: resp.StatusCode}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		var p struct {
			Code   string  `json:"code"`
			Detail string  `json:"detail"`
			Errors []Field `json:"errors"`
		}
		if json.Unmarshal(data, &p) == nil {
			e.Code, e.Detail, e.Fields = p.Code, p.Detail, p.Errors
		}
	}
	if d, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
		e.RetryAfter = d
	}
	return e
}
