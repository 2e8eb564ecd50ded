package control

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// accountRecord is an Account as it is stored: who it is stands sealed
// (R-PV-1).
type accountRecord struct {
	ID             string       `json:"id"`
	OrganisationID string       `json:"organisation_id"`
	State          AccountState `json:"state"`
	Sealed         []byte       `json:"sealed"` // accountPerson
	CreatedAt      time.Time    `json:"created_at"`
	AcceptedAt     time.Time    `json:"accepted_at,omitzero"` // of the first sign-in
	LastSignInAt   time.Time    `json:"last_sign_in_at,omitzero"`
}

// accountPerson is who an account is.
type accountPerson struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

func accountPurpose(id string) string { return "account/" + id }

func (s *Service) putAccount(tx store.Tx, r accountRecord, p accountPerson) error {
	data, err := encode(p)
	if err != nil {
		return err
	}
	r.Sealed = s.secrets.Seal(data, accountPurpose(r.ID))
	return put(tx, prefixAccount+r.ID, r)
}

// person opens who an account is.
func (s *Service) person(r accountRecord) (accountPerson, error) {
	data, err := s.secrets.Open(r.Sealed, accountPurpose(r.ID))
	if err != nil {
		return accountPerson{}, fmt.Errorf("open an account (was the key file replaced?): %w", err)
	}
	return decode[accountPerson](data)
}

func (s *Service) account(r accountRecord) (Account, error) {
	p, err := s.person(r)
	return Account{
		ID: r.ID, OrganisationID: r.OrganisationID, Name: p.Name, Email: p.Email,
		State: r.State, CreatedAt: r.CreatedAt, LastSignInAt: r.LastSignInAt,
	}, err
}

func (r accountRecord) subject() Subject {
	return Subject{Kind: "account", ID: r.ID, OrganisationID: r.OrganisationID}
}

func readAccount(tx store.Tx, id string) (accountRecord, error) {
	if !validID(id) {
		return accountRecord{}, ErrNotFound
	}
	return get[accountRecord](tx, prefixAccount+id)
}

// emailKey is where the accounts of an e-mail address are found. Case doesn't
// count.
func (s *Service) emailKey(email, accountID string) string {
	digest := s.secrets.Digest("account_email", strings.ToLower(email))
	return prefixAccountEmail + hex.EncodeToString(digest) + "/" + accountID
}

// byEmail reads the accounts that have an e-mail address, one of each
// organisation at most.
func (s *Service) byEmail(tx store.Tx, email string) ([]accountRecord, error) {
	var ids []string
	prefix := s.emailKey(email, "")
	err := tx.Range(prefix, "", func(key string, _ []byte) error {
		ids = append(ids, strings.TrimPrefix(key, prefix))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []accountRecord
	for _, id := range ids {
		r, err := readAccount(tx, id)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// createAccount makes an invited account.
func (s *Service) createAccount(tx store.Tx, organisationID string, p accountPerson) (accountRecord, error) {
	id, err := newID()
	if err != nil {
		return accountRecord{}, err
	}
	r := accountRecord{ID: id, OrganisationID: organisationID, State: AccountInvited, CreatedAt: s.clock()}
	err = errors.Join(
		s.putAccount(tx, r, p),
		tx.Put(s.emailKey(p.Email, id), nil),
		addChild(tx, organisationID, childAccount, id))
	if err != nil {
		return accountRecord{}, err
	}
	return readAccount(tx, id)
}

// Account returns an account, or ErrNotFound.
func (s *Service) Account(ctx context.Context, actor Actor, id string) (Account, error) {
	var a Account
	err := s.store.View(ctx, func(tx store.Tx) error {
		r, err := readAccount(tx, id)
		if err != nil {
			return err
		}
		if err := actor.reach(r.OrganisationID); err != nil {
			return err
		}
		a, err = s.account(r)
		return err
	})
	if err != nil {
		return Account{}, fmt.Errorf("read an account: %w", err)
	}
	return a, nil
}

// Accounts lists an organisation's accounts.
func (s *Service) Accounts(ctx context.Context, actor Actor, organisationID string, q Query) (Page[Account], error) {
	page, err := list(ctx, s, actor, ThingOrganisation, organisationID, childAccount, q,
		func(tx store.Tx, id string) (Account, bool, error) {
			r, err := readAccount(tx, id)
			if err != nil {
				return Account{}, false, err
			}
			a, err := s.account(r)
			return a, true, err
		})
	if err != nil {
		return Page[Account]{}, fmt.Errorf("list accounts: %w", err)
	}
	return page, nil
}

// AccountsByEmail returns the active accounts of an e-mail address, of all
// organisations: to check a password against. None is no error.
func (s *Service) AccountsByEmail(ctx context.Context, email string) ([]Account, error) {
	var list []Account
	err := s.store.View(ctx, func(tx store.Tx) error {
		list = nil
		records, err := s.byEmail(tx, strings.TrimSpace(email))
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.State != AccountActive {
				continue
			}
			a, err := s.account(r)
			if err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find accounts: %w", err)
	}
	return list, nil
}

// changeAccount reads an account, has do change it, and writes it with its
// audit record.
func (s *Service) changeAccount(ctx context.Context, actor Actor, id string, action Action,
	do func(c *change, r *accountRecord, p *accountPerson) error) (Account, error) {
	var a Account
	err := s.change(ctx, actor, "change an account", func(c *change) error {
		r, err := readAccount(c.Tx, id)
		if err != nil {
			return err
		}
		if err := actor.reach(r.OrganisationID); err != nil {
			return err
		}
		p, err := s.person(r)
		if err != nil {
			return err
		}
		if err := do(c, &r, &p); err != nil {
			return err
		}
		if err := s.putAccount(c.Tx, r, p); err != nil {
			return err
		}
		if err := c.audit(action, r.subject()); err != nil {
			return err
		}
		r, err = readAccount(c.Tx, id)
		if err != nil {
			return err
		}
		a, err = s.account(r)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// OwnAccountPatch is what somebody changes of their own account; nil leaves it.
type OwnAccountPatch struct {
	Name *string
	// Password stores another one and ends the other sessions but Session, in
	// the same transaction. The sign-in links that were sent are dead with it,
	// and the seats that were taken with those sessions.
	Password func(tx store.Tx) error
	Session  string // see Staff
}

// UpdateOwnAccount changes what an account says of itself.
func (s *Service) UpdateOwnAccount(ctx context.Context, actor Actor, p OwnAccountPatch) (Account, error) {
	action := Action("account.update")
	if p.Name == nil {
		action = "account.password"
	} else {
		name, err := CleanName("name", *p.Name)
		if err != nil {
			return Account{}, err
		}
		p.Name = &name
	}
	return s.changeAccount(ctx, actor, actor.ID, action, func(c *change, r *accountRecord, person *accountPerson) error {
		if r.State != AccountActive {
			return ErrNotFound
		}
		if p.Name != nil {
			person.Name = *p.Name
		}
		if p.Password == nil {
			return nil
		}
		err := c.unseat(r.ID, func(seat seatRecord, _ *Call) (bool, error) { return seat.Session == p.Session, nil })
		if err == nil {
			err = errors.Join(p.Password(c.Tx), s.dropAccountLinks(c.Tx, r.ID))
		}
		if err != nil || action == "account.password" {
			return err
		}
		return c.audit("account.password", r.subject())
	})
}

// DisableAccount shuts an account out: its invitations and sign-in links are
// dead at once, it has no roles while it is disabled, and it is out of its
// calls (R-P-2). The last system administrator can't be disabled. also runs in
// the same transaction: to end its sessions.
func (s *Service) DisableAccount(ctx context.Context, actor Actor, id string, also func(tx store.Tx) error) (Account, error) {
	return s.changeAccount(ctx, actor, id, "account.disable", func(c *change, r *accountRecord, _ *accountPerson) error {
		if r.State == AccountDisabled {
			return nil
		}
		if err := keepAdmin(c.Tx, *r); err != nil {
			return err
		}
		r.State = AccountDisabled
		if err := s.dropAccountLinks(c.Tx, r.ID); err != nil {
			return err
		}
		if err := c.unseat(r.ID, func(seatRecord, *Call) (bool, error) { return false, nil }); err != nil || also == nil {
			return err
		}
		return also(c.Tx)
	})
}

// EnableAccount lets a disabled account in again, with the roles that it has.
// Who had never accepted an invitation needs a new one (Reinvite).
func (s *Service) EnableAccount(ctx context.Context, actor Actor, id string) (Account, error) {
	return s.changeAccount(ctx, actor, id, "account.enable", func(_ *change, r *accountRecord, _ *accountPerson) error {
		if r.State != AccountDisabled {
			return nil
		}
		r.State = AccountActive
		if r.AcceptedAt.IsZero() {
			r.State = AccountInvited
		}
		return nil
	})
}

// SignedIn notes that somebody signed in, by a method such as "password". also
// runs in the same transaction: to store the session.
func (s *Service) SignedIn(ctx context.Context, accountID, method string, also func(tx store.Tx) error) error {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		r, err := readAccount(tx, accountID)
		if err != nil {
			return err
		}
		if r.State != AccountActive {
			return ErrNotFound
		}
		return s.signedIn(tx, r, method, also)
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// SignInFailed notes that somebody tried to sign in to an account and had not
// what it takes. ErrNotFound when there is no such account.
func (s *Service) SignInFailed(ctx context.Context, accountID, method string) error {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		r, err := readAccount(tx, accountID)
		if err != nil {
			return err
		}
		return audit(tx, s.clock(), Actor{Kind: ActorSystem, OrganisationID: r.OrganisationID},
			"account.sign_in_failed", r.subject(), "method", method)
	})
	if err != nil {
		return fmt.Errorf("note a failed sign-in: %w", err)
	}
	return nil
}

func (s *Service) signedIn(tx store.Tx, r accountRecord, method string, also func(tx store.Tx) error) error {
	r.LastSignInAt = s.clock()
	if err := put(tx, prefixAccount+r.ID, r); err != nil {
		return err
	}
	self := Actor{Kind: ActorAccount, ID: r.ID, OrganisationID: r.OrganisationID}
	if err := audit(tx, r.LastSignInAt, self, "account.sign_in", r.subject(), "method", method); err != nil {
		return err
	}
	if also == nil {
		return nil
	}
	return also(tx)
}
