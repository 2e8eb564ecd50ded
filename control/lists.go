package control

import (
	"context"
	"slices"

	"github.com/atriumrtc/atrium/control/store"
)

// size is how many items of a list a query asks for.
func (q Query) size() int {
	if q.Limit <= 0 || q.Limit > MaxPage {
		return MaxPage
	}
	return q.Limit
}

func (q Query) check() error {
	if q.After != "" && !validID(q.After) {
		return &FieldError{Field: "cursor", Message: "must be the next_cursor of an earlier page"}
	}
	return nil
}

// list reads a page of the children of a thing that isn't deleted. read
// returns one, and whether it belongs to the list; ErrNotFound (deleted
// ones) leaves it out too.
func list[T any](ctx context.Context, s *Service, actor Actor, parent ThingKind, parentID string, kind childKind, q Query,
	read func(tx store.Tx, id string) (item T, ok bool, err error)) (Page[T], error) {
	if err := q.check(); err != nil {
		return Page[T]{}, err
	}
	var page Page[T]
	err := s.store.View(ctx, func(tx store.Tx) error {
		chain, err := scopeChain(tx, parent, parentID)
		if err != nil {
			return err
		}
		if err := actor.reach(chain[len(chain)-1].ID); err != nil {
			return err
		}
		last := ""
		return children(tx, parentID, kind, q.After, func(id string) error {
			if q.Only != nil && !slices.Contains(q.Only, id) {
				return nil
			}
			item, ok, err := read(tx, id)
			if ok, err = present(ok, err); !ok || err != nil {
				return err
			}
			if len(page.Items) == q.size() {
				page.Next = last
				return store.ErrStop
			}
			page.Items, last = append(page.Items, item), id
			return nil
		})
	})
	if err != nil {
		return Page[T]{}, err
	}
	return page, nil
}
