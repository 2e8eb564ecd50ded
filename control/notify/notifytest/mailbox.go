// Package notifytest is what tests of sending need: a mail server that keeps
// what it takes.
package notifytest

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// Mailbox is an SMTP server that keeps what it takes.
type Mailbox struct {
	// Letters delivers what was taken.
	Letters <-chan Letter
	letters chan Letter

	mu      sync.Mutex
	answers []error
}

// Letter is a message as it came.
type Letter struct {
	To   string
	Data string // RFC 5322
}

// NewMailbox answers the RCPT commands that come with answers, in turn (nil
// accepts), and accepts all after them.
func NewMailbox(answers ...error) *Mailbox {
	letters := make(chan Letter, 100)
	return &Mailbox{Letters: letters, letters: letters, answers: answers}
}

// Serve runs the server on 127.0.0.1 until the test ends, and returns its
// port.
func (b *Mailbox) Serve(t testing.TB) int {
	t.Helper()
	server := smtp.NewServer(b)
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return listener.Addr().(*net.TCPAddr).Port
}

// NewSession implements smtp.Backend.
func (b *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }

type session struct {
	box *Mailbox
	to  string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.to = to
	if len(s.box.answers) == 0 {
		return nil
	}
	err := s.box.answers[0]
	s.box.answers = s.box.answers[1:]
	return err
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err == nil {
		s.box.letters <- Letter{s.to, string(data)}
	}
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
