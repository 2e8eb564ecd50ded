package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// organisation reads an organisation.
func organisation(tx store.Tx, id string) (Organisation, error) {
	if !validID(id) {
		return Organisation{}, ErrNotFound
	}
	return get[Organisation](tx, prefixOrganisation+id)
}

func (o Organisation) subject() Subject {
	return Subject{Kind: "organisation", ID: o.ID, OrganisationID: o.ID}
}

// clean checks settings.
func (o OrganisationSettings) clean() (OrganisationSettings, error) {
	var err error
	if o.Language, err = cleanLanguage("settings.language", o.Language); err != nil {
		return o, err
	}
	o.AllowedOrigins, err = cleanOrigins("settings.allowed_origins", o.AllowedOrigins)
	return o, err
}

// OrganisationSpec is what an organisation is made from (R-T-0).
type OrganisationSpec struct {
	Name     string
	Settings OrganisationSettings
	// Admin is the first system administrator. Without one (the zero value)
	// there are API keys only, and the operator invites one later.
	Admin Invitee
}

// Founded is a new organisation. The secrets can't be had again.
type Founded struct {
	Organisation Organisation
	APIKey       APIKey
	Secret       string // of the key: every permission in the organisation
	Admin        Appointed
}

// FoundOrganisation makes an organisation with its first system administrator
// and its first API key (R-T-0). With once, a repetition returns the first
// one's result.
func (s *Service) FoundOrganisation(ctx context.Context, actor Actor, spec OrganisationSpec, once *Once) (Founded, error) {
	name, err := CleanName("name", spec.Name)
	if err != nil {
		return Founded{}, err
	}
	settings, err := spec.Settings.clean()
	if err != nil {
		return Founded{}, err
	}
	var invitees []Invitee
	if spec.Admin != (Invitee{}) {
		invitees = []Invitee{spec.Admin}
	}
	id, err := newID()
	if err != nil {
		return Founded{}, err
	}
	var made Founded
	err = s.inviting(ctx, "system_admin", invitees, func(tx store.Tx, letters []letter) (err error) {
		made, err = repeatable(s, tx, Caller{}, once.by(actor), func() (Founded, error) {
			return s.found(tx, actor, Organisation{ID: id, Name: name, Settings: settings, CreatedAt: s.clock()}, letters)
		})
		return err
	})
	if err != nil {
		return Founded{}, fmt.Errorf("create an organisation: %w", err)
	}
	return made, nil
}

// found stores a new organisation.
func (s *Service) found(tx store.Tx, actor Actor, org Organisation, letters []letter) (Founded, error) {
	made := Founded{Organisation: org}
	err := put(tx, prefixOrganisation+org.ID, org)
	if err != nil {
		return Founded{}, err
	}
	if err := listOrigins(tx, org.ID, nil, org.Settings.AllowedOrigins); err != nil {
		return Founded{}, err
	}
	if err := audit(tx, org.CreatedAt, actor, "organisation.create", org.subject(), "name", org.Name); err != nil {
		return Founded{}, err
	}
	made.APIKey, made.Secret, _, err = s.createKey(tx, org.ID,
		KeySpec{Name: "first key", Scope: Scope{ScopeOrganisation, org.ID}, Permissions: []string{AllPermissions}})
	if err != nil {
		return Founded{}, err
	}
	for _, l := range letters {
		if made.Admin, err = s.appoint(tx, actor, SystemAdmin, Scope{ScopeOrganisation, org.ID}, l); err != nil {
			return Founded{}, err
		}
	}
	return made, nil
}

// CreateOrganisation makes an organisation for an embedding app: an API key
// with every permission in it, whose secret can't be had again, and no
// administrator.
func (s *Service) CreateOrganisation(ctx context.Context, name string) (Organisation, string, error) {
	made, err := s.FoundOrganisation(ctx, Actor{Kind: ActorOperator}, OrganisationSpec{Name: name}, nil)
	return made.Organisation, made.Secret, err
}

// Organisation returns an organisation, or ErrNotFound.
func (s *Service) Organisation(ctx context.Context, actor Actor, id string) (Organisation, error) {
	var org Organisation
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if org, err = organisation(tx, id); err != nil {
			return err
		}
		return actor.reach(id)
	})
	if err != nil {
		return Organisation{}, fmt.Errorf("read an organisation: %w", err)
	}
	return org, nil
}

// Organisations lists the deployment's organisations: for the operator.
func (s *Service) Organisations(ctx context.Context, q Query) (Page[Organisation], error) {
	if err := q.check(); err != nil {
		return Page[Organisation]{}, err
	}
	var page Page[Organisation]
	err := s.store.View(ctx, func(tx store.Tx) error {
		from := ""
		if q.After != "" {
			from = prefixOrganisation + q.After
		}
		return tx.Range(prefixOrganisation, from, func(key string, value []byte) error {
			if len(page.Items) == q.size() {
				page.Next = page.Items[len(page.Items)-1].ID
				return store.ErrStop
			}
			org, err := decode[Organisation](value)
			if err != nil {
				return fmt.Errorf("%s: %w", strings.TrimPrefix(key, prefixOrganisation), err)
			}
			page.Items = append(page.Items, org)
			return nil
		})
	})
	if err != nil {
		return Page[Organisation]{}, fmt.Errorf("list organisations: %w", err)
	}
	return page, nil
}

// OrganisationPatch is what to change of an organisation; nil leaves it.
type OrganisationPatch struct {
	Name     *string
	Settings *OrganisationSettings
}

// UpdateOrganisation changes an organisation's name or settings.
func (s *Service) UpdateOrganisation(ctx context.Context, actor Actor, id string, p OrganisationPatch) (Organisation, error) {
	var org Organisation
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if org, err = organisation(tx, id); err != nil {
			return err
		}
		if err := actor.reach(id); err != nil {
			return err
		}
		var changed []string
		if p.Name != nil {
			if org.Name, err = CleanName("name", *p.Name); err != nil {
				return err
			}
			changed = append(changed, "name")
		}
		if p.Settings != nil {
			before := org.Settings.AllowedOrigins
			if org.Settings, err = p.Settings.clean(); err != nil {
				return err
			}
			if err := listOrigins(tx, id, before, org.Settings.AllowedOrigins); err != nil {
				return err
			}
			changed = append(changed, "settings")
		}
		if err := put(tx, prefixOrganisation+id, org); err != nil {
			return err
		}
		return audit(tx, s.clock(), actor, "organisation.update", org.subject(), "changed", strings.Join(changed, " "))
	})
	if err != nil {
		return Organisation{}, fmt.Errorf("change an organisation: %w", err)
	}
	return org, nil
}
