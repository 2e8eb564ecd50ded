package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Do sends a request to a path of the API, such as /units/…, for routes that
// the client has no method for. in is sent as JSON unless it is nil; the
// answer is decoded into out unless that is nil. Errors of the server are
// *Error.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	return c.do(ctx, method, path, "", in, out)
}

// Stream writes the body of a GET's answer to w, for what may be longer than
// one wants to hold; it takes the time that it takes. Errors of the server are
// *Error.
func (c *Client) Stream(ctx context.Context, path string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return err
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.stream.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return errorOf(resp, data)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
