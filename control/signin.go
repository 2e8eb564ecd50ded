package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// AccountLink is what the page of an invitation or a sign-in link shows.
type AccountLink struct {
	Kind         LinkKind // LinkInvitation or LinkSignIn
	Organisation string   // name
	Name, Email  string   // of the account
}

// liveAccountLink reads an invitation or a sign-in link. Unknown, used,
// expired and revoked ones give ErrNotFound alike (SE-5).
func liveAccountLink(tx store.Tx, digest [32]byte, now time.Time) (Link, accountRecord, error) {
	l, err := link(tx, digest)
	if err != nil {
		return Link{}, accountRecord{}, err
	}
	if l.Kind != LinkInvitation && l.Kind != LinkSignIn || !now.Before(l.ExpiresAt) {
		return Link{}, accountRecord{}, ErrNotFound
	}
	r, err := readAccount(tx, l.TargetID)
	if err != nil {
		return Link{}, accountRecord{}, err
	}
	wanted := AccountInvited
	if l.Kind == LinkSignIn {
		wanted = AccountActive
	}
	if r.State != wanted {
		return Link{}, accountRecord{}, ErrNotFound
	}
	return l, r, nil
}

// LookAccountLink says what an invitation or a sign-in link is for. It uses
// nothing up.
func (s *Service) LookAccountLink(ctx context.Context, digest [32]byte) (AccountLink, error) {
	var look AccountLink
	err := s.store.View(ctx, func(tx store.Tx) error {
		l, r, err := liveAccountLink(tx, digest, s.clock())
		if err != nil {
			return err
		}
		org, err := organisation(tx, l.OrganisationID)
		if err != nil {
			return err
		}
		p, err := s.person(r)
		look = AccountLink{Kind: l.Kind, Organisation: org.Name, Name: p.Name, Email: p.Email}
		return err
	})
	if err != nil {
		return AccountLink{}, fmt.Errorf("look at a link: %w", err)
	}
	return look, nil
}

// AcceptInvitation uses an invitation up: the account is active under that
// name and signed in. also runs in the same transaction: to store the password
// and the session. Of any number of acceptances exactly one succeeds, the
// others get ErrNotFound.
func (s *Service) AcceptInvitation(ctx context.Context, digest [32]byte, name string,
	also func(tx store.Tx, account Account) error) (Account, error) {
	name, err := CleanName("name", name)
	if err != nil {
		return Account{}, err
	}
	return s.useLink(ctx, digest, LinkInvitation, func(tx store.Tx, r accountRecord) error {
		p, err := s.person(r)
		if err != nil {
			return err
		}
		p.Name = name
		r.State, r.AcceptedAt = AccountActive, s.clock()
		return s.putAccount(tx, r, p)
	}, also)
}

// UseSignInLink uses a sign-in link up, as AcceptInvitation does with an
// invitation.
func (s *Service) UseSignInLink(ctx context.Context, digest [32]byte,
	also func(tx store.Tx, account Account) error) (Account, error) {
	return s.useLink(ctx, digest, LinkSignIn, func(store.Tx, accountRecord) error { return nil }, also)
}

func (s *Service) useLink(ctx context.Context, digest [32]byte, kind LinkKind,
	change func(tx store.Tx, r accountRecord) error, also func(tx store.Tx, account Account) error) (Account, error) {
	var account Account
	err := s.store.Update(ctx, func(tx store.Tx) error {
		l, r, err := liveAccountLink(tx, digest, s.clock())
		if err != nil {
			return err
		}
		if l.Kind != kind {
			return ErrNotFound
		}
		if err := change(tx, r); err != nil {
			return err
		}
		// An accepted invitation ends the others too; of sign-in links each
		// is its own.
		if kind == LinkInvitation {
			err = s.dropAccountLinks(tx, r.ID)
		} else {
			err = s.dropAccountLink(tx, r.ID, hexDigest(digest))
		}
		if err != nil {
			return err
		}
		if r, err = readAccount(tx, r.ID); err != nil {
			return err
		}
		return s.signedIn(tx, r, string(kind), func(tx store.Tx) error {
			if r, err = readAccount(tx, r.ID); err != nil {
				return err
			}
			if account, err = s.account(r); err != nil || also == nil {
				return err
			}
			return also(tx, account)
		})
	})
	if err != nil {
		return Account{}, fmt.Errorf("use a link: %w", err)
	}
	return account, nil
}

// SendSignInLinks sends a sign-in link to each active account with that e-mail
// address. That there is none, or nothing to send it with, is no error: the
// answer tells nothing.
func (s *Service) SendSignInLinks(ctx context.Context, email string) error {
	email, err := CleanEmail("email", email)
	if err != nil {
		return err
	}
	accounts, err := s.AccountsByEmail(ctx, email)
	if err != nil {
		return err
	}
	letters := make([]letter, len(accounts))
	err = s.withKeys(ctx, letters, func(tx store.Tx, letters []letter) error {
		for i, a := range accounts {
			r, err := readAccount(tx, a.ID)
			if err != nil {
				return err
			}
			if r.State != AccountActive || letters[i].key.IsZero() {
				continue
			}
			live, err := s.liveSignInLinks(tx, r.ID)
			if err != nil {
				return err
			}
			if live >= maxSignInLinks {
				continue
			}
			if err := s.sendSignIn(tx, r, letters[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("send a sign-in link: %w", err)
	}
	return nil
}

// maxSignInLinks is how many sign-in links of an account live at a time:
// nobody's mailbox can be flooded with them.
const maxSignInLinks = 3

func (s *Service) liveSignInLinks(tx store.Tx, accountID string) (int, error) {
	n, now := 0, s.clock()
	err := tx.Range(accountLinkKey(accountID, ""), "", func(_ string, value []byte) error {
		l, err := decode[accountLink](value)
		if err == nil && l.Kind == LinkSignIn && now.Before(l.ExpiresAt) {
			n++
		}
		return err
	})
	return n, err
}

func (s *Service) sendSignIn(tx store.Tx, r accountRecord, l letter) error {
	_, _, sent, err := s.accountLink(tx, r, l, LinkSignIn)
	if err != nil {
		return err
	}
	return audit(tx, s.clock(), System(), "sign_in_link.create", r.subject(), "sent", fmt.Sprint(sent))
}

// NewSignInLink returns the secret of a sign-in link for an account. Whoever
// has it is that person: only the operator of the deployment may ask for it.
func (s *Service) NewSignInLink(ctx context.Context, actor Actor, accountID string) (string, error) {
	if actor.Kind != ActorOperator && actor.Kind != ActorSystem {
		return "", ErrForbidden
	}
	var secret string
	err := s.store.Update(ctx, func(tx store.Tx) error {
		r, err := readAccount(tx, accountID)
		if err != nil {
			return err
		}
		if r.State != AccountActive {
			return &StateError{CodeWrongState, "Only an active account can sign in; invite them, or enable the account."}
		}
		if secret, _, _, err = s.accountLink(tx, r, letter{Invitee: Invitee{Copy: true}}, LinkSignIn); err != nil {
			return err
		}
		return audit(tx, s.clock(), actor, "sign_in_link.create", r.subject(), "sent", "false")
	})
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	return secret, nil
}

// dropAccountLinks ends all invitations and sign-in links of an account.
func (s *Service) dropAccountLinks(tx store.Tx, accountID string) error {
	var digests []string
	prefix := accountLinkKey(accountID, "")
	err := tx.Range(prefix, "", func(key string, _ []byte) error {
		digests = append(digests, strings.TrimPrefix(key, prefix))
		return nil
	})
	if err != nil {
		return err
	}
	for _, digest := range digests {
		if err := s.dropAccountLink(tx, accountID, digest); err != nil {
			return err
		}
	}
	return nil
}

// dropAccountLink ends a link for good: nothing of it stays, and what was
// sent is erased.
func (s *Service) dropAccountLink(tx store.Tx, accountID, digest string) error {
	record, err := get[accountLink](tx, accountLinkKey(accountID, digest))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	due := DueInvitation
	if record.Kind == LinkSignIn {
		due = DueLink
	}
	err = errors.Join(
		tx.Delete(prefixLink+digest),
		tx.Delete(accountLinkKey(accountID, digest)),
		unschedule(tx, record.ExpiresAt, due, digest))
	if err != nil || record.Key.IsZero() {
		return err
	}
	return errors.Join(unerase(tx, record.ExpiresAt, record.Key), eraseAt(tx, s.clock(), record.Key))
}

// expireAccountLink clears away an invitation or a sign-in link whose time is
// over, given by its hexadecimal digest: for the scheduler (DueInvitation and
// DueLink).
func (s *Service) expireAccountLink(tx store.Tx, now time.Time, digest string) error {
	l, err := get[Link](tx, prefixLink+digest)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || now.Before(l.ExpiresAt) || l.Kind != LinkInvitation && l.Kind != LinkSignIn {
		return err
	}
	return s.dropAccountLink(tx, l.TargetID, digest)
}
