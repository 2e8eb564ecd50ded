package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// placeKind is how waiting areas, or meeting rooms, are read and changed: R is
// one as it is stored, T is it as it is shown, with its link.
type placeKind[R interface{ subject() Subject }, T any] struct {
	service *Service
	name    string // in errors
	child   childKind
	live    func(tx store.Tx, id string) (R, error)
	put     func(tx store.Tx, r R) error
	shown   func(r R) T
	// changed tells who watches the place that it is another one; nil: nobody
	// can.
	changed func(tx store.Tx, now time.Time, id string) error
}

// read returns a place, or ErrNotFound.
func (k placeKind[R, T]) read(ctx context.Context, actor Actor, id string) (T, error) {
	var r R
	err := k.service.store.View(ctx, func(tx store.Tx) (err error) {
		if r, err = k.live(tx, id); err != nil {
			return err
		}
		return actor.reach(r.subject().OrganisationID)
	})
	if err != nil {
		var none T
		return none, fmt.Errorf("read a %s: %w", k.name, err)
	}
	return k.shown(r), nil
}

// list returns a page of the places of a thing.
func (k placeKind[R, T]) list(ctx context.Context, actor Actor, parent ThingKind, parentID string, q Query) (Page[T], error) {
	page, err := list(ctx, k.service, actor, parent, parentID, k.child, q, func(tx store.Tx, id string) (item T, ok bool, err error) {
		r, err := k.live(tx, id)
		if err != nil {
			return item, false, err
		}
		return k.shown(r), true, nil
	})
	if err != nil {
		return Page[T]{}, fmt.Errorf("list %ss: %w", k.name, err)
	}
	return page, nil
}

// change reads a place, has change change it, and writes it with its audit
// record; errUnchanged from change leaves it as it is.
func (k placeKind[R, T]) change(ctx context.Context, actor Actor, id string, action Action,
	change func(tx store.Tx, r *R) (details []string, err error)) (T, error) {
	var place T
	err := k.service.store.Update(ctx, func(tx store.Tx) error {
		r, err := k.live(tx, id)
		if err != nil {
			return err
		}
		if err := actor.reach(r.subject().OrganisationID); err != nil {
			return err
		}
		details, err := change(tx, &r)
		if errors.Is(err, errUnchanged) {
			place = k.shown(r)
			return nil
		}
		if err != nil {
			return err
		}
		if err := k.put(tx, r); err != nil {
			return err
		}
		now := k.service.clock()
		if k.changed != nil {
			if err := k.changed(tx, now, id); err != nil {
				return err
			}
		}
		place = k.shown(r)
		return audit(tx, now, actor, action, r.subject(), details...)
	})
	if err != nil {
		var none T
		return none, fmt.Errorf("change a %s: %w", k.name, err)
	}
	return place, nil
}
