package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// SMTPSecurity is how a connection to a mail server is protected.
type SMTPSecurity string

// Ways to protect it. None is for a relay on the same host.
const (
	SMTPStartTLS SMTPSecurity = "starttls"
	SMTPTLS      SMTPSecurity = "tls"
	SMTPNone     SMTPSecurity = "none"
)

// SMTP is a mail server that takes messages.
type SMTP struct {
	Host     string       `json:"host"`
	Port     int          `json:"port"` // 0: 587, 465 or 25 by Security
	Security SMTPSecurity `json:"security"`
	Username string       `json:"username,omitempty"` // "": without signing in
	Password string       `json:"password,omitempty"` // write-only
	From     string       `json:"from"`               // address, with or without a name
}

// SMSKind is how an SMS gateway is spoken to.
type SMSKind string

// Kinds of SMS gateway.
const (
	// SMSWebhook gets a POST of {id, to, from, text} as JSON, with the token
	// as a bearer.
	SMSWebhook SMSKind = "webhook"
	// SMSTwilio gets a POST as Twilio's Messages resource does: a form of To,
	// From and Body, with Account and Token as basic authentication.
	SMSTwilio SMSKind = "twilio"
)

// SMSGateway is a service that takes text messages.
type SMSGateway struct {
	Kind    SMSKind `json:"kind"`
	URL     string  `json:"url"`
	Account string  `json:"account,omitempty"` // of SMSTwilio
	Token   string  `json:"token,omitempty"`   // write-only
	From    string  `json:"from,omitempty"`    // number or name
}

// Gateways are what an organisation sends by. nil: it can't.
type Gateways struct {
	SMTP *SMTP       `json:"smtp,omitempty"`
	SMS  *SMSGateway `json:"sms,omitempty"`
}

// FieldError says which field is wrong and what to do.
type FieldError struct{ Field, Message string }

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// Validate returns a *FieldError for the first thing wrong.
func (g Gateways) Validate() error {
	if g.SMTP != nil {
		if err := g.SMTP.validate(); err != nil {
			return err
		}
	}
	if g.SMS != nil {
		return g.SMS.validate()
	}
	return nil
}

func (s SMTP) validate() error {
	switch {
	case s.Host == "" || strings.ContainsAny(s.Host, " /:@\r\n"):
		return &FieldError{"smtp.host", "must be a host name or address, such as mail.example.org"}
	case s.Port < 0 || s.Port > 65535:
		return &FieldError{"smtp.port", "must be 1 to 65535, or 0 for the usual one"}
	case s.Security != SMTPStartTLS && s.Security != SMTPTLS && s.Security != SMTPNone:
		return &FieldError{"smtp.security", "must be starttls, tls or none"}
	case s.Password != "" && s.Security == SMTPNone:
		return &FieldError{"smtp.security", "must be starttls or tls where there is a password"}
	}
	if _, err := mail.ParseAddress(s.From); err != nil {
		return &FieldError{"smtp.from", "must be an e-mail address, such as Clinic <calls@example.org>"}
	}
	return nil
}

func (s SMSGateway) validate() error {
	if s.Kind != SMSWebhook && s.Kind != SMSTwilio {
		return &FieldError{"sms.kind", "must be webhook or twilio"}
	}
	if err := checkURL(s.URL); err != nil {
		return &FieldError{"sms.url", err.Error()}
	}
	if s.Kind == SMSTwilio && (s.Account == "" || s.From == "") {
		return &FieldError{"sms.account", "must be given with sms.from for twilio"}
	}
	return nil
}

// checkURL holds an address that we are to call to what it may be. Where it
// leads is checked when it is called: names change.
func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("must be an address such as https://app.example.org/hook")
	}
	return nil
}

const prefixGateways = "gateways/" // <organisation>: sealed Gateways

func gatewaysPurpose(organisationID string) string { return prefixGateways + organisationID }

// SetGateways stores what an organisation sends by. An empty password or token
// keeps the stored one, as nobody can read it to send it back.
func (o *Outbox) SetGateways(tx store.Tx, organisationID string, g Gateways) error {
	if err := g.Validate(); err != nil {
		return err
	}
	before, err := o.gateways(tx, organisationID)
	if err != nil {
		return err
	}
	if g.SMTP != nil && g.SMTP.Password == "" && before.SMTP != nil && g.SMTP.Username == before.SMTP.Username && g.SMTP.Host == before.SMTP.Host {
		kept := *g.SMTP
		kept.Password = before.SMTP.Password
		g.SMTP = &kept
	}
	if g.SMS != nil && g.SMS.Token == "" && before.SMS != nil && g.SMS.URL == before.SMS.URL {
		kept := *g.SMS
		kept.Token = before.SMS.Token
		g.SMS = &kept
	}
	if err := g.Validate(); err != nil { // with the kept password
		return err
	}
	data, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return tx.Put(prefixGateways+organisationID, o.sealer.Seal(data, gatewaysPurpose(organisationID)))
}

// Gateways returns what an organisation sends by, without passwords and
// tokens.
func (o *Outbox) Gateways(tx store.Tx, organisationID string) (Gateways, error) {
	g, err := o.gateways(tx, organisationID)
	if g.SMTP != nil {
		g.SMTP.Password = ""
	}
	if g.SMS != nil {
		g.SMS.Token = ""
	}
	return g, err
}

func (o *Outbox) gateways(tx store.Tx, organisationID string) (g Gateways, err error) {
	sealed, err := tx.Get(prefixGateways + organisationID)
	if errors.Is(err, store.ErrNotFound) {
		return g, nil
	}
	if err != nil {
		return g, err
	}
	data, err := o.sealer.Open(sealed, gatewaysPurpose(organisationID))
	if err != nil {
		return g, fmt.Errorf("open an organisation's gateways: %w", err)
	}
	return g, json.Unmarshal(data, &g)
}
