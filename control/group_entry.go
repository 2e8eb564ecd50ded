package control

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/atriumrtc/atrium/control/store"
)

// groupDoor reads what a group's link leads to: the link to register by, or a
// personal one.
func (c *change) groupDoor(d *doorway) error {
	var err error
	groupID := d.TargetID
	if d.Kind == LinkGroup {
		if d.registration, err = get[registrationRecord](c.Tx, prefixRegistration+d.TargetID); err != nil {
			return err
		}
		if !d.registration.goesOn() {
			return ErrNotFound
		}
		groupID = d.registration.GroupID
		if d.known, _, err = openJSON[map[string]string](c.Service, d.registration.Key, d.registration.SealedDetails,
			d.registration.purpose("details")); err != nil {
			return err
		}
		if d.there, err = c.isThere(d.registration.VisitID); err != nil {
			return err
		}
	}
	if d.group, err = get[groupRecord](c.Tx, prefixGroup+groupID); err == nil && !d.group.goesOn(c.now) {
		err = ErrNotFound
	}
	return err
}

// isThere says whether a visit goes on.
func (c *change) isThere(visitID string) (bool, error) {
	_, err := liveVisit(c.Tx, visitID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// mayEnterGroup says why nobody registers, or requests access, now. Who is
// there already comes back.
func (c *change) mayEnterGroup(d *doorway) error {
	switch {
	case d.Kind == LinkRegistration && d.group.Registration != RegistrationOpen:
		return &StateError{CodeRegistrationClosed, "One can't register by oneself here, or no longer: ask who invited you."}
	case d.Kind == LinkRegistration || d.there || d.group.State != GroupLive:
		return nil
	}
	call, err := get[Call](c.Tx, prefixCall+d.group.CallID)
	if err == nil && call.Locked {
		err = &StateError{CodeCallLocked, "The session is locked; ask who invited you to unlock it."}
	}
	return err
}

// clean checks what a guest typed. What is known of who registered needn't be
// typed again; what they type now counts.
func (d *doorway) clean(typed map[string]string, now time.Time) (map[string]string, error) {
	asked := d.asked()
	if d.Kind != LinkGroup {
		return cleanTyped(asked, typed, now)
	}
	all := make(map[string]string, len(asked))
	for _, f := range asked {
		if value := d.known[string(f.Key)]; value != "" {
			all[string(f.Key)] = value
		}
	}
	for key, value := range typed {
		if strings.TrimSpace(value) != "" {
			all[key] = value
		}
	}
	return cleanTyped(asked, all, now)
}

// registerByLink registers somebody who has the link to (R-GC-2): they get a
// link of their own, and nothing else yet.
func (s *Service) registerByLink(ctx context.Context, linkDigest [32]byte, fields map[string]string, consent bool) (Entered, error) {
	var r registrationRecord
	err := s.withKey(ctx, func(ref KeyRef) error {
		made, err := s.newRegistration(ref, fields)
		if err != nil {
			return err
		}
		made.Consented = consent
		return s.change(ctx, Actor{Kind: ActorGuest, ID: made.ID}, "register", func(c *change) error {
			r = made
			d, err := c.doorway(linkDigest)
			if err != nil {
				return err
			}
			c.actor.OrganisationID = d.OrganisationID
			if err := c.mayEnter(&d); err != nil {
				return err
			}
			return c.register(&r, &d.group)
		})
	})
	if err != nil {
		return Entered{}, err
	}
	r.Details = fields
	return Entered{Registration: &r.GroupRegistration}, nil
}

// requestAccess begins the visit of somebody with a personal link: they wait
// in the group's lobby (R-GC-2).
func (c *change) requestAccess(v *visitRecord, d *doorway) error {
	r, g := &d.registration, &d.group
	v.Kind, v.GroupID, v.RegistrationID, v.Initials = VisitGroup, g.ID, r.ID, g.Names == NamesInitials
	r.State, r.VisitID = RegistrationRequested, v.ID
	return errors.Join(c.putRegistration(r), c.putVisit(v),
		c.audit("group.request", v.subject(), "group_id", g.ID),
		c.hookGroup(g, "group.access_requested", "registration_id", r.ID, "visit_id", v.ID))
}

// maxInitials is how many words of a name count.
const maxInitials = 3

// initials is what is shown of a name where only that is (R-GC-5): the first
// letter of its words.
func initials(name string) string {
	var short []string
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return unicode.IsSpace(r) || r == '-' }) {
		var letter []rune
		for _, r := range word {
			if len(letter) > 0 {
				if !unicode.Is(unicode.Mn, r) { // what stands on the letter belongs to it
					break
				}
				letter = append(letter, r)
			} else if unicode.IsLetter(r) || unicode.IsNumber(r) {
				letter = append(letter, unicode.ToUpper(r))
			}
		}
		if len(letter) > 0 && len(short) < maxInitials {
			short = append(short, string(letter)+".")
		}
	}
	if len(short) == 0 {
		return "?"
	}
	return strings.Join(short, " ")
}

// lobbyKey stands for a visit that waits for a group, as queueKey does in an
// area.
func lobbyKey(groupID string, arrived time.Time, visitID string) string {
	return prefixLobby + groupID + "/" + timeKey(arrived) + "/" + visitID
}

// lobbyOf reads the visits that wait for a group, or are on hold from it, in
// order of arrival.
func lobbyOf(tx store.Tx, groupID string) ([]visitRecord, error) {
	var list []visitRecord
	err := tx.Range(prefixLobby+groupID+"/", "", func(key string, _ []byte) error {
		v, err := get[visitRecord](tx, prefixVisit+key[strings.LastIndexByte(key, '/')+1:])
		list = append(list, v)
		return err
	})
	return list, err
}
