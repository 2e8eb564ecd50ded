package api

import (
	"errors"
	"fmt"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// SE-13: a full disk is 507, and only what is meant for clients reaches them.
func TestProblemOf(t *testing.T) {
	for _, row := range []struct {
		err    error
		status int
		code   string
	}{
		{control.ErrNotFound, 404, CodeNotFound},
		{control.ErrOnceMismatch, 409, CodeOnceMismatch},
		{&control.FieldError{Field: "name", Message: "must not be empty"}, 400, CodeInvalid},
		{store.ErrFull, 507, CodeStorageFull},
		{store.ErrClosed, 503, CodeUnavailable},
		{store.ErrCorrupt, 500, CodeInternal},
		{errors.New("secret detail"), 500, CodeInternal},
	} {
		p := problemOf(fmt.Errorf("secret detail: %w", row.err))
		if p.Status != row.status || p.Code != row.code || p.Detail == "" {
			t.Errorf("%v: %+v", row.err, p)
		}
		if p.Code == CodeInternal && p.Detail != problemOf(nil).Detail {
			t.Errorf("an internal error's text is shown: %q", p.Detail)
		}
	}
}
