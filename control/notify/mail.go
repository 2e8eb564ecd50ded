package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/wneessen/go-mail"
)

// sendMail hands an e-mail to the organisation's server. Its Message-ID is the
// same in every attempt.
func (s *Sender) sendMail(ctx context.Context, g SMTP, id string, to Revealed, subject, text string) error {
	m := mail.NewMsg()
	if err := m.From(g.From); err != nil {
		return &PermanentError{errors.New("the sender's address can't be used: correct smtp.from")}
	}
	if err := m.To(to.To); err != nil {
		return &PermanentError{errors.New("the receiver's address can't be used")}
	}
	m.Subject(subject)
	m.SetMessageIDWithValue(id + "@atrium")
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday replies
	m.SetBodyString(mail.TypeTextPlain, text)
	client, err := mail.NewClient(g.Host, s.mailOptions(g)...)
	if err != nil {
		return &PermanentError{fmt.Errorf("the mail server's settings can't be used: %w", err)}
	}
	err = client.DialAndSendWithContext(ctx, m)
	if permanent := (*PermanentError)(nil); errors.As(err, &permanent) {
		return permanent
	}
	if failed := (*mail.SendError)(nil); errors.As(err, &failed) && !failed.IsTemp() {
		// Its text may quote the receiver's address.
		return &PermanentError{fmt.Errorf("the mail server doesn't take this message (%d)", failed.ErrorCode())}
	}
	if err != nil {
		return errors.New("the mail server can't be reached or doesn't take messages now")
	}
	return nil
}

func (s *Sender) mailOptions(g SMTP) []mail.Option {
	options := []mail.Option{
		mail.WithTimeout(s.cfg.Timeout),
		mail.WithDialContextFunc(dialer(s.cfg).DialContext),
	}
	switch g.Security {
	case SMTPTLS:
		options = append(options, mail.WithSSLPort(false))
	case SMTPStartTLS:
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	case SMTPNone:
		options = append(options, mail.WithTLSPortPolicy(mail.NoTLS))
	}
	if g.Port != 0 {
		options = append(options, mail.WithPort(g.Port))
	}
	if g.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(g.Username), mail.WithPassword(g.Password))
	}
	return options
}
