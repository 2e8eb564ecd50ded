package control

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// Somebody of staff sits in a call by a role. Taking it away takes them out of
// the call in the same transaction, as does disabling their account, or
// signing out the session that they came with (R-P-2). Who was let in by an
// API key stays when it is revoked: keys are exchanged while calls go on.

// Rights is the permission table, as far as the rules ask it by themselves:
// for those who are in a call when a role of theirs is taken away.
type Rights interface {
	// MaySit says whether somebody may be in a call of a kind with these
	// roles, held on its area or meeting room or on what that stands in.
	MaySit(kind RoomType, roles []RoleName) bool
}

// noRights stands where no Rights are given: no other role keeps a seat.
type noRights struct{}

func (noRights) MaySit(RoomType, []RoleName) bool { return false }

// account is whose seat it is, "" for a guest's and for those whom an API key
// lets in.
func (s seatRecord) account() string {
	id, ok := strings.CutPrefix(s.Identity, string(ActorAccount)+"/")
	if !ok {
		return ""
	}
	return id
}

func seatOfKey(accountID, participantID string) string {
	return prefixSeatOf + accountID + "/" + participantID
}

// unseat takes somebody of staff out of the calls that they may not stay in:
// their connections end and their tokens are dead.
func (c *change) unseat(accountID string, stays func(seat seatRecord, call *Call) (bool, error)) error {
	var seats []string
	prefix := seatOfKey(accountID, "")
	err := c.Range(prefix, "", func(key string, _ []byte) error {
		seats = append(seats, strings.TrimPrefix(key, prefix))
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range seats {
		seat, err := c.seat(id)
		if err != nil {
			return err
		}
		call, err := get[Call](c.Tx, prefixCall+seat.CallID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		ok, err := stays(seat.seatRecord, &call)
		if err != nil {
			return err
		}
		if ok {
			continue
		}
		if err := c.audit("call.remove", call.subject(), "participant_id", id, "account", accountID); err != nil {
			return err
		}
		if err := c.depart(id, DepartedRemoved); err != nil {
			return err
		}
	}
	return nil
}

// Unseat takes somebody of staff out of the call that they sit in, who lost
// what let them in on their way there. That they are out is no error.
func (s *Service) Unseat(ctx context.Context, participantID string) error {
	return s.change(ctx, System(), "take somebody out of a call", func(c *change) error {
		seat, err := c.seat(participantID)
		if err != nil || seat.CallID == "" {
			return err
		}
		call, err := get[Call](c.Tx, prefixCall+seat.CallID)
		if err != nil {
			return err
		}
		if err := c.audit("call.remove", call.subject(), "participant_id", participantID); err != nil {
			return err
		}
		return c.depart(participantID, DepartedRemoved)
	})
}

// demoted takes whoever lost a role out of the calls that no other role of
// theirs lets them be in.
func (c *change) demoted(lost Grant) error {
	left, err := grants(c.Tx, lost.AccountID)
	if err != nil {
		return err
	}
	return c.unseat(lost.AccountID, func(_ seatRecord, call *Call) (bool, error) {
		chain, err := placed{call.OrganisationID, call.UnitID, call.AreaID, call.MeetingRoomID}.chain(c.Tx)
		if errors.Is(err, ErrNotFound) {
			return true, nil // the place was deleted: placeGone lets everybody go
		}
		if err != nil || !slices.Contains(chain, lost.Scope) {
			return true, err
		}
		var roles []RoleName
		for _, g := range left {
			if slices.Contains(chain, g.Scope) {
				roles = append(roles, g.Role)
			}
		}
		return c.rights.MaySit(call.Kind, roles), nil
	})
}

// SignOut notes that somebody ends a session of theirs, and takes them out of
// the calls that they came into with it. also runs in the same transaction: to
// delete the session.
func (s *Service) SignOut(ctx context.Context, actor Actor, session string, also func(tx store.Tx) error) error {
	return s.change(ctx, actor, "sign out", func(c *change) error {
		if actor.Kind != ActorAccount {
			return ErrNotFound
		}
		r, err := readAccount(c.Tx, actor.ID)
		if err != nil {
			return err
		}
		if err := c.audit("account.sign_out", r.subject()); err != nil {
			return err
		}
		if err := c.unseat(r.ID, func(seat seatRecord, _ *Call) (bool, error) { return seat.Session != session, nil }); err != nil {
			return err
		}
		return also(c.Tx)
	})
}
