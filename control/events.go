package control

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// AreaEventKind is what changed in an area.
type AreaEventKind string

// Kinds of an AreaEvent.
const (
	AreaVisit     AreaEventKind = "visit"      // a visit of the area came or changed
	AreaVisitLeft AreaEventKind = "visit_left" // it ended or went to another area
	AreaCall      AreaEventKind = "call"
	AreaConsult   AreaEventKind = "consult_now"
	AreaChanged   AreaEventKind = "area"  // settings, suspension
	AreaGroup     AreaEventKind = "group" // a group came, or its session or registration changed
	// AreaGroupLobby says that who waits for a group changed; the ID is the
	// group's, as the visits are for its moderators only.
	AreaGroupLobby AreaEventKind = "group_lobby"
)

// AreaEvent says that something of an area changed. It names the thing only:
// who hears of it reads what it is by then, so that an old event tells
// nothing that has been erased.
type AreaEvent struct {
	Seq  uint64        `json:"seq"` // from 1, without gaps, in order of commit
	At   time.Time     `json:"at"`
	Kind AreaEventKind `json:"kind"`
	ID   string        `json:"id"` // of the visit, call, …
}

func areaEventKey(areaID string, seq uint64) string {
	return prefixAreaEvent + areaID + "/" + seqKey(seq)
}

// announce tells whoever watches the area that something of it changed
// (R-WA-1).
func announce(tx store.Tx, now time.Time, areaID string, kind AreaEventKind, id string) error {
	last, err := areaSeq(tx, areaID)
	if err != nil {
		return err
	}
	e := AreaEvent{Seq: last + 1, At: now, Kind: kind, ID: id}
	if err := put(tx, prefixAreaSeq+areaID, e.Seq); err != nil {
		return err
	}
	if e.Seq > keptAreaEvents {
		if err := tx.Delete(areaEventKey(areaID, e.Seq-keptAreaEvents)); err != nil {
			return err
		}
	}
	return put(tx, areaEventKey(areaID, e.Seq), e)
}

// keptAreaEvents is how many of an area's events can be resumed from; who was
// away for longer reads the whole queue.
const keptAreaEvents = 1024

// areaSeq returns the number of the area's last event, 0 when there was none.
func areaSeq(tx store.Tx, areaID string) (uint64, error) {
	seq, err := get[uint64](tx, prefixAreaSeq+areaID)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return seq, err
}

// emit writes a webhook event in the transaction of what it tells. data must
// hold nothing that says who a guest is.
func (s *Service) emit(tx store.Tx, now time.Time, of Subject, eventType string, data map[string]string) error {
	_, err := s.outbox.Enqueue(tx, Notice{
		OrganisationID: of.OrganisationID, UnitID: of.UnitID, Kind: NoticeWebhook,
		Event: &Event{Type: eventType, At: now, OrganisationID: of.OrganisationID, UnitID: of.UnitID, Data: data},
	})
	return err
}

// DueKind is what is to be done at a time.
type DueKind string

// Kinds of what is due. Each handler looks at how things are by then: being
// called too often, or for what is gone, must do nothing.
const (
	DueVisitGone    DueKind = "visit_gone"         // 120 s without a connection
	DueVisitLimit   DueKind = "visit_limit"        // the area's limit of waiting
	DueSealErase    DueKind = "seal_erase"         // id: slot and key, see eraseAt
	DueLink         DueKind = "link_expired"       // id: digest
	DueConsult      DueKind = "consult_expired"    //
	DueMeetingAlone DueKind = "meeting_alone"      // guests alone for 10 minutes
	DueInvitation   DueKind = "invitation_expired" // id: digest of the link
	DueTokens       DueKind = "tokens_purge"
	DueOnce         DueKind = "once_purge"
	DueSessions     DueKind = "session_purge" // id: the record to go on after
	DueGroupOver    DueKind = "group_over"    // a group that was never started
	DueGroupWarn    DueKind = "group_warning" // id: of the call, a dot, minutes that are left
	DueGroupEnd     DueKind = "group_end"     // id: of the call
	DuePlaceGone    DueKind = "place_gone"    // id: an area or meeting room that was deleted: who is inside is let go
)

func dueKey(at time.Time, kind DueKind, id string) string {
	return prefixDue + timeKey(at) + "/" + string(kind) + "/" + id
}

// schedule has the scheduler call kind's handler with id at a time, also
// after a restart.
func schedule(tx store.Tx, at time.Time, kind DueKind, id string) error {
	return tx.Put(dueKey(at, kind, id), nil)
}

// unschedule takes back what schedule did with the same arguments.
func unschedule(tx store.Tx, at time.Time, kind DueKind, id string) error {
	return tx.Delete(dueKey(at, kind, id))
}

// parseDue reads the key of what is due.
func parseDue(key string) (at time.Time, kind DueKind, id string, err error) {
	ms, rest, _ := strings.Cut(strings.TrimPrefix(key, prefixDue), "/")
	k, id, ok := strings.Cut(rest, "/")
	at, err = parseTimeKey(ms)
	if err != nil || !ok {
		return time.Time{}, "", "", fmt.Errorf("%w: a time that something is due can't be read", store.ErrCorrupt)
	}
	return at, DueKind(k), id, nil
}
