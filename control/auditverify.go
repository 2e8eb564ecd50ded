package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	auditBatch   = 500     // records that one transaction reads for an export
	maxAuditLine = 1 << 20 // bytes
)

// ErrAudit: the audit log isn't what was written. The error says where.
var ErrAudit = errors.New("the audit log was altered")

// SignedHead is where an organisation's audit log ended, signed by the
// deployment. Kept apart from the log it shows later that nothing up to it was
// altered, nor cut off at the end (R-PV-2).
type SignedHead struct {
	AuditHead
	HeadSignature
}

// message is what is signed.
func (h AuditHead) message() ([]byte, error) { return json.Marshal(h) }

// auditLine is a line of an exported log: a record, or at the end the head.
type auditLine struct {
	Record *AuditRecord `json:"record,omitempty"`
	Head   *SignedHead  `json:"head,omitempty"`
}

// sign returns a signed head.
func (s *Service) sign(head AuditHead) (SignedHead, error) {
	if s.signer == nil {
		return SignedHead{}, errors.New("control.Options.Signer is not set: heads of the audit log can't be signed")
	}
	message, err := head.message()
	if err != nil {
		return SignedHead{}, err
	}
	return SignedHead{AuditHead: head, HeadSignature: s.signer.Sign(message)}, nil
}

// AuditHead returns the signed head of an organisation's audit log.
func (s *Service) AuditHead(ctx context.Context, actor Actor, organisationID string) (SignedHead, error) {
	var head AuditHead
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if err := reachable(tx, actor, organisationID); err != nil {
			return err
		}
		head, err = auditHead(tx, organisationID)
		return err
	})
	if err != nil {
		return SignedHead{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	return s.sign(head)
}

// ExportAudit writes an organisation's audit log as JSON Lines: an object
// {"record": …} for each record from the first on, then {"head": …}, signed.
// That it was exported is the last record.
func (s *Service) ExportAudit(ctx context.Context, actor Actor, organisationID string, w io.Writer) (SignedHead, error) {
	var head AuditHead
	err := s.store.Update(ctx, func(tx store.Tx) error {
		org, err := organisation(tx, organisationID)
		if err != nil {
			return err
		}
		if err := actor.reach(organisationID); err != nil {
			return err
		}
		if err := audit(tx, s.clock(), actor, "audit.export", org.subject()); err != nil {
			return err
		}
		head, err = auditHead(tx, organisationID)
		return err
	})
	if err != nil {
		return SignedHead{}, fmt.Errorf("export the audit log: %w", err)
	}
	signed, err := s.sign(head)
	if err != nil {
		return SignedHead{}, err
	}
	out := json.NewEncoder(w)
	err = s.eachAudit(ctx, organisationID, head.Seq, func(r AuditRecord) error { return out.Encode(auditLine{Record: &r}) })
	if err == nil {
		err = out.Encode(auditLine{Head: &signed})
	}
	if err != nil {
		return SignedHead{}, fmt.Errorf("export the audit log: %w", err)
	}
	return signed, nil
}

// eachAudit visits an organisation's records up to a number, in order. It
// reads in batches, as records are never changed: a slow receiver doesn't hold
// a transaction.
func (s *Service) eachAudit(ctx context.Context, organisationID string, last uint64, visit func(AuditRecord) error) error {
	after := ""
	prefix := prefixAudit + organisationID + "/"
	for {
		var batch []AuditRecord
		err := s.store.View(ctx, func(tx store.Tx) error {
			batch = nil
			return tx.Range(prefix, after, func(key string, value []byte) error {
				if len(batch) == auditBatch || key > auditKey(organisationID, last) {
					return store.ErrStop
				}
				r, err := decode[AuditRecord](value)
				batch, after = append(batch, r), key
				return err
			})
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, r := range batch {
			if err := visit(r); err != nil {
				return err
			}
		}
	}
}

// chain checks one record after another.
type auditChain struct {
	head  AuditHead
	known []SignedHead
}

func (c *auditChain) add(r AuditRecord) error {
	at := fmt.Sprintf("record %d", c.head.Seq+1)
	hash, err := r.digest()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", at, err)
	case c.head.Seq > 0 && r.OrganisationID != c.head.OrganisationID:
		return fmt.Errorf("%w: %s is another organisation's", ErrAudit, at)
	case r.Seq != c.head.Seq+1:
		return fmt.Errorf("%w: %s has the number %d: records are missing, or in another order", ErrAudit, at, r.Seq)
	case !bytes.Equal(r.Prev, c.head.Hash):
		return fmt.Errorf("%w: %s doesn't follow the one before", ErrAudit, at)
	case !bytes.Equal(r.Hash, hash):
		return fmt.Errorf("%w: %s isn't what was written", ErrAudit, at)
	}
	c.head = AuditHead{OrganisationID: r.OrganisationID, Seq: r.Seq, At: r.At, Hash: hash}
	return c.compare()
}

// compare checks the heads that are known for this place of the log.
func (c *auditChain) compare() error {
	for _, known := range c.known {
		if known.Seq == c.head.Seq && (known.OrganisationID != c.head.OrganisationID || !bytes.Equal(known.Hash, c.head.Hash)) {
			return fmt.Errorf("%w: record %d isn't the one that was signed", ErrAudit, known.Seq)
		}
	}
	return nil
}

// end checks that the log reaches to every known head.
func (c *auditChain) end() error {
	for _, known := range c.known {
		if known.Seq > c.head.Seq {
			return fmt.Errorf("%w: it ends at record %d, and went to %d when its head was signed", ErrAudit, c.head.Seq, known.Seq)
		}
	}
	return nil
}

// HeadCheck returns nil when a message was signed so, by a key of the
// deployment's.
type HeadCheck func(message []byte, by HeadSignature) error

func (h SignedHead) check(by HeadCheck) error {
	message, err := h.message()
	if err != nil {
		return err
	}
	if err := by(message, h.HeadSignature); err != nil {
		return fmt.Errorf("%w: the signature of the head at record %d: %w", ErrAudit, h.Seq, err)
	}
	return nil
}

// VerifyAudit reads what ExportAudit wrote and checks that nothing in it was
// altered, left out, put in another order or cut off, and that it contains all
// that was there when the known heads were signed. It returns its head. A
// shorter log with an older head of its own is only noticed by a known head.
// Errors that say so are ErrAudit.
func VerifyAudit(r io.Reader, by HeadCheck, known ...SignedHead) (SignedHead, error) {
	for _, head := range known {
		if err := head.check(by); err != nil {
			return SignedHead{}, err
		}
	}
	chain := auditChain{known: known}
	var head *SignedHead
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxAuditLine)
	for lines.Scan() {
		line, err := parseAuditLine(lines.Bytes())
		if err != nil {
			return SignedHead{}, fmt.Errorf("%w: line %d: %w", ErrAudit, chain.head.Seq+1, err)
		}
		switch {
		case head != nil:
			return SignedHead{}, fmt.Errorf("%w: something follows the head", ErrAudit)
		case line.Head != nil:
			head = line.Head
		default:
			if err := chain.add(*line.Record); err != nil {
				return SignedHead{}, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return SignedHead{}, fmt.Errorf("read the audit log: %w", err)
	}
	if head == nil {
		return SignedHead{}, fmt.Errorf("%w: the signed head is missing at its end", ErrAudit)
	}
	if err := head.check(by); err != nil {
		return SignedHead{}, err
	}
	chain.known = append(chain.known, *head)
	return *head, errors.Join(chain.compare(), chain.end(), sameEnd(*head, chain.head))
}

// sameEnd checks that a log ends where its own head says.
func sameEnd(head SignedHead, end AuditHead) error {
	if head.Seq != end.Seq {
		return fmt.Errorf("%w: it has %d records, and its head says %d", ErrAudit, end.Seq, head.Seq)
	}
	return nil
}

// parseAuditLine reads a line that is, to the byte, as ExportAudit writes it:
// so there is one way only to read it.
func parseAuditLine(data []byte) (auditLine, error) {
	var line auditLine
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil {
		return auditLine{}, errors.New("it is no line of an audit log")
	}
	again, err := json.Marshal(line)
	if err != nil {
		return auditLine{}, err
	}
	if (line.Record == nil) == (line.Head == nil) || !bytes.Equal(again, data) {
		return auditLine{}, errors.New("it isn't written as an audit log is")
	}
	return line, nil
}

// CheckAudit verifies the log of an organisation as it is stored, as
// VerifyAudit does with an exported one, and returns its head.
func (s *Service) CheckAudit(ctx context.Context, organisationID string, by HeadCheck, known ...SignedHead) (AuditHead, error) {
	for _, head := range known {
		if err := head.check(by); err != nil {
			return AuditHead{}, err
		}
	}
	var head AuditHead
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if _, err := organisation(tx, organisationID); err != nil {
			return err
		}
		head, err = auditHead(tx, organisationID)
		return err
	})
	if err != nil {
		return AuditHead{}, fmt.Errorf("verify the audit log: %w", err)
	}
	chain := auditChain{known: known}
	err = s.eachAudit(ctx, organisationID, head.Seq, chain.add)
	if err == nil {
		err = chain.end()
	}
	if err == nil && (chain.head.Seq != head.Seq || !bytes.Equal(chain.head.Hash, head.Hash)) {
		err = fmt.Errorf("%w: it ends at record %d, and its head says %d", ErrAudit, chain.head.Seq, head.Seq)
	}
	if err != nil {
		return AuditHead{}, fmt.Errorf("verify the audit log: %w", err)
	}
	return head, nil
}
