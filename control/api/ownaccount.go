package api

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// ChangeOwnAccount is the body of PATCH /sessions/current/account.
type ChangeOwnAccount struct {
	Name            *string `json:"name,omitempty" doc:"Shown to the others: 1 to 80 characters." example:"Ana Kovač"`
	Password        *string `json:"password,omitempty" doc:"Another one: 12 characters or more. Ends the other sessions, and the sign-in links that were sent."`
	CurrentPassword string  `json:"current_password,omitempty" doc:"With password, unless the account has none yet."`
}

type changeOwnAccountInput struct {
	Body ChangeOwnAccount
}

func (s *Server) registerOwnAccount(h huma.API) {
	add(s, h, route{
		method: http.MethodPatch, path: "/sessions/current/account", id: "change-own-account", tag: tagSignIn, status: http.StatusOK,
		permission: auth.OwnAccount, errors: bodyErrors(),
		summary: "Change one's own name or password",
		description: "What is left out stays. A wrong `current_password` is answered by 403 `wrong_credentials`; it counts like one at " +
			"signing in, where ten within 15 minutes shut the address out.",
	}, s.changeOwnAccount)
}

func (s *Server) changeOwnAccount(ctx context.Context, in *changeOwnAccountInput) (*output[Account], error) {
	p := accessOf(ctx).principal
	if in.Body.Name == nil && in.Body.Password == nil {
		return nil, wrongField("name", "must be given, or password")
	}
	patch := control.OwnAccountPatch{Name: in.Body.Name, Session: hex.EncodeToString(p.session[:])}
	if in.Body.Password != nil {
		var err error
		if patch.Password, err = s.newPassword(ctx, *p.account, p.session, *in.Body.Password, in.Body.CurrentPassword); err != nil {
			return nil, err
		}
	}
	account, err := s.control.UpdateOwnAccount(ctx, actorOf(ctx), patch)
	return respond(account, err, accountOf)
}

// newPassword returns what stores another password, once it is certain that
// whoever asks knows the present one.
func (s *Server) newPassword(ctx context.Context, a control.Account, session [32]byte, password, current string) (func(store.Tx) error, error) {
	if problem := checkNewPassword(password, a.Name, a.Email); problem != nil {
		return nil, problem
	}
	stored, err := s.storedPassword(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if stored != "" {
		_, err := s.passwords.Verify(ctx, s.signInName(a.Email), current, stored)
		switch {
		case errors.Is(err, auth.ErrWrongPassword):
			if err := s.control.SignInFailed(ctx, a.ID, "password_change"); err != nil {
				return nil, err
			}
			return nil, s.failure(ctx, wrongCurrentPassword())
		case errors.Is(err, auth.ErrTooManyFailures):
			return nil, tooManyPasswords()
		case err != nil:
			return nil, err
		}
	}
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		now, err := s.passwords.Stored(tx, a.ID)
		switch {
		case err != nil:
			return err
		case now != stored: // another one was chosen meanwhile
			return wrongCurrentPassword()
		}
		return errors.Join(s.passwords.Set(tx, a.ID, hash), s.sessions.DeleteOthers(tx, a.ID, session))
	}, nil
}

// storedPassword returns the hash of an account's password, "" when it has
// none.
func (s *Server) storedPassword(ctx context.Context, accountID string) (hash string, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		hash, err = s.passwords.Stored(tx, accountID)
		return err
	})
	return hash, err
}

// checkNewPassword refuses a weak password with what to do.
func checkNewPassword(password string, about ...string) *Problem {
	err := auth.CheckPassword(password, about...)
	if err == nil {
		return nil
	}
	_, advice, _ := strings.Cut(err.Error(), ": ")
	return wrongField("password", advice)
}

// signInName is what wrong passwords of an e-mail address are counted by.
func (s *Server) signInName(email string) string {
	return hex.EncodeToString(s.keys.Digest("sign_in", strings.ToLower(email)))
}

// wrongCurrentPassword is no 401: whoever asks is signed in.
func wrongCurrentPassword() *Problem {
	return newProblem(http.StatusForbidden, CodeWrongCredentials, "The current password is wrong.")
}

func tooManyPasswords() *Problem {
	return newProblem(http.StatusTooManyRequests, CodeRateLimited,
		"Too many wrong passwords for this address: wait, or have a sign-in link sent.").
		withHeader("Retry-After", strconv.Itoa(int(math.Ceil(auth.FailureWindow.Seconds()))))
}
