package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Lifetimes of an account's links.
const (
	InvitationLifetime = 7 * 24 * time.Hour // R-T-2
	SignInLifetime     = 15 * time.Minute
)

// Templates of what is sent to accounts. The link is in the sealed data.
const (
	TemplateInvitation = "invitation" // days
	TemplateSignIn     = "sign_in"    // minutes
)

// PathAccount is the page of invitations and sign-in links; the secret stands
// behind the #.
const PathAccount = "/i#"

// Invitee is somebody to appoint: an account of the organisation that has the
// e-mail address, or, when there is none, a new one that is invited.
type Invitee struct {
	Email string
	Name  string // may be ""
	// Copy has the link returned and not sent.
	Copy bool
}

// Invitation is a single-use link to an account.
type Invitation struct {
	AccountID string
	ExpiresAt time.Time
	Sent      bool   // by e-mail
	Link      string // the secret, unless it was sent
}

// Appointed is a role that somebody was given.
type Appointed struct {
	Grant      Grant
	Account    Account
	Invitation *Invitation // nil: the account is active
}

// letter is an invitee and the key that seals what is sent to them.
type letter struct {
	Invitee
	key KeyRef // zero: nothing can be sent
}

// accountLink is a live invitation or sign-in link of an account.
type accountLink struct {
	Kind      LinkKind  `json:"kind"`
	ExpiresAt time.Time `json:"expires_at"`
	Key       KeyRef    `json:"key,omitzero"` // sealed what was sent
}

func accountLinkKey(accountID, digest string) string {
	return prefixAccountLink + accountID + "/" + digest
}

// inviting runs a transaction that may send invitations. field is what the
// addresses are called in the API.
func (s *Service) inviting(ctx context.Context, field string, invitees []Invitee, do func(tx store.Tx, letters []letter) error) error {
	letters := make([]letter, len(invitees))
	seen := make(map[string]bool)
	for i, in := range invitees {
		var err error
		if in.Email, err = CleanEmail(field, in.Email); err != nil {
			return err
		}
		if in.Name, err = cleanLabel("name", in.Name); err != nil {
			return err
		}
		if seen[strings.ToLower(in.Email)] {
			return &FieldError{Field: field, Message: "must not name the same person twice"}
		}
		seen[strings.ToLower(in.Email)] = true
		letters[i].Invitee = in
	}
	return s.withKeys(ctx, letters, do)
}

// withKeys gives each letter that may be sent a key, runs the transaction, and
// erases the keys that it didn't use.
func (s *Service) withKeys(ctx context.Context, letters []letter, do func(tx store.Tx, letters []letter) error) error {
	var refs []KeyRef
	defer func() { s.discard(ctx, refs) }()
	for i := range letters {
		if letters[i].Copy {
			continue
		}
		ref, err := s.vault.Reserve()
		if errors.Is(err, errNoVault) {
			break // what can't be sealed isn't sent
		}
		if err != nil {
			return fmt.Errorf("reserve a key: %w", err)
		}
		letters[i].key, refs = ref, append(refs, ref)
	}
	return s.store.Update(ctx, func(tx store.Tx) error { return do(tx, letters) })
}

// appoint gives a role to the account with the letter's address, and invites
// them when it isn't active yet.
func (s *Service) appoint(tx store.Tx, actor Actor, role RoleName, scope Scope, l letter) (Appointed, error) {
	chain, err := scope.chain(tx)
	if err != nil {
		return Appointed{}, err
	}
	r, err := s.accountFor(tx, chain[len(chain)-1].ID, l.Invitee)
	if err != nil {
		return Appointed{}, err
	}
	var done Appointed
	if done.Grant, err = s.addGrant(tx, actor, r, role, scope); err != nil {
		return Appointed{}, err
	}
	if r.State == AccountInvited {
		if done.Invitation, err = s.invite(tx, actor, r, l); err != nil {
			return Appointed{}, err
		}
	}
	done.Account, err = s.account(r)
	return done, err
}

// accountFor finds or makes the account of an invitee.
func (s *Service) accountFor(tx store.Tx, organisationID string, in Invitee) (accountRecord, error) {
	records, err := s.byEmail(tx, in.Email)
	if err != nil {
		return accountRecord{}, err
	}
	for _, r := range records {
		switch {
		case r.OrganisationID != organisationID:
		case r.State == AccountDisabled:
			return r, &StateError{CodeWrongState, "The account of this address is disabled; enable it first."}
		default:
			return r, nil
		}
	}
	return s.createAccount(tx, organisationID, accountPerson{Name: in.Name, Email: in.Email})
}

// invite makes an invitation and sends it, unless it is to be copied or
// nothing could send it.
func (s *Service) invite(tx store.Tx, actor Actor, r accountRecord, l letter) (*Invitation, error) {
	secret, expires, sent, err := s.accountLink(tx, r, l, LinkInvitation)
	if err != nil {
		return nil, err
	}
	in := &Invitation{AccountID: r.ID, ExpiresAt: expires, Sent: sent}
	if !sent {
		in.Link = secret
	}
	return in, audit(tx, s.clock(), actor, "invitation.create", r.subject(), "sent", fmt.Sprint(sent))
}

// accountLink makes a single-use link to an account and sends it if it can.
func (s *Service) accountLink(tx store.Tx, r accountRecord, l letter, kind LinkKind) (secret string, expires time.Time, sent bool, err error) {
	lifetime, due := InvitationLifetime, DueInvitation
	if kind == LinkSignIn {
		lifetime, due = SignInLifetime, DueLink
	}
	expires = s.clock().Add(lifetime)
	secret, sum := s.secrets.NewLink()
	digest := hexDigest(sum)
	if sent, err = s.sendAccountLink(tx, r, l, kind, secret); err != nil {
		return "", expires, false, err
	}
	record := accountLink{Kind: kind, ExpiresAt: expires}
	if sent {
		record.Key = l.key
		if err := errors.Join(keepKey(tx, l.key), eraseAt(tx, expires, l.key)); err != nil {
			return "", expires, false, err
		}
	}
	err = errors.Join(
		put(tx, prefixLink+digest, Link{Kind: kind, OrganisationID: r.OrganisationID, TargetID: r.ID, ExpiresAt: expires}),
		put(tx, accountLinkKey(r.ID, digest), record),
		schedule(tx, expires, due, digest))
	return secret, expires, sent, err
}

// sendAccountLink sends a link to the account's address; false when nothing is
// configured that could.
func (s *Service) sendAccountLink(tx store.Tx, r accountRecord, l letter, kind LinkKind, secret string) (bool, error) {
	if l.Copy || l.key.IsZero() {
		return false, nil
	}
	p, err := s.person(r)
	if err != nil {
		return false, err
	}
	m := Notice{
		OrganisationID: r.OrganisationID, Kind: NoticeEmail, Key: l.key,
		Template: TemplateInvitation, Data: map[string]string{"days": strconv.Itoa(int(InvitationLifetime.Hours() / 24))},
	}
	if kind == LinkSignIn {
		m.Template, m.Data = TemplateSignIn, map[string]string{"minutes": strconv.Itoa(int(SignInLifetime.Minutes()))}
	}
	if m.To, err = s.vault.Seal(l.key, []byte(p.Email), PurposeAddress); err != nil {
		return false, err
	}
	if m.SealedData, err = s.sealJSON(l.key, map[string]string{"path": PathAccount + secret}, PurposeNotice); err != nil {
		return false, err
	}
	_, err = s.outbox.Enqueue(tx, m)
	if errors.Is(err, ErrNoGateway) {
		return false, nil
	}
	return err == nil, err
}

// Appoint gives a role on a scope to somebody by their e-mail address, and
// invites them when they have no account yet (R-T-2). With once, a repetition
// returns the first one's result.
func (s *Service) Appoint(ctx context.Context, actor Actor, role RoleName, scope Scope, in Invitee, once *Once) (Appointed, error) {
	if err := role.fits(scope); err != nil {
		return Appointed{}, err
	}
	var done Appointed
	err := s.inviting(ctx, "email", []Invitee{in}, func(tx store.Tx, letters []letter) error {
		chain, err := scope.chain(tx)
		if err != nil {
			return err
		}
		organisationID := chain[len(chain)-1].ID
		if err := actor.reach(organisationID); err != nil {
			return err
		}
		done, err = repeatable(s, tx, Caller{OrganisationID: organisationID}, once.by(actor), func() (Appointed, error) {
			return s.appoint(tx, actor, role, scope, letters[0])
		})
		return err
	})
	if err != nil {
		return Appointed{}, fmt.Errorf("appoint somebody: %w", err)
	}
	return done, nil
}

// Reinvite makes another invitation for an account that has not accepted one
// yet. Earlier ones stay valid for their time; accepting one ends them all.
// With once, a repetition returns the first one's result.
func (s *Service) Reinvite(ctx context.Context, actor Actor, accountID string, copyLink bool, once *Once) (Invitation, error) {
	var in Invitation
	err := s.withKeys(ctx, []letter{{Invitee: Invitee{Copy: copyLink}}}, func(tx store.Tx, letters []letter) error {
		r, err := readAccount(tx, accountID)
		if err != nil {
			return err
		}
		if err := actor.reach(r.OrganisationID); err != nil {
			return err
		}
		if r.State != AccountInvited {
			return &StateError{CodeWrongState, "Only who has not accepted an invitation yet can be invited again."}
		}
		in, err = repeatable(s, tx, Caller{OrganisationID: r.OrganisationID}, once.by(actor), func() (Invitation, error) {
			made, err := s.invite(tx, actor, r, letters[0])
			if err != nil {
				return Invitation{}, err
			}
			return *made, nil
		})
		return err
	})
	if err != nil {
		return Invitation{}, fmt.Errorf("invite again: %w", err)
	}
	return in, nil
}
