package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// inviteLife is how long an invitation into a call can be used, if the call
// goes on so long.
const inviteLife = 12 * time.Hour

// CallInvite is a single-use link into a call.
type CallInvite struct {
	Link      string // the secret, when it is to be copied; "" when it was sent
	Channel   Channel
	ExpiresAt time.Time
}

// InviteToCall makes a single-use link into a call that goes on, and sends it
// or gives it back to copy. Who uses it enters without waiting (R-IA-4). With
// once, a repetition returns the first one's result.
func (s *Service) InviteToCall(ctx context.Context, actor Actor, callID string, to Contact, language string, once *Once) (CallInvite, error) {
	to, channel, err := to.clean()
	if err != nil {
		return CallInvite{}, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return CallInvite{}, err
	}
	secret, digest := s.secrets.NewLink()
	var made CallInvite
	invite := func(ref KeyRef) error {
		return s.change(ctx, actor, "invite into a call", func(c *change) error {
			call, err := c.call(callID)
			if err != nil {
				return err
			}
			made, err = repeatable(s, c.Tx, Caller{OrganisationID: call.OrganisationID}, once.by(actor), func() (CallInvite, error) {
				in := CallInvite{Link: secret, Channel: channel, ExpiresAt: c.now.Add(inviteLife)}
				err := c.invite(call, &in, ref, to, hexDigest(digest), language)
				return in, err
			})
			return err
		})
	}
	if channel == ChannelCopy {
		err = invite(KeyRef{})
	} else {
		err = s.withKey(ctx, invite)
	}
	if err != nil {
		return CallInvite{}, fmt.Errorf("make an invitation: %w", err)
	}
	if made.Channel != ChannelCopy {
		made.Link = ""
	}
	return made, nil
}

// invite stores and sends a link into a call.
func (c *change) invite(call *Call, in *CallInvite, ref KeyRef, to Contact, digest, language string) error {
	if call.AreaID == "" || call.Kind != Individual {
		return &StateError{CodeWrongState, "A meeting room or a group has a link of its own: send that one."}
	}
	if in.Channel != ChannelCopy {
		id, err := c.send(call.subject(), ref, to, TemplateLink, in.Link, language)
		switch {
		case errors.Is(err, ErrNoGateway):
			in.Channel, ref = ChannelCopy, KeyRef{}
		case err != nil:
			return err
		default:
			// Or sooner: when it was delivered, or the call ends.
			err := errors.Join(keepKey(c.Tx, ref), eraseAt(c.Tx, in.ExpiresAt, ref), put(c.Tx, prefixNoticeKey+id, ref))
			if err != nil {
				return err
			}
		}
	}
	return errors.Join(
		put(c.Tx, prefixLink+digest, Link{
			Kind: LinkCallInvite, OrganisationID: call.OrganisationID, TargetID: call.ID, ExpiresAt: in.ExpiresAt,
		}),
		put(c.Tx, prefixInvited+call.ID+"/"+digest, ref),
		schedule(c.Tx, in.ExpiresAt.Add(time.Millisecond), DueGuestLink, digest),
		c.audit("call.invite", call.subject(), "channel", string(in.Channel)))
}

// prefixInvited lists the links into a call: invited/<call>/<digest> → KeyRef
// of where it was sent, zero when it was copied.
const prefixInvited = "invited/"

// endInvites ends the links into a call that is over, and erases where they
// were sent (R-PV-1).
func (c *change) endInvites(call *Call) error {
	invited := make(map[string]KeyRef)
	prefix := prefixInvited + call.ID + "/"
	err := c.Range(prefix, "", func(key string, value []byte) error {
		ref, err := decode[KeyRef](value)
		invited[strings.TrimPrefix(key, prefix)] = ref
		return err
	})
	if err != nil {
		return err
	}
	for digest, ref := range invited {
		if err := errors.Join(c.Delete(prefix+digest), c.Delete(prefixLink+digest)); err != nil {
			return err
		}
		if ref.IsZero() {
			continue
		}
		if err := eraseAt(c.Tx, c.now.Add(eraseDelay), ref); err != nil {
			return err
		}
	}
	return nil
}

// DueGuestLink is due when a guest's link expires. The id is its digest.
const DueGuestLink DueKind = "guest_link"

// linkOver clears a link away that has expired.
func (c *change) linkOver(digest string) error {
	l, err := get[Link](c.Tx, prefixLink+digest)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || !c.now.After(l.ExpiresAt) || l.Kind != LinkCallInvite {
		return err
	}
	return c.Delete(prefixLink + digest)
}
