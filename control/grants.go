package control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

func grantKey(accountID, id string) string { return prefixGrant + accountID + "/" + id }

func grantOnKey(scopeID, accountID, id string) string {
	return prefixGrantOn + scopeID + "/" + accountID + "/" + id
}

func (g Grant) subject() Subject {
	sub := Subject{Kind: "grant", ID: g.ID, OrganisationID: g.OrganisationID}
	if g.Scope.Kind == ScopeUnit {
		sub.UnitID = g.Scope.ID
	}
	return sub
}

// Grants returns the roles of an account: none while it isn't active. Those
// on what was deleted are among them; nothing answers there.
func (s *Service) Grants(ctx context.Context, accountID string) ([]Grant, error) {
	var list []Grant
	err := s.store.View(ctx, func(tx store.Tx) error {
		list = nil
		r, err := readAccount(tx, accountID)
		if err != nil || r.State != AccountActive {
			return err
		}
		list, err = grants(tx, accountID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read an account's roles: %w", err)
	}
	return list, nil
}

func grants(tx store.Tx, accountID string) ([]Grant, error) {
	var list []Grant
	err := tx.Range(grantKey(accountID, ""), "", func(_ string, value []byte) error {
		g, err := decode[Grant](value)
		list = append(list, g)
		return err
	})
	return list, err
}

// AddGrant gives an account a role on a scope: one of the account's
// organisation, and of the kind that the role is for. Who may appoint whom is
// the permission table's to say. A role that the account has already is
// returned as it is.
func (s *Service) AddGrant(ctx context.Context, actor Actor, accountID string, role RoleName, scope Scope) (Grant, error) {
	var g Grant
	err := s.store.Update(ctx, func(tx store.Tx) error {
		r, err := readAccount(tx, accountID)
		if err != nil {
			return err
		}
		if err := actor.reach(r.OrganisationID); err != nil {
			return err
		}
		g, err = s.addGrant(tx, actor, r, role, scope)
		return err
	})
	if err != nil {
		return Grant{}, fmt.Errorf("grant a role: %w", err)
	}
	return g, nil
}

// fits checks that a role is granted on that kind of scope.
func (r RoleName) fits(scope Scope) error {
	kind := r.Scope()
	switch {
	case kind == "":
		return &FieldError{Field: "role", Message: "must be one of the roles"}
	case kind != scope.Kind:
		return &FieldError{Field: "role", Message: fmt.Sprintf("is a role on a scope of kind %s, not %s", kind, scope.Kind)}
	}
	return nil
}

func (s *Service) addGrant(tx store.Tx, actor Actor, account accountRecord, role RoleName, scope Scope) (Grant, error) {
	if err := role.fits(scope); err != nil {
		return Grant{}, err
	}
	chain, err := scope.chain(tx)
	if err != nil {
		return Grant{}, err
	}
	if chain[len(chain)-1].ID != account.OrganisationID {
		return Grant{}, ErrNotFound
	}
	has, err := grants(tx, account.ID)
	if err != nil {
		return Grant{}, err
	}
	for _, g := range has {
		if g.Role == role && g.Scope == scope {
			return g, nil
		}
	}
	id, err := newID()
	if err != nil {
		return Grant{}, err
	}
	g := Grant{
		ID: id, AccountID: account.ID, OrganisationID: account.OrganisationID,
		Role: role, Scope: scope, CreatedAt: s.clock(), CreatedBy: actor.ID,
	}
	if err := errors.Join(put(tx, grantKey(account.ID, id), g), tx.Put(grantOnKey(scope.ID, account.ID, id), nil)); err != nil {
		return Grant{}, err
	}
	return g, s.auditGrant(tx, actor, "grant.create", g, chain)
}

func (s *Service) auditGrant(tx store.Tx, actor Actor, action Action, g Grant, chain []Scope) error {
	sub := g.subject()
	for _, scope := range chain {
		if scope.Kind == ScopeUnit {
			sub.UnitID = scope.ID
		}
	}
	return audit(tx, s.clock(), actor, action, sub,
		"account", g.AccountID, "role", string(g.Role), "scope", string(g.Scope.Kind), "scope_id", g.Scope.ID)
}

// RemoveGrant takes a role on a scope away, and whoever had it out of the calls
// that no other role of theirs lets them be in (R-P-2); also on a unit that was
// deleted, whose reports can still be read. ErrNotFound when there is no such
// grant on it; a *StateError with CodeLastAdmin when the
// organisation would have no system administrator left.
func (s *Service) RemoveGrant(ctx context.Context, actor Actor, scope Scope, grantID string) error {
	return s.change(ctx, actor, "take a role away", func(c *change) error {
		chain, err := scope.pastChain(c.Tx)
		if err != nil {
			return err
		}
		if err := actor.reach(chain[len(chain)-1].ID); err != nil {
			return err
		}
		g, err := grantOn(c.Tx, scope, grantID)
		if err != nil {
			return err
		}
		if g.Role == SystemAdmin {
			account, err := readAccount(c.Tx, g.AccountID)
			if err != nil {
				return err
			}
			if err := keepAdmin(c.Tx, account); err != nil {
				return err
			}
		}
		if err := errors.Join(c.Delete(grantKey(g.AccountID, g.ID)), c.Delete(grantOnKey(scope.ID, g.AccountID, g.ID))); err != nil {
			return err
		}
		if err := s.auditGrant(c.Tx, actor, "grant.delete", g, chain); err != nil {
			return err
		}
		return c.demoted(g)
	})
}

// grantOn finds a grant on a scope.
func grantOn(tx store.Tx, scope Scope, id string) (Grant, error) {
	account := ""
	err := eachGrantOn(tx, scope.ID, "", func(accountID, grantID string) error {
		if grantID != id {
			return nil
		}
		account = accountID
		return store.ErrStop
	})
	if err != nil {
		return Grant{}, err
	}
	if account == "" {
		return Grant{}, ErrNotFound
	}
	return get[Grant](tx, grantKey(account, id))
}

// eachGrantOn visits the grants on a scope, in order of accounts, of those
// after one.
func eachGrantOn(tx store.Tx, scopeID, after string, visit func(accountID, grantID string) error) error {
	prefix := prefixGrantOn + scopeID + "/"
	from := ""
	if after != "" {
		from = prefix + after + "0" // the byte after the slash: behind all of that account's
	}
	return tx.Range(prefix, from, func(key string, _ []byte) error {
		accountID, grantID, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
		return visit(accountID, grantID)
	})
}

// keepAdmin returns a *StateError with CodeLastAdmin when an organisation
// would have nobody left who can administer it without that account: an
// active administrator can go only if another one is active, so that a
// pending invitation doesn't count.
func keepAdmin(tx store.Tx, without accountRecord) error {
	is, rest := false, false
	err := eachGrantOn(tx, without.OrganisationID, "", func(accountID, grantID string) error {
		g, err := get[Grant](tx, grantKey(accountID, grantID))
		if err != nil || g.Role != SystemAdmin {
			return err
		}
		if accountID == without.ID {
			is = true
			return nil
		}
		other, err := readAccount(tx, accountID)
		rest = rest || other.State == AccountActive || other.State == AccountInvited && without.State != AccountActive
		return err
	})
	if err == nil && is && !rest {
		return &StateError{CodeLastAdmin, "This is the organisation's last system administrator; appoint another one first."}
	}
	return err
}

// Appointee is a role that somebody has on a scope.
type Appointee struct {
	Grant   Grant
	Account Account
}

// GrantsOn lists who has a role on a scope itself, also on a unit that was
// deleted, in order of accounts. The
// cursor is an account's id, so that a page may have a few more than asked.
func (s *Service) GrantsOn(ctx context.Context, actor Actor, scope Scope, q Query) (Page[Appointee], error) {
	if err := q.check(); err != nil {
		return Page[Appointee]{}, err
	}
	var page Page[Appointee]
	err := s.store.View(ctx, func(tx store.Tx) error {
		chain, err := scope.pastChain(tx)
		if err != nil {
			return err
		}
		if err := actor.reach(chain[len(chain)-1].ID); err != nil {
			return err
		}
		return eachGrantOn(tx, scope.ID, q.After, func(accountID, grantID string) error {
			if n := len(page.Items); n >= q.size() && page.Items[n-1].Account.ID != accountID {
				page.Next = page.Items[n-1].Account.ID
				return store.ErrStop
			}
			g, err := get[Grant](tx, grantKey(accountID, grantID))
			if err != nil {
				return err
			}
			r, err := readAccount(tx, accountID)
			if err != nil {
				return err
			}
			a, err := s.account(r)
			page.Items = append(page.Items, Appointee{g, a})
			return err
		})
	})
	if err != nil {
		return Page[Appointee]{}, fmt.Errorf("list roles: %w", err)
	}
	return page, nil
}
