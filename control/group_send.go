package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SendGroup sends the link to register for a group by. The GroupSession has it
// to copy either way; sent is false when nothing is configured that could send
// it. With once, a repetition sends nothing.
func (s *Service) SendGroup(ctx context.Context, actor Actor, id string, to Contact, language string, once *Once) (g GroupSession, sent bool, err error) {
	to, channel, err := to.clean()
	if err != nil {
		return GroupSession{}, false, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return GroupSession{}, false, err
	}
	err = s.withKey(ctx, func(ref KeyRef) error {
		g, err = s.actGroup(ctx, actor, "send a group's link", id, func(c *change, r *groupRecord) error {
			if err := r.isOver(c.now); err != nil {
				return err
			}
			sent, err = repeatable(s, c.Tx, Caller{OrganisationID: r.OrganisationID}, once.by(actor), func() (bool, error) {
				secret := s.openLink(r.sealedLink, r.ID)
				return c.sendLink(r.subject(), ref, true, to, channel, TemplateLink, secret, language)
			})
			return err
		})
		return err
	})
	return g, sent, err
}

// SendRegistration sends somebody who registered their personal link, with
// when it is for. As SendGroup.
func (s *Service) SendRegistration(ctx context.Context, actor Actor, id string, to Contact, language string, once *Once) (r GroupRegistration, sent bool, err error) {
	to, channel, err := to.clean()
	if err != nil {
		return GroupRegistration{}, false, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return GroupRegistration{}, false, err
	}
	err = s.change(ctx, actor, "send a personal link", func(c *change) error {
		record, err := registration(c.Tx, actor, id)
		if err != nil {
			return err
		}
		g, err := get[groupRecord](c.Tx, prefixGroup+record.GroupID)
		if err != nil {
			return err
		}
		if !record.goesOn() || !g.goesOn(c.now) {
			return &StateError{CodeWrongState, "This registration is over."}
		}
		if r, err = s.openRegistration(record); err != nil {
			return err
		}
		when, err := c.wallTime(g.AreaID, g.StartsAt)
		if err != nil {
			return err
		}
		sent, err = repeatable(s, c.Tx, Caller{OrganisationID: r.OrganisationID}, once.by(actor), func() (bool, error) {
			return c.sendLink(record.subject(), record.Key, false, to, channel, TemplateAppointment, r.Link, language, "when", when)
		})
		return err
	})
	return r, sent, err
}

// sendLink sends a link, unless it is to be copied, and notes it. fresh says
// that the key is one of this message alone: it is kept for as long as the
// message may be tried.
func (c *change) sendLink(on Subject, ref KeyRef, fresh bool, to Contact, channel Channel, template, secret, language string, more ...string) (sent bool, err error) {
	if channel != ChannelCopy {
		id, err := c.send(on, ref, to, template, secret, language, more...)
		if sent = err == nil; err != nil && !errors.Is(err, ErrNoGateway) {
			return false, err
		}
		if sent && fresh {
			err := errors.Join(keepKey(c.Tx, ref), eraseAt(c.Tx, c.now.Add(sentKeyLife), ref), put(c.Tx, prefixNoticeKey+id, ref))
			if err != nil {
				return false, err
			}
		}
	}
	return sent, c.audit(Action(on.Kind+".send"), on, "channel", string(channel), "sent", fmt.Sprint(sent))
}

// wallTime is a time by the clock on an area's wall.
func (c *change) wallTime(areaID string, at time.Time) (string, error) {
	a, err := liveArea(c.Tx, areaID)
	if err != nil {
		return "", err
	}
	zone := time.UTC
	if a.Settings.Hours.TimeZone != "" {
		if zone, err = a.Settings.Hours.location(); err != nil {
			return "", err
		}
	}
	return at.In(zone).Format("2006-01-02 15:04 MST"), nil
}
