package control

import (
	"errors"
	"path"

	"github.com/atriumrtc/atrium/control/store"
)

// GroupCounts is how many registered for a group, and how far they have come
// now. It is kept up to date with the registrations: nobody counts them to
// show it.
type GroupCounts struct {
	Registered int `json:"registered"` // who weren't removed, those below too
	Waiting    int `json:"waiting"`    // in the lobby: to be admitted, or on hold
	Admitted   int `json:"admitted"`   // in the session
}

// add counts n more in a state.
func (g *GroupCounts) add(state RegistrationState, n int) {
	switch state {
	case RegistrationRequested:
		g.Waiting += n
	case RegistrationAdmitted:
		g.Admitted += n
	case Registered, RegistrationEnded:
	default: // removed, or none yet
		return
	}
	g.Registered += n
}

// count notes that a registration has come from one state to another, before
// it is stored.
func (c *change) count(groupID string, from, to RegistrationState) error {
	if from == to {
		return nil
	}
	counts, err := countsOf(c.Tx, groupID)
	if err != nil {
		return err
	}
	counts.add(from, -1)
	counts.add(to, 1)
	return put(c.Tx, prefixGroupCounts+groupID, counts)
}

// countsOf reads the counts of a group. Those of one from before they were kept
// are counted.
func countsOf(tx store.Tx, groupID string) (GroupCounts, error) {
	counts, err := get[GroupCounts](tx, prefixGroupCounts+groupID)
	if !errors.Is(err, ErrNotFound) {
		return counts, err
	}
	var ids []string
	err = tx.Range(registeredInKey(groupID, ""), "", func(key string, _ []byte) error {
		ids = append(ids, path.Base(key))
		return nil
	})
	if err != nil {
		return counts, err
	}
	for _, id := range ids {
		r, err := get[registrationRecord](tx, prefixRegistration+id)
		if errors.Is(err, ErrNotFound) {
			continue // it is being made
		}
		if err != nil {
			return counts, err
		}
		counts.add(r.State, 1)
	}
	return counts, nil
}
