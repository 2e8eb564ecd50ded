package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// AuditRecord is one thing that somebody did.
type AuditRecord struct {
	Seq     uint64            `json:"seq" doc:"From 1, without gaps."`
	At      time.Time         `json:"at"`
	UnitID  string            `json:"unit_id,omitempty" format:"uuid"`
	Actor   AuditActor        `json:"actor"`
	Action  string            `json:"action" example:"unit.create"`
	Subject AuditSubject      `json:"subject"`
	Details map[string]string `json:"details,omitempty"`
	Prev    []byte            `json:"prev" doc:"The hash of the record before; empty in the first."`
	Hash    []byte            `json:"hash" doc:"SHA-256 over the record and prev."`
}

// AuditActor is who did something.
type AuditActor struct {
	Kind string `json:"kind" enum:"operator,account,api_key,guest,system"`
	ID   string `json:"id,omitempty"`
}

// AuditSubject is what something was done to.
type AuditSubject struct {
	Kind string `json:"kind" example:"unit"`
	ID   string `json:"id"`
}

func auditOf(r control.AuditRecord) AuditRecord {
	return AuditRecord{
		Seq: r.Seq, At: r.At, UnitID: r.UnitID, Actor: AuditActor{Kind: string(r.Actor.Kind), ID: r.Actor.ID},
		Action: string(r.Action), Subject: AuditSubject{Kind: r.Subject.Kind, ID: r.Subject.ID},
		Details: r.Details, Prev: r.Prev, Hash: r.Hash,
	}
}

// AuditHead is where the audit log ends, signed.
type AuditHead struct {
	OrganisationID string    `json:"organisation_id" format:"uuid"`
	Seq            uint64    `json:"seq"`
	At             time.Time `json:"at"`
	Hash           []byte    `json:"hash"`
	KeyID          string    `json:"key_id"`
	Key            []byte    `json:"key" doc:"Ed25519 public key of the deployment."`
	Signature      []byte    `json:"signature"`
}

type listAuditInput struct {
	UnitQuery
	ListQuery
	Action  string    `query:"action" maxLength:"80" doc:"visit.admit, or visit. for all of a thing."`
	Actor   string    `query:"actor_id" maxLength:"64" doc:"By this account, key or visit."`
	Subject string    `query:"subject_id" maxLength:"64" doc:"Done to this."`
	From    time.Time `query:"from" doc:"From then on."`
	To      time.Time `query:"to" doc:"Before then."`
}

func (s *Server) registerAudit(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/audit", id: "list-audit", tag: tagAudit, status: http.StatusOK,
		permission: auth.AuditRead, target: ownOrganisationOrUnit(), errors: []int{http.StatusBadRequest},
		summary:     "Read the audit log",
		description: "The newest first; with `unit_id` what concerns a unit. A page may be short, or empty, and have a next one.",
	}, s.listAudit)
	add(s, h, route{
		method: http.MethodGet, path: "/audit/head", id: "get-audit-head", tag: tagAudit, status: http.StatusOK,
		permission: auth.AuditRead, target: ownOrganisation(),
		summary:     "Read the signed head of the audit log",
		description: "Kept elsewhere, it shows later that nothing up to it was altered or cut off.",
	}, s.getAuditHead)
	add(s, h, route{
		method: http.MethodGet, path: "/audit/export", id: "export-audit", tag: tagAudit, status: http.StatusOK,
		permission: auth.AuditRead, target: ownOrganisation(), errors: []int{http.StatusInsufficientStorage},
		summary: "Export the audit log",
		description: "As JSON Lines: `{\"record\": …}` for each from the first on, then `{\"head\": …}`, signed. " +
			"`atrium audit verify` checks it. An export that was cut off has no head.",
	}, s.exportAudit)
}

func (s *Server) listAudit(ctx context.Context, in *listAuditInput) (*listOutput[AuditRecord], error) {
	a := accessOf(ctx)
	page, err := s.control.Audit(ctx, a.actor, a.organisation(), control.AuditFilter{
		UnitID: a.unit(), Action: control.Action(in.Action), ActorID: in.Actor, SubjectID: in.Subject, From: in.From, To: in.To,
	}, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, auditOf), nil
}

func (s *Server) getAuditHead(ctx context.Context, _ *struct{}) (*output[AuditHead], error) {
	a := accessOf(ctx)
	head, err := s.control.AuditHead(ctx, a.actor, a.organisation())
	return respond(head, err, func(h control.SignedHead) AuditHead {
		return AuditHead{OrganisationID: h.OrganisationID, Seq: h.Seq, At: h.At, Hash: h.Hash, KeyID: h.KeyID, Key: h.Key, Signature: h.Signature}
	})
}

// exportAudit streams. What fails before the first line is a problem; later
// the connection is cut.
func (s *Server) exportAudit(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	a := accessOf(ctx)
	return &huma.StreamResponse{Body: func(h huma.Context) {
		_, w := humago.Unwrap(h)
		lines := &lineWriter{w: w}
		_, err := s.control.ExportAudit(ctx, a.actor, a.organisation(), lines)
		if err == nil {
			return
		}
		problem := problemOf(s.failed(ctx, "export-audit", err))
		if !lines.started {
			writeProblem(w, problem)
			return
		}
		panic(http.ErrAbortHandler) // the receiver must not take it for whole
	}}, nil
}

// lineWriter sends JSON Lines with their headers before the first.
type lineWriter struct {
	w       http.ResponseWriter
	started bool
}

func (l *lineWriter) Write(b []byte) (int, error) {
	if !l.started {
		l.started = true
		l.w.Header().Set("Content-Type", "application/jsonl")
		l.w.Header().Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
		l.w.WriteHeader(http.StatusOK)
	}
	return l.w.Write(b)
}
