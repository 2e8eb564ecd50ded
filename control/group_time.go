package control

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// groupWarnings are when it is said that a group's session ends: with so much
// left (R-GC-3).
func groupWarnings() []time.Duration {
	return []time.Duration{30 * time.Minute, 10 * time.Minute, time.Minute}
}

func warningID(callID string, left time.Duration) string {
	return fmt.Sprintf("%s.%d", callID, int(left/time.Minute))
}

// scheduleEnd has a call warned of its end, and ended. The times stand in the
// store as they are, not as what is left: they don't drift, whatever restarts
// come in between.
func (c *change) scheduleEnd(call *Call) error {
	err := schedule(c.Tx, call.EndsAt, DueGroupEnd, call.ID)
	for _, left := range groupWarnings() {
		err = errors.Join(err, schedule(c.Tx, call.EndsAt.Add(-left), DueGroupWarn, warningID(call.ID, left)))
	}
	return err
}

// unscheduleEnd takes back what scheduleEnd did.
func (c *change) unscheduleEnd(call *Call) error {
	err := unschedule(c.Tx, call.EndsAt, DueGroupEnd, call.ID)
	for _, left := range groupWarnings() {
		err = errors.Join(err, unschedule(c.Tx, call.EndsAt.Add(-left), DueGroupWarn, warningID(call.ID, left)))
	}
	return err
}

// groupWarn is due when a group's session ends soon. After a time without a
// server several are due at once: only the one that still holds is told.
func (c *change) groupWarn(id string) error {
	callID, _, _ := strings.Cut(id, ".")
	call, err := c.call(callID)
	if err != nil || call.EndsAt.IsZero() {
		return err
	}
	left := call.EndsAt.Sub(c.now)
	holds := time.Duration(0)
	for _, w := range groupWarnings() {
		if left <= w {
			holds = w
		}
	}
	if holds == 0 || left <= 0 || id != warningID(callID, holds) {
		return nil
	}
	rooms, err := roomsOf(c.Tx, call, c.now)
	if err != nil {
		return err
	}
	to := Audience{}
	for _, room := range rooms {
		to.RoomIDs = append(to.RoomIDs, room.ID)
	}
	c.tell(to, CallNotice{Code: NoticeEnding, At: call.EndsAt})
	return nil
}

// groupEnd is due when a group's session has gone on for GroupTime (R-GC-3).
func (c *change) groupEnd(callID string) error {
	call, err := c.call(callID)
	if err != nil || call.EndsAt.IsZero() || c.now.Before(call.EndsAt) {
		return err
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+call.GroupID)
	if err != nil {
		return err
	}
	return errors.Join(c.audit("group.end", g.subject(), "call_id", call.ID), c.endCall(call, OutcomeCompleted))
}
