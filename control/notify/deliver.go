package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/atriumrtc/atrium/control/store"
)

// maxAnswer is how much of a receiver's answer is read, in bytes.
const maxAnswer = 64 << 10

// errPrivate: an organisation named an address that isn't on the internet.
var errPrivate = errors.New("the address is not a public one; whoever runs this server can allow it by notify.private_targets")

// newClient calls gateways and endpoints. It follows no redirects: whoever is
// told is named by the organisation.
func newClient(cfg Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           dialer(cfg).DialContext,
			TLSHandshakeTimeout:   cfg.Timeout,
			ResponseHeaderTimeout: cfg.Timeout,
			MaxIdleConnsPerHost:   perTarget,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialer refuses addresses inside, after the name was looked up: an
// organisation's administrator is not the operator, and must not reach what
// only this host can.
func dialer(cfg Config) *net.Dialer {
	d := &net.Dialer{Timeout: cfg.Timeout}
	if !cfg.PrivateTargets {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !public(at.Addr().Unmap()) {
				return &PermanentError{errPrivate}
			}
			return nil
		}
	}
	return d
}

// public says whether an address is one of the internet's. Beside the private
// ones it refuses shared address space (RFC 6598) and the translations of
// IPv4 (RFC 6052, RFC 3056), which could lead to those.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, network := range []string{"100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"} {
		if netip.MustParsePrefix(network).Contains(a) {
			return false
		}
	}
	return true
}

// try delivers once.
func (s *Sender) try(ctx context.Context, i item) error {
	if i.Message.Kind == Webhook {
		return s.callEndpoint(ctx, i)
	}
	revealed, err := s.o.Reveal(ctx, i.Message)
	if err != nil {
		return err
	}
	data := map[string]string{"organisation": revealed.Organisation}
	for _, more := range []map[string]string{i.Message.Data, revealed.Data} {
		for k, v := range more {
			data[k] = v
		}
	}
	language := i.Message.Language
	if language == "" {
		language = revealed.Language
	}
	subject, text, err := s.text.write(i.Message.Template, language, data)
	if err != nil {
		return err
	}
	var g Gateways
	err = s.o.Store.View(ctx, func(tx store.Tx) (err error) {
		g, err = s.o.Outbox.gateways(tx, i.Message.OrganisationID)
		return err
	})
	switch {
	case err != nil:
		return err
	case i.Message.Kind == Email && g.SMTP != nil:
		return s.sendMail(ctx, *g.SMTP, i.Message.ID, revealed, subject, text)
	case i.Message.Kind == SMS && g.SMS != nil:
		return s.sendSMS(ctx, *g.SMS, i.Message.ID, revealed.To, text)
	}
	return &PermanentError{ErrNoGateway}
}

// callEndpoint posts a webhook as the Standard Webhooks specification says.
func (s *Sender) callEndpoint(ctx context.Context, i item) error {
	var record endpointRecord
	err := s.o.Store.View(ctx, func(tx store.Tx) (err error) {
		record, err = s.o.Outbox.endpoint(tx, i.Message.OrganisationID, i.Endpoint)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return &PermanentError{errors.New("the webhook was deleted")}
	}
	if err != nil {
		return err
	}
	secret, err := s.o.Outbox.sealer.Open(record.Sealed, endpointKey(record.OrganisationID, record.ID))
	if err != nil {
		return &PermanentError{fmt.Errorf("open a webhook's secret: %w", err)}
	}
	signer, err := standardwebhooks.NewWebhook(string(secret))
	if err != nil {
		return &PermanentError{fmt.Errorf("use a webhook's secret: %w", err)}
	}
	now := s.o.Outbox.clock()
	signature, err := signer.Sign(i.Message.ID, now, i.Message.Body)
	if err != nil {
		return &PermanentError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, record.URL, bytes.NewReader(i.Message.Body))
	if err != nil {
		return &PermanentError{err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(standardwebhooks.HeaderWebhookID, i.Message.ID)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(now.Unix()))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	status, err := s.send(req)
	if err == nil && status == http.StatusGone { // as the specification says
		return &PermanentError{errors.New("the receiver answered 410 Gone")}
	}
	if err == nil && status/100 != 2 {
		return fmt.Errorf("the receiver answered %d", status)
	}
	return err
}

// send does a request and reads its answer, so that the connection can serve
// again. Errors don't name the address: a gateway's may hold a key.
func (s *Sender) send(req *http.Request) (status int, err error) {
	req.Header.Set("User-Agent", "Atrium")
	resp, err := s.http.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, err
}

// sendSMS hands a text to the gateway.
func (s *Sender) sendSMS(ctx context.Context, g SMSGateway, id, to, text string) error {
	text = strings.TrimSpace(text)
	var req *http.Request
	var err error
	if g.Kind == SMSTwilio {
		form := url.Values{"To": {to}, "From": {g.From}, "Body": {text}}
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, g.URL, strings.NewReader(form.Encode()))
		if err == nil {
			req.SetBasicAuth(g.Account, g.Token)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	} else {
		var body []byte
		body, err = json.Marshal(map[string]string{"id": id, "to": to, "from": g.From, "text": text})
		if err != nil {
			return &PermanentError{err}
		}
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, g.URL, bytes.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", "application/json")
			if g.Token != "" {
				req.Header.Set("Authorization", "Bearer "+g.Token)
			}
		}
	}
	if err != nil {
		return &PermanentError{err}
	}
	req.Header.Set("Idempotency-Key", id)
	status, err := s.send(req)
	switch {
	case err != nil:
		return err
	case status/100 == 2:
		return nil
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return fmt.Errorf("the SMS gateway answered %d", status)
	}
	return &PermanentError{fmt.Errorf("the SMS gateway answered %d: it doesn't take this message", status)}
}
