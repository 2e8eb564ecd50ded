package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sentKeyLife is when, at the latest, the key is overwritten that sealed the
// address which an area's link was sent to: no message is tried for longer. It
// is as soon as the message was delivered or given up (R-PV-1).
const sentKeyLife = 25 * time.Hour

// prefixNoticeKey finds the key of what was sent by itself, with nothing that
// needs the address later: notice_key/<id of the notice> → KeyRef.
const prefixNoticeKey = "notice_key/"

// eraseSent erases where a message was sent that has been delivered or given
// up, unless the address is needed later.
func (c *change) eraseSent(noticeID string) error {
	ref, err := get[KeyRef](c.Tx, prefixNoticeKey+noticeID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(c.Delete(prefixNoticeKey+noticeID), eraseAt(c.Tx, c.now, ref))
}

// SendAreaLink sends the link of an area. The Area has it to copy either way;
// sent is false when nothing is configured that could send it. With once, a
// repetition sends nothing.
func (s *Service) SendAreaLink(ctx context.Context, actor Actor, areaID string, to Contact, language string, once *Once) (a Area, sent bool, err error) {
	to, channel, err := to.clean()
	if err != nil {
		return Area{}, false, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return Area{}, false, err
	}
	err = s.withKey(ctx, func(ref KeyRef) error {
		return s.change(ctx, actor, "send an area's link", func(c *change) error {
			r, err := liveArea(c.Tx, areaID)
			if err != nil {
				return err
			}
			if err := actor.reach(r.OrganisationID); err != nil {
				return err
			}
			a = s.area(r)
			sent, err = repeatable(s, c.Tx, Caller{OrganisationID: a.OrganisationID}, once.by(actor), func() (bool, error) {
				return c.sendAreaLink(a, ref, to, channel, language)
			})
			return err
		})
	})
	if err != nil {
		return Area{}, false, err
	}
	return a, sent, nil
}

func (c *change) sendAreaLink(a Area, ref KeyRef, to Contact, channel Channel, language string) (sent bool, err error) {
	if channel != ChannelCopy {
		id, err := c.send(a.subject(), ref, to, TemplateLink, a.Link, language)
		switch {
		case err == nil:
			sent = true
			err := errors.Join(keepKey(c.Tx, ref), eraseAt(c.Tx, c.now.Add(sentKeyLife), ref), put(c.Tx, prefixNoticeKey+id, ref))
			if err != nil {
				return false, err
			}
		case !errors.Is(err, ErrNoGateway):
			return false, err
		}
	}
	return sent, c.audit("area.link_send", a.subject(), "channel", string(channel), "sent", fmt.Sprint(sent))
}
