package server

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/notify"
)

// startSender has messages and webhooks delivered from now on.
func (s *Server) startSender(data *dataFolder) error {
	r := revealer{vault: vault{data.vault}, rules: s.control, base: s.ownURL}
	sender, err := notify.NewSender(s.cfg.Notify, notify.SenderOptions{
		Store: data.store, Outbox: data.outbox, Reveal: r.reveal, Clock: s.clock, Logger: s.log.With("subsystem", "notify"),
		Delivered: func(ctx context.Context, m notify.Message, at time.Time, err error) error {
			return s.control.Delivered(ctx, m.ID, at, err)
		},
	})
	if err != nil {
		return err
	}
	s.background(sender.Run)
	return nil
}

// background runs what serves until the server closes. That it ends by itself
// is reported by Failed: better to start anew than to serve half.
func (s *Server) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := run(ctx)
		if err != nil {
			s.failed <- err
		}
		done <- err
	}()
	s.onClose(func() error {
		cancel()
		return <-done
	})
}

// ownURL is what links begin with that are sent: there is no request that says
// how this server is reached. "" when nothing says it.
func (s *Server) ownURL() string {
	switch {
	case s.cfg.HTTP.BaseURL != "":
		return strings.TrimSuffix(s.cfg.HTTP.BaseURL, "/")
	case s.selfMade && s.PlainPort() != 0: // atrium dev
		return "http://localhost:" + strconv.Itoa(s.PlainPort())
	case s.selfMade && s.HTTPSPort() != 0:
		return "https://localhost:" + strconv.Itoa(s.HTTPSPort())
	}
	return ""
}
