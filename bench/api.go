package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
)

// Errors of talking to the server. Each says what to do.
var (
	// ErrKey: the server doesn't take the API key.
	ErrKey = errors.New("the server refused the API key; give a key of this very server with --key-file (atrium dev prints one)")
	// ErrUnreachable: nothing answers at the URL.
	ErrUnreachable = errors.New("can't reach the server; check that it runs and that --url is its address")
	// ErrCertificate: the server's TLS certificate can't be verified.
	ErrCertificate = errors.New("can't verify the server's certificate; if it is self-made (as that of atrium dev), add --insecure")
	// ErrNoAtrium: what answers doesn't know Atrium's API.
	ErrNoAtrium = errors.New("no Atrium server answers there; check --url")
)

// requestTimeout bounds one request to the API.
const requestTimeout = 30 * time.Second

// apiRooms is rooms by way of the HTTP API.
type apiRooms struct {
	client *api.Client
	guest  *api.Client // without the key
	http   *http.Client
}

func newAPIRooms(baseURL string, o Options) (*apiRooms, error) {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,                                          // as many as ask at once
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: o.Insecure}, //nolint:gosec // asked for by --insecure
	}
	a := &apiRooms{http: &http.Client{Transport: transport, Timeout: requestTimeout}}
	var err error
	if a.client, err = api.New(baseURL, o.Key, a.http); err == nil {
		a.guest, err = api.New(baseURL, "", a.http)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: --url: %w", ErrScenario, err)
	}
	return a, nil
}

func (a *apiRooms) create(ctx context.Context, name string, capacity int) (string, error) {
	room, err := a.client.CreateRoom(ctx, api.RoomSpec{Type: "plain", Capacity: capacity, Name: name}, "")
	return room.ID, explain(err)
}

func (a *apiRooms) token(ctx context.Context, roomID, name string, publisher bool) (string, string, error) {
	role := "viewer"
	if publisher {
		role = "participant"
	}
	token, err := a.client.CreateToken(ctx, roomID, name, role, "")
	return token.ParticipantID, token.Token, explain(err)
}

func (a *apiRooms) remove(ctx context.Context, roomID string) error {
	return explain(a.client.DeleteRoom(ctx, roomID))
}

func (a *apiRooms) close() { a.http.CloseIdleConnections() }

// explain puts what to do before an error of the API or of the way to it.
func explain(err error) error {
	var refused *api.Error
	var unreachable *url.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &refused):
		switch {
		case refused.Status == http.StatusUnauthorized, refused.Status == http.StatusForbidden:
			return fmt.Errorf("%w: %w", ErrKey, err)
		case refused.Code == "":
			return fmt.Errorf("%w: %w", ErrNoAtrium, err)
		}
	case isCertificate(err):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	case errors.As(err, &unreachable):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &name)
}
