package control

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// maxRegistrations is how many may register for one group by its link, removed
// ones counted: a link that got about mustn't fill the disk. Nor may it keep out
// whom staff register: as many more may be by them.
const maxRegistrations = 500

// registrationRecord is a GroupRegistration as it is stored: the details only
// sealed, and the personal link too.
type registrationRecord struct {
	GroupRegistration
	UnitID        string `json:"unit_id"`
	AreaID        string `json:"area_id"`
	LinkDigest    string `json:"link_digest"`
	Key           KeyRef `json:"key"`
	SealedDetails []byte `json:"sealed_details,omitempty"`
	SealedLink    []byte `json:"sealed_link,omitempty"`
	Consented     bool   `json:"consented,omitempty"` // to the area's terms, when they registered
}

func (r *registrationRecord) subject() Subject {
	return Subject{Kind: "registration", ID: r.ID, OrganisationID: r.OrganisationID, UnitID: r.UnitID}
}

func (r *registrationRecord) purpose(what string) string { return "registration/" + what + "/" + r.ID }

// goesOn says whether the personal link leads in.
func (r *registrationRecord) goesOn() bool {
	return r.State != RegistrationRemoved && r.State != RegistrationEnded
}

func registeredInKey(groupID, id string) string { return prefixRegisteredIn + groupID + "/" + id }

// cleanKnown checks what staff know of somebody before they come, by FieldKey.
func cleanKnown(known map[string]string, now time.Time) (map[string]string, error) {
	clean := make(map[string]string, len(known))
	for key, value := range known {
		switch FieldKey(key) {
		case FieldName, FieldPhone, FieldDateOfBirth, FieldReference, FieldText:
		default:
			return nil, &FieldError{Field: "details", Message: "must hold only name, phone, date_of_birth, reference and text"}
		}
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		value, err := cleanField(FieldKey(key), value, now)
		if err != nil {
			return nil, err
		}
		clean[key] = value
	}
	return clean, nil
}

// newRegistration makes a registration that isn't stored yet, with what only
// its key opens.
func (s *Service) newRegistration(ref KeyRef, details map[string]string) (r registrationRecord, err error) {
	r.Key, r.State = ref, Registered
	if r.ID, err = newID(); err != nil {
		return r, err
	}
	secret, digest := s.secrets.NewLink()
	r.LinkDigest, r.Link = hexDigest(digest), secret
	if r.SealedLink, err = s.vault.Seal(ref, []byte(secret), r.purpose("link")); err != nil {
		return r, err
	}
	r.SealedDetails, err = s.sealJSON(ref, details, r.purpose("details"))
	return r, err
}

// register stores a new registration for a group.
func (c *change) register(r *registrationRecord, g *groupRecord) error {
	if err := g.isOver(c.now); err != nil {
		return err
	}
	n := 0
	err := c.Range(prefixRegisteredIn+g.ID+"/", "", func(string, []byte) error {
		n++
		return nil
	})
	if err != nil {
		return err
	}
	most := maxRegistrations
	if c.actor.Kind != ActorGuest {
		most *= 2
	}
	if n >= most {
		return &StateError{CodeRegistrationClosed, "Nobody more can register for this group: ask for, or schedule, another one."}
	}
	r.OrganisationID, r.UnitID, r.AreaID, r.GroupID, r.CreatedAt = g.OrganisationID, g.UnitID, g.AreaID, g.ID, c.now
	return errors.Join(
		keepKey(c.Tx, r.Key),
		put(c.Tx, prefixLink+r.LinkDigest, Link{Kind: LinkGroup, OrganisationID: r.OrganisationID, TargetID: r.ID}),
		c.Put(registeredInKey(g.ID, r.ID), nil), c.putRegistration(r),
		c.audit("group.register", r.subject(), "group_id", g.ID),
		c.hookGroup(g, "group.registered", "registration_id", r.ID))
}

// putRegistration stores a registration, counts it, and tells the area that its
// group is another one.
func (c *change) putRegistration(r *registrationRecord) error {
	before, err := get[registrationRecord](c.Tx, prefixRegistration+r.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := c.count(r.GroupID, before.State, r.State); err != nil {
		return err
	}
	stored := *r
	stored.Details, stored.Link = nil, ""
	return errors.Join(put(c.Tx, prefixRegistration+r.ID, stored), c.announceOnce(r.AreaID, AreaGroup, r.GroupID))
}

// openRegistration returns a registration with what is sealed of it, as far as
// that isn't erased.
func (s *Service) openRegistration(r registrationRecord) (GroupRegistration, error) {
	details, _, err := openJSON[map[string]string](s, r.Key, r.SealedDetails, r.purpose("details"))
	if err != nil {
		return GroupRegistration{}, err
	}
	r.Details = details
	if r.goesOn() {
		secret, err := s.vault.Open(r.Key, r.SealedLink, r.purpose("link"))
		if err != nil && !errors.Is(err, ErrErased) {
			return GroupRegistration{}, err
		}
		r.Link = string(secret)
	}
	return r.GroupRegistration, nil
}

// RegisterForGroup registers somebody, whoever may register by themselves:
// their personal link is to be sent or copied. With once, a repetition returns
// the registration of the first.
func (s *Service) RegisterForGroup(ctx context.Context, actor Actor, groupID string, details map[string]string, once *Once) (GroupRegistration, error) {
	details, err := cleanKnown(details, s.clock())
	if err != nil {
		return GroupRegistration{}, err
	}
	var id string
	err = s.withKey(ctx, func(ref KeyRef) error {
		made, err := s.newRegistration(ref, details)
		if err != nil {
			return err
		}
		return s.change(ctx, actor, "register somebody for a group", func(c *change) error {
			g, err := readGroup(c.Tx, actor, groupID)
			if err != nil {
				return err
			}
			// Only the id is kept for repetitions: details would outlive their
			// key there.
			id, err = repeatable(s, c.Tx, Caller{OrganisationID: g.OrganisationID}, once.by(actor), func() (string, error) {
				r := made
				return r.ID, c.register(&r, &g)
			})
			return err
		})
	})
	if err != nil {
		return GroupRegistration{}, err
	}
	return s.readRegistration(ctx, actor, id)
}

func (s *Service) readRegistration(ctx context.Context, actor Actor, id string) (GroupRegistration, error) {
	var r registrationRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		r, err = registration(tx, actor, id)
		return err
	})
	if err != nil {
		return GroupRegistration{}, fmt.Errorf("read a registration: %w", err)
	}
	return s.openRegistration(r)
}

// registration reads a registration of who asks.
func registration(tx store.Tx, actor Actor, id string) (registrationRecord, error) {
	if !validID(id) {
		return registrationRecord{}, ErrNotFound
	}
	r, err := get[registrationRecord](tx, prefixRegistration+id)
	if err != nil {
		return r, err
	}
	return r, actor.reach(r.OrganisationID)
}

// GroupRegistrations lists who registered for a group, in order, removed ones
// too.
func (s *Service) GroupRegistrations(ctx context.Context, actor Actor, groupID string, q Query) (Page[GroupRegistration], error) {
	if err := q.check(); err != nil {
		return Page[GroupRegistration]{}, err
	}
	var records []registrationRecord
	var page Page[GroupRegistration]
	err := s.store.View(ctx, func(tx store.Tx) error {
		records, page.Next = nil, ""
		if _, err := readGroup(tx, actor, groupID); err != nil {
			return err
		}
		prefix, after := registeredInKey(groupID, ""), ""
		if q.After != "" {
			after = prefix + q.After
		}
		return tx.Range(prefix, after, func(key string, _ []byte) error {
			if len(records) == q.size() {
				page.Next = records[len(records)-1].ID
				return store.ErrStop
			}
			r, err := get[registrationRecord](tx, prefixRegistration+path.Base(key))
			records = append(records, r)
			return err
		})
	})
	if err != nil {
		return Page[GroupRegistration]{}, fmt.Errorf("list registrations: %w", err)
	}
	for _, r := range records {
		open, err := s.openRegistration(r)
		if err != nil {
			return Page[GroupRegistration]{}, err
		}
		page.Items = append(page.Items, open)
	}
	return page, nil
}

// RemoveRegistration takes somebody off a group for good: their link is dead,
// what was known of them is erased, and if they are there they are removed.
func (s *Service) RemoveRegistration(ctx context.Context, actor Actor, id string) error {
	return s.change(ctx, actor, "remove a registration", func(c *change) error {
		r, err := registration(c.Tx, actor, id)
		if err != nil {
			return err
		}
		g, err := get[groupRecord](c.Tx, prefixGroup+r.GroupID)
		if err != nil {
			return err
		}
		if g.State == GroupLive {
			err = c.mayRun(&g)
		}
		if err != nil || !r.goesOn() {
			return err
		}
		if err := c.audit("group.unregister", r.subject(), "group_id", r.GroupID); err != nil {
			return err
		}
		if r.VisitID != "" {
			v, err := liveVisit(c.Tx, r.VisitID)
			if err == nil {
				return c.end(&v, OutcomeRemoved) // which closes the registration: see ended
			}
			if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return c.closeRegistration(&r, RegistrationRemoved)
	})
}

// closeRegistration ends a registration for good.
func (c *change) closeRegistration(r *registrationRecord, state RegistrationState) error {
	r.State = state
	return errors.Join(c.Delete(prefixLink+r.LinkDigest), eraseAt(c.Tx, c.now.Add(eraseDelay), r.Key), c.putRegistration(r))
}

// registrationLeft settles the registration of a visit that ends: who was
// removed can't return (R-GC-5), who left by themselves can while the group
// goes on.
func (c *change) registrationLeft(v *visitRecord) error {
	r, err := get[registrationRecord](c.Tx, prefixRegistration+v.RegistrationID)
	switch {
	case err != nil || !r.goesOn() || r.VisitID != v.ID:
		return err
	case v.Outcome == OutcomeRemoved:
		return c.closeRegistration(&r, RegistrationRemoved)
	}
	r.State = Registered
	return c.putRegistration(&r)
}

// endRegistrations ends all registrations of a group that is over.
func (c *change) endRegistrations(g *groupRecord) error {
	var ids []string
	err := c.Range(registeredInKey(g.ID, ""), "", func(key string, _ []byte) error {
		ids = append(ids, path.Base(key))
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		r, err := get[registrationRecord](c.Tx, prefixRegistration+id)
		if err != nil {
			return err
		}
		if r.goesOn() {
			if err := c.closeRegistration(&r, RegistrationEnded); err != nil {
				return err
			}
		}
	}
	return nil
}
