package server

import (
	"errors"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// purposeAudit sets signatures of the audit log's heads apart from others of
// the same keys.
const purposeAudit = "audit head"

// signer signs heads of the audit log with the keys of the deployment.
type signer struct{ keys *auth.Keys }

// Sign implements control.Signer.
func (s signer) Sign(head []byte) control.HeadSignature {
	signed := s.keys.Sign(purposeAudit, head)
	return control.HeadSignature{KeyID: signed.KeyID, Key: signed.Key, Signature: signed.Value}
}

// HeadCheck returns what verifies heads of the audit log that were signed with
// one of these keys, or one that was in use before them.
func HeadCheck(keys *auth.Keys) control.HeadCheck {
	return func(message []byte, by control.HeadSignature) error {
		signed := auth.Signature{KeyID: by.KeyID, Key: by.Key, Value: by.Signature}
		switch {
		case !auth.VerifySignature(purposeAudit, message, signed):
			return errors.New("it isn't that of what it stands under")
		case !keys.Known(signed):
			return errors.New("its key isn't one of this deployment's")
		}
		return nil
	}
}
