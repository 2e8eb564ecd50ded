package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// OpenConsults lists the Consult Now links of an area that may still let
// somebody in, or could if they were extended or sent again (R-CN-5): neither
// used nor revoked, and younger than ConsultLife. In order of creation.
func (s *Service) OpenConsults(ctx context.Context, actor Actor, areaID string, q Query) (Page[ConsultNow], error) {
	if err := q.check(); err != nil {
		return Page[ConsultNow]{}, err
	}
	var records []consultRecord
	var next string
	prefix := prefixConsultIn + areaID + "/"
	err := s.store.View(ctx, func(tx store.Tx) error {
		records, next = nil, ""
		a, err := liveArea(tx, areaID)
		if err != nil {
			return err
		}
		if err := actor.reach(a.OrganisationID); err != nil {
			return err
		}
		now, after := s.clock(), ""
		if q.After != "" {
			after = prefix + q.After
		}
		return tx.Range(prefix, after, func(key string, _ []byte) error {
			r, err := get[consultRecord](tx, prefixConsult+strings.TrimPrefix(key, prefix))
			if err != nil || !r.open(now) {
				return err
			}
			if len(records) == q.size() {
				next = records[len(records)-1].ID
				return store.ErrStop
			}
			records = append(records, r)
			return nil
		})
	})
	if err != nil {
		return Page[ConsultNow]{}, fmt.Errorf("list consult now links: %w", err)
	}
	page := Page[ConsultNow]{Next: next}
	for _, r := range records {
		c, err := s.openConsult(r)
		if err != nil {
			return Page[ConsultNow]{}, err
		}
		page.Items = append(page.Items, c)
	}
	return page, nil
}
