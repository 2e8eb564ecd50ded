package control

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// ExtendConsult gives a link that is neither used nor revoked five minutes
// more, any number of times, also after it ran out, for up to 24 h (R-CN-2).
func (s *Service) ExtendConsult(ctx context.Context, actor Actor, id string) (ConsultNow, error) {
	return s.actConsult(ctx, actor, "extend a link", id, func(c *change, r *consultRecord) error {
		// The link itself may be extended while it is sent: only an end
		// decides.
		if r.State == ConsultEntered || r.State == ConsultRevoked || r.State == ConsultFailed {
			return r.may(ConsultExpired)
		}
		if !c.now.Before(r.CreatedAt.Add(ConsultLife)) {
			return &StateError{CodeWrongState, "The link is more than a day old; send another."}
		}
		r.extend(c.now)
		if !r.ExpiresAt.IsZero() {
			if err := c.scheduleConsult(r); err != nil {
				return err
			}
		}
		if r.State == ConsultExpired {
			r.State = r.back()
		}
		return errors.Join(c.storeConsult(r, "consult_now.extended"),
			c.audit("consult_now.extend", r.subject(), "extensions", strconv.Itoa(r.Extensions)))
	})
}

// RevokeConsult ends a link that nobody has used.
func (s *Service) RevokeConsult(ctx context.Context, actor Actor, id string) (ConsultNow, error) {
	return s.actConsult(ctx, actor, "revoke a link", id, func(c *change, r *consultRecord) error {
		return errors.Join(c.putConsult(r, ConsultRevoked), c.reportConsult(r), c.forgetConsult(r),
			c.audit("consult_now.revoke", r.subject()))
	})
}

// forgetConsult ends a link for good: its secret leads nowhere, and the
// address it was sent to is erased.
func (c *change) forgetConsult(r *consultRecord) error {
	return errors.Join(c.closeConsult(r), eraseAt(c.Tx, c.now, r.Key))
}

// closeConsult ends a link: its secret leads nowhere, and nothing comes of it
// any more.
func (c *change) closeConsult(r *consultRecord) error {
	return errors.Join(c.Delete(prefixLink+r.LinkDigest), c.Delete(prefixConsultIn+r.AreaID+"/"+r.ID), c.dropNotice(r))
}

func (c *change) dropNotice(r *consultRecord) error {
	if r.NoticeID == "" {
		return nil
	}
	return c.Delete(prefixNoticeOf + r.NoticeID)
}

// ResendConsult sends a link again that nobody has used (R-CN-5). The clock
// isn't started anew: to give more time is to extend. With once, a repetition
// sends nothing.
func (s *Service) ResendConsult(ctx context.Context, actor Actor, id, language string, once *Once) (ConsultNow, error) {
	language, err := cleanLanguage("language", language)
	if err != nil {
		return ConsultNow{}, err
	}
	return s.actConsult(ctx, actor, "send a link again", id, func(c *change, r *consultRecord) error {
		_, err := repeatable(s, c.Tx, Caller{OrganisationID: r.OrganisationID}, once.by(actor), func() (bool, error) {
			return true, c.resend(r, language)
		})
		return err
	})
}

func (c *change) resend(r *consultRecord, language string) error {
	switch r.State {
	case ConsultSent, ConsultOpened, ConsultFailed:
	default:
		return r.may(ConsultFailed)
	}
	secrets, ok, err := openJSON[consultSecrets](c.Service, r.Key, r.Sealed, r.purpose())
	if err != nil || !ok {
		return errors.Join(err, ErrNotFound)
	}
	if r.Channel == ChannelCopy {
		return &StateError{CodeWrongState, "This link is there to be copied; nothing sends it."}
	}
	if err := errors.Join(c.dropNotice(r), c.sendConsult(r, secrets.Contact, secrets.Link, language)); err != nil {
		return err
	}
	if r.State == ConsultFailed {
		r.State = ConsultSent
	}
	return errors.Join(c.storeConsult(r, "consult_now.sent"), c.audit("consult_now.resend", r.subject()))
}

// Delivered is told how the sending of a notice went: a gateway took it at a
// time, or (failed) it was given up. The clock of a Consult Now link starts
// when the gateway took it (R-CN-2).
func (s *Service) Delivered(ctx context.Context, noticeID string, at time.Time, failed error) error {
	return s.change(ctx, System(), "note how a message went", func(c *change) error {
		if err := c.eraseSent(noticeID); err != nil {
			return err
		}
		id, err := c.Get(prefixNoticeOf + noticeID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := get[consultRecord](c.Tx, prefixConsult+string(id))
		if err != nil {
			return err
		}
		switch {
		case failed != nil && r.State == ConsultSent && r.HandedOverAt.IsZero():
			return c.putConsult(&r, ConsultFailed)
		case failed != nil || !r.HandedOverAt.IsZero():
			return nil
		}
		if at.After(c.now) {
			at = c.now
		}
		r.handOver(at.UTC().Truncate(time.Millisecond))
		if r.State == ConsultFailed {
			r.State = ConsultSent
		}
		return errors.Join(c.scheduleConsult(&r), c.storeConsult(&r, "consult_now.delivered"))
	})
}

// enterConsult lets the one guest of a link into the call that waits for them
// (R-CN-4): the link is used up in the same transaction. Where its provider
// has left meanwhile, the guest waits.
func (c *change) enterConsult(v *visitRecord, d *doorway) error {
	r := &d.consult
	r.VisitID, r.EnteredAt = v.ID, c.now
	err := errors.Join(c.putConsult(r, ConsultEntered), c.reportConsult(r), c.closeConsult(r),
		c.audit("consult_now.enter", r.subject()))
	if err != nil {
		return err
	}
	call, err := c.call(r.CallID)
	if errors.Is(err, ErrNotFound) {
		return errors.Join(c.limit(v, d.area), c.putVisit(v), c.alert(v, d.area))
	}
	if err != nil {
		return err
	}
	return c.admit(v, call)
}

// consultOver erases where a link was sent to, when the visit that it led to
// ends.
func (c *change) consultOver(id string) error {
	r, err := get[consultRecord](c.Tx, prefixConsult+id)
	if err != nil {
		return err
	}
	return eraseAt(c.Tx, c.now.Add(eraseDelay), r.Key)
}

// consultDue is due when a link expires, and when its life is over.
func (c *change) consultDue(id string) error {
	r, err := get[consultRecord](c.Tx, prefixConsult+id)
	if err != nil {
		return err
	}
	over := !c.now.Before(r.CreatedAt.Add(ConsultLife))
	if r.State == ConsultEntered || r.State == ConsultRevoked {
		return nil
	}
	if (r.State == ConsultSent || r.State == ConsultOpened) &&
		(over || !r.ExpiresAt.IsZero() && c.now.After(r.ExpiresAt)) {
		if err := c.putConsult(&r, ConsultExpired); err != nil {
			return err
		}
	}
	if over {
		return errors.Join(c.reportConsult(&r), c.forgetConsult(&r))
	}
	return nil
}
