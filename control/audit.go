package control

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Action is what the audit log says was done: thing.verb, stable.
type Action string

// Subject is what something was done to.
type Subject struct {
	Kind           string `json:"kind"` // organisation, unit, area, meeting_room, account, grant, visit …
	ID             string `json:"id"`
	OrganisationID string `json:"-"`
	UnitID         string `json:"-"`
}

// AuditRecord is one thing that somebody did (R-PV-2). It never holds what a
// guest typed, an address or a secret.
type AuditRecord struct {
	Seq            uint64            `json:"seq"` // from 1, without gaps
	At             time.Time         `json:"at"`
	OrganisationID string            `json:"organisation_id"`
	UnitID         string            `json:"unit_id,omitempty"`
	Actor          Actor             `json:"actor"`
	Action         Action            `json:"action"`
	Subject        Subject           `json:"subject"`
	Details        map[string]string `json:"details,omitempty"`
	Prev           []byte            `json:"prev"` // Hash of the record before; empty in the first
	Hash           []byte            `json:"hash"` // SHA-256 over everything above
}

// AuditHead is where an organisation's audit log ends.
type AuditHead struct {
	OrganisationID string    `json:"organisation_id"`
	Seq            uint64    `json:"seq"`
	At             time.Time `json:"at"`
	Hash           []byte    `json:"hash"`
}

// digest is the hash of a record: SHA-256 over its JSON without Hash. The
// form of the JSON is fixed: fields in order of declaration, keys of Details
// sorted, times in UTC.
func (r AuditRecord) digest() ([]byte, error) {
	r.Hash = nil
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return sum[:], nil
}

// audit appends to the audit log of the subject's organisation, in the
// transaction of what it records. details are pairs of key and value.
func audit(tx store.Tx, now time.Time, actor Actor, action Action, on Subject, details ...string) error {
	head, err := auditHead(tx, on.OrganisationID)
	if err != nil {
		return err
	}
	r := AuditRecord{
		Seq: head.Seq + 1, At: now, OrganisationID: on.OrganisationID, UnitID: on.UnitID,
		Actor: actor, Action: action, Subject: on, Prev: head.Hash,
	}
	for i := 0; i+1 < len(details); i += 2 {
		if r.Details == nil {
			r.Details = make(map[string]string, len(details)/2)
		}
		r.Details[details[i]] = details[i+1]
	}
	if r.Hash, err = r.digest(); err != nil {
		return err
	}
	if err := put(tx, auditKey(on.OrganisationID, r.Seq), r); err != nil {
		return err
	}
	return put(tx, prefixAuditHead+on.OrganisationID,
		AuditHead{OrganisationID: on.OrganisationID, Seq: r.Seq, At: now, Hash: r.Hash})
}

// Record appends to the audit log what was done in a transaction by somebody
// who keeps records of their own: webhooks, gateways. details are pairs of key
// and value; none may be an address or a secret.
func (s *Service) Record(tx store.Tx, actor Actor, action Action, on Subject, details ...string) error {
	return audit(tx, s.clock(), actor, action, on, details...)
}
