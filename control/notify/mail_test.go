package notify

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/atriumrtc/atrium/control/notify/notifytest"
	"github.com/atriumrtc/atrium/control/store"
)

func (b *bench) gateways(g Gateways) {
	b.t.Helper()
	b.update(func(tx store.Tx) error { return b.outbox.SetGateways(tx, "org", g) })
}

func smtpGateway(port int) Gateways {
	return Gateways{SMTP: &SMTP{Host: "127.0.0.1", Port: port, Security: SMTPNone, From: "Clinic <calls@example.org>"}}
}

func consultNow(kind Kind, to string) Message {
	return Message{
		OrganisationID: "org", Kind: kind, To: []byte(to), Template: TemplateConsultNow,
		Data: map[string]string{"link": "https://calls.example.org/e#secret", "minutes": "5"},
	}
}

// R-CN-2: the outcome says when the gateway took the message. It is tried
// again while the server asks for that, and keeps its Message-ID.
func TestMail(t *testing.T) {
	b := newBench(t)
	box := notifytest.NewMailbox(&smtp.SMTPError{Code: 451, Message: "later"})
	b.gateways(smtpGateway(box.Serve(t)))
	b.run(loopback())
	id := b.enqueue(consultNow(Email, "guest@example.com"))
	waitFor(t, b, func() bool { return b.settled(1) })
	waitFor(t, b, func() bool { return b.clock.waiting() })
	b.clock.move(5 * time.Second)
	got := receive(t, box.Letters)
	m, err := mail.ReadMessage(strings.NewReader(got.Data))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(m.Body)
	text := strings.ReplaceAll(string(body), "=\r\n", "")
	if got.To != "guest@example.com" || m.Header.Get("Message-Id") != "<"+id+"@atrium>" ||
		m.Header.Get("Subject") != "Clinic is calling you now" || m.Header.Get("Auto-Submitted") != "auto-generated" ||
		!strings.Contains(text, "https://calls.example.org/e#secret") || !strings.Contains(text, "within 5 minutes") {
		t.Errorf("%s: %+v\n%s", got.To, m.Header, text)
	}
	o := b.outcome()
	if o.id != id || o.err != nil || !o.at.Equal(start.Add(5*time.Second)) {
		t.Errorf("%+v", o)
	}
	waitFor(t, b, func() bool { return b.count(prefixItem) == 0 }) // it holds a link
}

// What the server refuses for good, and what can't be revealed any more, is
// reported as failed at once; what it never takes, after ten minutes.
func TestMailFails(t *testing.T) {
	for name, row := range map[string]struct {
		answer error
		reveal error
		lasts  bool
	}{
		"refused": {answer: &smtp.SMTPError{Code: 550, Message: "guest@example.com is unknown"}},
		"erased":  {reveal: &PermanentError{errors.New("erased")}},
		"later":   {answer: &smtp.SMTPError{Code: 451, Message: "later"}, lasts: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			box := notifytest.NewMailbox(slices.Repeat([]error{row.answer}, 100)...)
			b.gateways(smtpGateway(box.Serve(t)))
			if row.reveal != nil {
				b.reveal = func(Message) (Revealed, error) { return Revealed{}, row.reveal }
			}
			b.run(loopback())
			b.enqueue(consultNow(Email, "guest@example.com"))
			for attempts := 1; row.lasts && len(b.delivered) == 0; attempts++ {
				waitFor(t, b, func() bool { return b.clock.waiting() || len(b.delivered) > 0 })
				b.clock.move(2 * time.Minute)
			}
			o := b.outcome()
			if o.err == nil || strings.Contains(o.err.Error(), "guest@example.com") {
				t.Fatalf("%+v", o)
			}
			if took := o.at.Sub(start); row.lasts != (took >= 10*time.Minute) {
				t.Errorf("given up after %v", took)
			}
		})
	}
}

func TestSMS(t *testing.T) {
	t.Run("webhook", func(t *testing.T) {
		b := newBench(t)
		server, got := receiver(t, 503, 202)
		b.gateways(Gateways{SMS: &SMSGateway{Kind: SMSWebhook, URL: server.URL + "/sms", Token: "token", From: "Clinic"}})
		b.run(loopback())
		id := b.enqueue(consultNow(SMS, "+447700900123"))
		receive(t, got)
		waitFor(t, b, func() bool { return b.clock.waiting() })
		b.clock.move(5 * time.Second)
		r := receive(t, got)
		if r.header.Get("Authorization") != "Bearer token" || r.header.Get("Idempotency-Key") != id ||
			!strings.Contains(r.body, `"to":"+447700900123"`) || !strings.Contains(r.body, "e#secret") || !strings.Contains(r.body, `"id":"`+id+`"`) {
			t.Errorf("%+v", r)
		}
		if o := b.outcome(); o.err != nil || o.id != id {
			t.Errorf("%+v", o)
		}
	})
	t.Run("twilio", func(t *testing.T) {
		b := newBench(t)
		server, got := receiver(t, 201)
		b.gateways(Gateways{SMS: &SMSGateway{Kind: SMSTwilio, URL: server.URL + "/Messages.json", Account: "AC1", Token: "token", From: "+15550100"}})
		b.run(loopback())
		b.enqueue(consultNow(SMS, "+447700900123"))
		r := receive(t, got)
		form, err := url.ParseQuery(r.body)
		if err != nil || form.Get("To") != "+447700900123" || form.Get("From") != "+15550100" || !strings.Contains(form.Get("Body"), "e#secret") {
			t.Errorf("%v, %v", form, err)
		}
		if r.header.Get("Authorization") != "Basic QUMxOnRva2Vu" {
			t.Errorf("%v", r.header)
		}
	})
	t.Run("refused", func(t *testing.T) {
		b := newBench(t)
		server, _ := receiver(t, 400)
		b.gateways(Gateways{SMS: &SMSGateway{Kind: SMSWebhook, URL: server.URL}})
		b.run(loopback())
		b.enqueue(consultNow(SMS, "nonsense"))
		if o := b.outcome(); o.err == nil || strings.Contains(o.err.Error(), server.URL) {
			t.Errorf("%+v", o)
		}
	})
}

// Nothing that is configured: the caller shows the link to copy.
func TestNoGateway(t *testing.T) {
	b := newBench(t)
	for _, kind := range []Kind{Email, SMS} {
		err := b.db.Update(t.Context(), func(tx store.Tx) error {
			_, err := b.outbox.Enqueue(tx, consultNow(kind, "x"))
			return err
		})
		if !errors.Is(err, ErrNoGateway) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	err := b.db.Update(t.Context(), func(tx store.Tx) error {
		m := consultNow(Email, "x")
		m.Template = "none"
		_, err := b.outbox.Enqueue(tx, m)
		return err
	})
	if !errors.Is(err, ErrUnknownTemplate) {
		t.Error(err)
	}
}

// A message of a transaction that was not committed never leaves; one that was
// taken back doesn't either.
func TestUncommitted(t *testing.T) {
	b := newBench(t)
	server, got := receiver(t, 200)
	b.gateways(Gateways{SMS: &SMSGateway{Kind: SMSWebhook, URL: server.URL}})
	undone := errors.New("undone")
	err := b.db.Update(t.Context(), func(tx store.Tx) error {
		_, err := b.outbox.Enqueue(tx, consultNow(SMS, "first"))
		return errors.Join(err, undone)
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}
	id := b.enqueue(consultNow(SMS, "second"))
	b.update(func(tx store.Tx) error { return b.outbox.Cancel(tx, id) })
	b.enqueue(consultNow(SMS, "third"))
	b.run(loopback())
	if r := receive(t, got); !strings.Contains(r.body, "third") {
		t.Errorf("%+v", r)
	}
	waitFor(t, b, func() bool { return b.count(prefixItem) == 0 && b.count(prefixDue) == 0 })
}

// Passwords are written, never read; leaving one out keeps it, but not for
// another server.
func TestGatewaySecrets(t *testing.T) {
	b := newBench(t)
	with := Gateways{
		SMTP: &SMTP{Host: "mail.example.org", Security: SMTPTLS, Username: "u", Password: "hidden", From: "a@example.org"},
		SMS:  &SMSGateway{Kind: SMSWebhook, URL: "https://sms.example.org", Token: "hidden"},
	}
	b.gateways(with)
	read := func() (shown, all Gateways) {
		err := b.db.View(context.Background(), func(tx store.Tx) (err error) {
			if shown, err = b.outbox.Gateways(tx, "org"); err != nil {
				return err
			}
			all, err = b.outbox.gateways(tx, "org")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return shown, all
	}
	shown, _ := read()
	if shown.SMTP.Password != "" || shown.SMS.Token != "" || shown.SMTP.Username != "u" {
		t.Fatalf("%+v %+v", shown.SMTP, shown.SMS)
	}
	b.gateways(shown)
	if _, all := read(); all.SMTP.Password != "hidden" || all.SMS.Token != "hidden" {
		t.Fatalf("%+v %+v", all.SMTP, all.SMS)
	}
	shown.SMTP.Host, shown.SMS.URL = "evil.example.org", "https://evil.example.org"
	b.gateways(shown)
	if _, all := read(); all.SMTP.Password != "" || all.SMS.Token != "" {
		t.Fatalf("another server gets the password: %+v %+v", all.SMTP, all.SMS)
	}
	for _, row := range []struct {
		g     Gateways
		field string
	}{
		{Gateways{SMTP: &SMTP{Host: "a b", Security: SMTPTLS, From: "a@example.org"}}, "smtp.host"},
		{Gateways{SMTP: &SMTP{Host: "a", Port: -1, Security: SMTPTLS, From: "a@example.org"}}, "smtp.port"},
		{Gateways{SMTP: &SMTP{Host: "a", Security: "ssl", From: "a@example.org"}}, "smtp.security"},
		{Gateways{SMTP: &SMTP{Host: "a", Security: SMTPNone, Password: "p", From: "a@example.org"}}, "smtp.security"},
		{Gateways{SMTP: &SMTP{Host: "a", Security: SMTPTLS, From: "nobody"}}, "smtp.from"},
		{Gateways{SMS: &SMSGateway{Kind: "fax"}}, "sms.kind"},
		{Gateways{SMS: &SMSGateway{Kind: SMSWebhook, URL: "sms"}}, "sms.url"},
		{Gateways{SMS: &SMSGateway{Kind: SMSTwilio, URL: "https://sms.example.org"}}, "sms.account"},
	} {
		if field := (*FieldError)(nil); !errors.As(row.g.Validate(), &field) || field.Field != row.field {
			t.Errorf("%+v: %v", row, row.g.Validate())
		}
	}
}

// Every template has every language that any has, and fills in.
func TestTemplates(t *testing.T) {
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]string{"organisation": "Clinic", "link": "LINK", "days": "7", "minutes": "5", "when": "WHEN", "area": "AREA"}
	languages := map[string]bool{}
	for key := range all {
		_, language, _ := strings.Cut(key, ".")
		languages[language] = true
	}
	for _, name := range Templates() {
		for language := range languages {
			if all[string(name)+"."+language] == nil {
				t.Errorf("%s has no text in %s", name, language)
				continue
			}
			subject, text, err := all.write(name, language, data)
			if err != nil || subject == "" || len(text) < 40 || strings.Contains(subject, "\n") {
				t.Errorf("%s.%s: %q, %q, %v", name, language, subject, text, err)
			}
		}
	}
	english, _, _ := all.write(TemplateSignIn, "en-GB", data)
	other, _, _ := all.write(TemplateSignIn, "tlh", data)
	german, _, _ := all.write(TemplateSignIn, "de-CH", data)
	if english != other || german == english || len(all) != len(Templates())*len(languages) {
		t.Errorf("%q, %q, %q; %d texts", english, other, german, len(all))
	}
	if _, _, err := all.write(TemplateSignIn, "en", nil); err == nil {
		t.Error("a text without its link was written")
	}
	if bytes.Contains([]byte(english), []byte("<no value>")) {
		t.Error(english)
	}
}
