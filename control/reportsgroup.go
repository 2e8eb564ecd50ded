package control

import (
	"errors"
	"path"

	"github.com/atriumrtc/atrium/control/report"
)

// reportGroup keeps that a group consultation has ended, or was cancelled.
func (c *change) reportGroup(g *GroupSession) error {
	row := report.GroupRow{
		ID: g.ID, UnitID: g.UnitID, AreaID: g.AreaID, Host: g.HostID, Moderators: g.CoModeratorIDs,
		Planned: g.StartsAt, Ended: g.EndedAt, Outcome: string(g.State),
	}
	if g.CallID != "" {
		call, err := get[Call](c.Tx, prefixCall+g.CallID)
		if err != nil {
			return err
		}
		rooms, err := get[Breakouts](c.Tx, prefixBreakouts+g.CallID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		row.Started, row.Peak, row.Admitted = call.StartedAt, call.Peak, len(call.visits())
		row.Breakouts, row.Moves = rooms.RoomsOpened, rooms.Moves
	}
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
		row.Registered++
		if r.VisitID != "" {
			row.Requested++
		}
	}
	return c.putRow(g.UnitID, reportGroups, row.Ended, g.ID, row)
}
