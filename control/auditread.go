package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// auditScan bounds how many records one page of the audit log looks through.
const auditScan = 10_000

// AuditFilter chooses records of the audit log; what is zero chooses all.
type AuditFilter struct {
	UnitID    string    // of that unit: what an administrator of a unit may read
	Action    Action    // "visit.admit", or all of a thing: "visit."
	ActorID   string    //
	SubjectID string    //
	From, To  time.Time // from From on, before To
}

func (f AuditFilter) matches(r AuditRecord) bool {
	action := string(f.Action)
	return (f.UnitID == "" || r.UnitID == f.UnitID) &&
		(action == "" || string(r.Action) == action || strings.HasSuffix(action, ".") && strings.HasPrefix(string(r.Action), action)) &&
		(f.ActorID == "" || r.Actor.ID == f.ActorID) &&
		(f.SubjectID == "" || r.Subject.ID == f.SubjectID) &&
		(f.From.IsZero() || !r.At.Before(f.From)) &&
		(f.To.IsZero() || r.At.Before(f.To))
}

func auditKey(organisationID string, seq uint64) string {
	return prefixAudit + organisationID + "/" + seqKey(seq)
}

// auditHead reads where an organisation's log ends; the zero head when nothing
// was recorded yet.
func auditHead(tx store.Tx, organisationID string) (AuditHead, error) {
	head, err := get[AuditHead](tx, prefixAuditHead+organisationID)
	if errors.Is(err, ErrNotFound) {
		return AuditHead{OrganisationID: organisationID}, nil
	}
	return head, err
}

// Audit reads a page of an organisation's audit log, the newest first. It may
// be short of the limit, or empty, and still have a Next: a page looks through
// a bounded part of the log.
func (s *Service) Audit(ctx context.Context, actor Actor, organisationID string, f AuditFilter, q Query) (Page[AuditRecord], error) {
	var before uint64
	if q.After != "" {
		var err error
		if before, err = strconv.ParseUint(q.After, 10, 64); err != nil || before == 0 {
			return Page[AuditRecord]{}, &FieldError{Field: "cursor", Message: "must be the next_cursor of an earlier page"}
		}
	}
	var page Page[AuditRecord]
	err := s.store.View(ctx, func(tx store.Tx) error {
		if err := reachable(tx, actor, organisationID); err != nil {
			return err
		}
		head, err := auditHead(tx, organisationID)
		if err != nil {
			return err
		}
		seq := head.Seq
		if before > 0 {
			seq = min(seq, before-1)
		}
		for n := 0; seq > 0; n, seq = n+1, seq-1 {
			if len(page.Items) == q.size() || n == auditScan {
				page.Next = strconv.FormatUint(seq+1, 10)
				return nil
			}
			r, err := get[AuditRecord](tx, auditKey(organisationID, seq))
			if err != nil {
				return fmt.Errorf("%w: record %d of the audit log can't be read: run atrium audit verify: %w", store.ErrCorrupt, seq, err)
			}
			if f.matches(r) {
				page.Items = append(page.Items, r)
			}
		}
		return nil
	})
	if err != nil {
		return Page[AuditRecord]{}, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}
