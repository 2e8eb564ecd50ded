package api

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// LookLink is the body of POST /invitations/look.
type LookLink struct {
	Link string `json:"link" maxLength:"512" doc:"The link's secret, or the whole address." example:"q3mVY0wXbq1cF8Zk5nTjUw2e"`
}

type lookLinkInput struct {
	Body LookLink
}

// AccountLink is what an invitation or a sign-in link is for.
type AccountLink struct {
	Kind         string `json:"kind" enum:"invitation,sign_in" doc:"invitation: to be accepted with a name and a password; sign_in: to sign in with."`
	Organisation string `json:"organisation" doc:"Its name."`
	Name         string `json:"name" doc:"May be empty."`
	Email        string `json:"email"`
}

// AcceptInvitation is the body of POST /invitations/accept.
type AcceptInvitation struct {
	Link     string `json:"link" maxLength:"512" doc:"The link's secret, or the whole address."`
	Name     string `json:"name" doc:"Shown to the others: 1 to 80 characters." example:"Ana Kovač"`
	Password string `json:"password" doc:"12 characters or more; a few words make a good one." example:"correct horse battery staple"`
	Bearer   bool   `json:"bearer,omitempty" doc:"true: return the session's token in place of setting a cookie."`
}

type acceptInput struct {
	Body AcceptInvitation
}

// SignIn is the body of POST /sessions.
type SignIn struct {
	Email    string `json:"email,omitempty" maxLength:"254" example:"ana@example.org"`
	Password string `json:"password,omitempty" doc:"With email."`
	Link     string `json:"link,omitempty" maxLength:"512" doc:"A sign-in link, in place of email and password."`
	Bearer   bool   `json:"bearer,omitempty" doc:"true: return the session's token in place of setting a cookie."`
}

type signInInput struct {
	Body SignIn
}

// SignedIn is a session that began.
type SignedIn struct {
	Account   Account   `json:"account"`
	Token     string    `json:"token,omitempty" doc:"With bearer: send it as Authorization: Bearer ats_…. A secret."`
	ExpiresAt time.Time `json:"expires_at" doc:"At the latest; 12 hours without a request end it too."`
}

type signedInOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      SignedIn
}

type signedOutOutput struct {
	SetCookie string `header:"Set-Cookie"`
}

// SignInLinks is the body of POST /sign-in-links.
type SignInLinks struct {
	Email string `json:"email" maxLength:"254" example:"ana@example.org"`
}

type signInLinksInput struct {
	Body SignInLinks
}

func (s *Server) registerSessions(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/invitations/look", id: "look-invitation", tag: tagSignIn, status: http.StatusOK,
		permission: auth.Anyone, errors: secretErrors(http.StatusNotFound),
		summary:     "Say what an invitation or sign-in link is for",
		description: "Uses nothing up. Unknown, used and expired links are answered alike.",
	}, s.lookInvitation)
	add(s, h, route{
		method: http.MethodPost, path: "/invitations/accept", id: "accept-invitation", tag: tagSignIn, status: http.StatusOK,
		permission: auth.Anyone, errors: secretErrors(http.StatusNotFound, http.StatusInsufficientStorage),
		summary:     "Accept an invitation",
		description: "Chooses name and password and signs in. Once: of any number of acceptances one succeeds.",
	}, s.acceptInvitation)
	add(s, h, route{
		method: http.MethodPost, path: "/sessions", id: "sign-in", tag: tagSignIn, status: http.StatusCreated,
		permission: auth.Anyone, errors: secretErrors(http.StatusUnauthorized, http.StatusNotFound, http.StatusInsufficientStorage),
		summary: "Sign in",
		description: "By e-mail address and password, or by a sign-in link, which it uses up. Sets the cookie `" + sessionCookie + "`. " +
			"Ten wrong passwords within 15 minutes shut an address out for that time.",
	}, s.signIn)
	add(s, h, route{
		method: http.MethodDelete, path: "/sessions/current", id: "sign-out", tag: tagSignIn, status: http.StatusNoContent,
		permission: auth.OwnAccount, errors: []int{http.StatusInsufficientStorage}, summary: "Sign out",
		description: "Also of the calls that were entered with this session.",
	}, s.signOut)
	add(s, h, route{
		method: http.MethodGet, path: "/sessions/current", id: "current-session", tag: tagSignIn, status: http.StatusOK,
		permission: auth.OwnAccount, summary: "Say who is signed in",
		description: "With their roles, and the places that these are for.",
	}, s.currentSession)
	add(s, h, route{
		method: http.MethodPost, path: "/sign-in-links", id: "send-sign-in-link", tag: tagSignIn, status: http.StatusAccepted,
		permission: auth.Anyone, errors: secretErrors(http.StatusInsufficientStorage),
		summary:     "Have a sign-in link sent",
		description: "To an e-mail address that has an account; good for 15 minutes, once. The answer is the same when it has none.",
	}, s.sendSignInLinks)
}

// secretErrors are the statuses of public routes that take a secret.
func secretErrors(more ...int) []int {
	return append([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusTooManyRequests}, more...)
}

func unknownLink() *Problem {
	return newProblem(http.StatusNotFound, CodeLinkUnknown,
		"This link doesn't lead anywhere, or no longer: ask for a new one.")
}

// lookAccountLink reads a link without using it up; a dead one counts as a
// failure.
func (s *Server) lookAccountLink(ctx context.Context, link string) (control.AccountLink, [32]byte, error) {
	digest, ok := auth.LinkDigest(link)
	if !ok {
		return control.AccountLink{}, digest, s.failure(ctx, unknownLink())
	}
	look, err := s.control.LookAccountLink(ctx, digest)
	if errors.Is(err, control.ErrNotFound) {
		err = s.failure(ctx, unknownLink())
	}
	return look, digest, err
}

func (s *Server) lookInvitation(ctx context.Context, in *lookLinkInput) (*output[AccountLink], error) {
	look, _, err := s.lookAccountLink(ctx, in.Body.Link)
	return respond(look, err, func(l control.AccountLink) AccountLink {
		return AccountLink{Kind: string(l.Kind), Organisation: l.Organisation, Name: l.Name, Email: l.Email}
	})
}

func (s *Server) acceptInvitation(ctx context.Context, in *acceptInput) (*signedInOutput, error) {
	look, digest, err := s.lookAccountLink(ctx, in.Body.Link)
	if err != nil {
		return nil, err
	}
	if look.Kind != control.LinkInvitation {
		return nil, s.failure(ctx, unknownLink())
	}
	if problem := checkNewPassword(in.Body.Password, in.Body.Name, look.Email); problem != nil {
		return nil, problem
	}
	hash, err := s.passwords.Hash(ctx, in.Body.Password)
	if err != nil {
		return nil, err
	}
	token, session := s.keys.NewSessionToken()
	account, err := s.control.AcceptInvitation(ctx, digest, in.Body.Name, func(tx store.Tx, account control.Account) error {
		return errors.Join(s.passwords.Set(tx, account.ID, hash), s.sessions.Create(tx, account.ID, session))
	})
	if errors.Is(err, control.ErrNotFound) {
		err = s.failure(ctx, unknownLink())
	}
	return s.signedIn(account, err, token, in.Body.Bearer)
}

// signedIn is the answer to a session that began.
func (s *Server) signedIn(account control.Account, err error, token string, bearer bool) (*signedInOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &signedInOutput{Body: SignedIn{Account: accountOf(account), ExpiresAt: s.now().UTC().Truncate(time.Millisecond).Add(auth.SessionLimit)}}
	if bearer {
		out.Body.Token = token
	} else {
		out.SetCookie = hostCookie(sessionCookie, token, int(auth.SessionLimit/time.Second))
	}
	return out, nil
}

func (s *Server) signIn(ctx context.Context, in *signInInput) (*signedInOutput, error) {
	token, session := s.keys.NewSessionToken()
	if in.Body.Link != "" {
		if in.Body.Email != "" || in.Body.Password != "" {
			return nil, wrongField("link", "must stand alone, or else email and password")
		}
		account, err := s.signInByLink(ctx, in.Body.Link, session)
		return s.signedIn(account, err, token, in.Body.Bearer)
	}
	if in.Body.Email == "" || in.Body.Password == "" {
		return nil, wrongField("email", "must be given with password, or else link")
	}
	account, err := s.checkPassword(ctx, in.Body.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	err = s.control.SignedIn(ctx, account.ID, "password", func(tx store.Tx) error {
		return s.sessions.Create(tx, account.ID, session)
	})
	if errors.Is(err, control.ErrNotFound) { // disabled meanwhile
		err = s.failure(ctx, wrongCredentials())
	}
	return s.signedIn(account, err, token, in.Body.Bearer)
}

func (s *Server) signInByLink(ctx context.Context, link string, session [32]byte) (control.Account, error) {
	digest, ok := auth.LinkDigest(link)
	if !ok {
		return control.Account{}, s.failure(ctx, unknownLink())
	}
	account, err := s.control.UseSignInLink(ctx, digest, func(tx store.Tx, account control.Account) error {
		return s.sessions.Create(tx, account.ID, session)
	})
	if errors.Is(err, control.ErrNotFound) {
		err = s.failure(ctx, unknownLink())
	}
	return account, err
}

func wrongCredentials() *Problem {
	return newProblem(http.StatusUnauthorized, CodeWrongCredentials,
		"The e-mail address or the password is wrong. You can have a sign-in link sent.")
}

// checkPassword returns the account that an e-mail address and a password
// belong to. An unknown address takes as long as a wrong password and is
// answered alike (SE-5).
func (s *Server) checkPassword(ctx context.Context, email, password string) (control.Account, error) {
	began := time.Now()
	email = strings.TrimSpace(email)
	accounts, err := s.control.AccountsByEmail(ctx, email)
	if err != nil {
		return control.Account{}, err
	}
	hashes := make([]string, len(accounts))
	err = s.store.View(ctx, func(tx store.Tx) error {
		for i, a := range accounts {
			if hashes[i], err = s.passwords.Stored(tx, a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return control.Account{}, err
	}
	i, err := s.passwords.Verify(ctx, s.signInName(email), password, hashes...)
	switch {
	case errors.Is(err, auth.ErrWrongPassword):
		for _, a := range accounts {
			if err := s.control.SignInFailed(ctx, a.ID, "password"); err != nil {
				return control.Account{}, err
			}
		}
		s.even(ctx, began)
		return control.Account{}, s.failure(ctx, wrongCredentials())
	case errors.Is(err, auth.ErrTooManyFailures):
		return control.Account{}, tooManyPasswords()
	case err != nil:
		return control.Account{}, err
	}
	return accounts[i], nil
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signedOutOutput, error) {
	a := accessOf(ctx)
	digest := a.principal.session
	err := s.control.SignOut(ctx, a.actor, hex.EncodeToString(digest[:]), func(tx store.Tx) error {
		return s.sessions.Delete(tx, digest)
	})
	if err != nil {
		return nil, err
	}
	return &signedOutOutput{SetCookie: endCookie(sessionCookie)}, nil
}

// evenTime is how long answers take at least that would tell by their time
// whether an address has an account: more than the writes that it takes if it
// has.
const evenTime = 400 * time.Millisecond

// even waits until a request that began at a time may be answered.
func (s *Server) even(ctx context.Context, began time.Time) {
	enough := time.NewTimer(s.evenTime - time.Since(began))
	defer enough.Stop()
	select {
	case <-enough.C:
	case <-ctx.Done():
	}
}

// sendSignInLinks answers alike whether the address has an account or not.
func (s *Server) sendSignInLinks(ctx context.Context, in *signInLinksInput) (*struct{}, error) {
	if _, err := control.CleanEmail("email", in.Body.Email); err != nil {
		return nil, err
	}
	// Each sends something to somebody, so that each counts.
	if problem := s.failure(ctx, nil); problem != nil {
		return nil, problem
	}
	began := time.Now()
	err := s.control.SendSignInLinks(ctx, in.Body.Email)
	s.even(ctx, began)
	return nil, err
}
