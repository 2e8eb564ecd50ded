package client

import (
	"context"
	"net/http"
	"time"
)

// Scope is a thing that roles are granted on: Kind is organisation, unit, area
// or room.
type Scope struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// on is the path of a scope.
func on(s Scope) string {
	switch s.Kind {
	case "organisation":
		return "/organisation"
	case "room":
		return at("meeting-rooms", s.ID)
	}
	return at(s.Kind+"s", s.ID)
}

// grantsOn is the path of the roles on a scope.
func grantsOn(s Scope) string {
	if s.Kind == "room" {
		return on(s) + "/members"
	}
	return on(s) + "/grants"
}

// Invitee is somebody to appoint. Copy has the link returned and not sent.
type Invitee struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
	Copy  bool   `json:"copy,omitempty"`
}

// Invitation is a single-use link to an account; Link is "" when it was sent.
type Invitation struct {
	Sent      bool      `json:"sent"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Grant is a role of somebody on something.
type Grant struct {
	ID        string    `json:"id"`
	AccountID string    `json:"account_id"`
	Role      string    `json:"role"`
	Scope     Scope     `json:"scope"`
	CreatedAt time.Time `json:"created_at"`
}

// Account is a person of an organisation. State is invited, active or
// disabled.
type Account struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	State        string    `json:"state"`
	CreatedAt    time.Time `json:"created_at"`
	LastSignInAt time.Time `json:"last_sign_in_at"`
}

// Appointee is who has a role. Invitation is of somebody new.
type Appointee struct {
	Grant      Grant       `json:"grant"`
	Account    Account     `json:"account"`
	Invitation *Invitation `json:"invitation"`
}

// Appoint gives somebody a role on a scope. once is an idempotency key, or "".
func (c *Client) Appoint(ctx context.Context, scope Scope, role string, in Invitee, once string) (Appointee, error) {
	body := struct {
		Invitee
		Role string `json:"role"`
	}{in, role}
	return send[Appointee](ctx, c, http.MethodPost, grantsOn(scope), once, body)
}

// Grants lists who has a role on a scope itself.
func (c *Client) Grants(ctx context.Context, scope Scope, l List) (Page[Appointee], error) {
	return fetch[Page[Appointee]](ctx, c, grantsOn(scope), l.values())
}

// RemoveGrant takes a role on a scope away.
func (c *Client) RemoveGrant(ctx context.Context, scope Scope, grantID string) error {
	return c.do(ctx, http.MethodDelete, grantsOn(scope)+at(grantID), "", nil, nil)
}

// Accounts lists the accounts of one's own organisation.
func (c *Client) Accounts(ctx context.Context, l List) (Page[Account], error) {
	return fetch[Page[Account]](ctx, c, "/accounts", l.values())
}

// Account reads an account.
func (c *Client) Account(ctx context.Context, id string) (Account, error) {
	return fetch[Account](ctx, c, at("accounts", id), nil)
}

// DisableAccount shuts an account out.
func (c *Client) DisableAccount(ctx context.Context, id string) (Account, error) {
	return send[Account](ctx, c, http.MethodPost, at("accounts", id, "disable"), "", nil)
}

// EnableAccount lets a disabled account in again.
func (c *Client) EnableAccount(ctx context.Context, id string) (Account, error) {
	return send[Account](ctx, c, http.MethodPost, at("accounts", id, "enable"), "", nil)
}

// Reinvite makes another invitation; copyLink has it returned and not sent.
func (c *Client) Reinvite(ctx context.Context, accountID string, copyLink bool) (Invitation, error) {
	in := struct {
		Copy bool `json:"copy,omitempty"`
	}{copyLink}
	return send[Invitation](ctx, c, http.MethodPost, at("accounts", accountID, "invite"), "", in)
}

// AccountLink says what an invitation or a sign-in link is for. Kind is
// invitation or sign_in.
type AccountLink struct {
	Kind         string `json:"kind"`
	Organisation string `json:"organisation"`
	Name         string `json:"name"`
	Email        string `json:"email"`
}

// Session is a session that began. A Client with Token as its key acts for the
// account.
type Session struct {
	Account   Account   `json:"account"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Place is something that somebody has roles on.
type Place struct {
	Scope
	Name        string   `json:"name"`
	UnitID      string   `json:"unit_id"`
	Unit        string   `json:"unit"` // name
	Roles       []string `json:"roles"`
	Permissions []string `json:"permissions"`
}

// CurrentSession is who is signed in and what their roles are for.
type CurrentSession struct {
	Account        Account `json:"account"`
	OrganisationID string  `json:"organisation_id"`
	Organisation   string  `json:"organisation"` // name
	HasPassword    bool    `json:"has_password"`
	Places         []Place `json:"places"`
}

// LookInvitation says what a link is for and uses nothing up. It needs no key.
func (c *Client) LookInvitation(ctx context.Context, link string) (AccountLink, error) {
	in := struct {
		Link string `json:"link"`
	}{link}
	return send[AccountLink](ctx, c, http.MethodPost, "/invitations/look", "", in)
}

// AcceptInvitation chooses name and password and signs in. It needs no key.
func (c *Client) AcceptInvitation(ctx context.Context, link, name, password string) (Session, error) {
	in := struct {
		Link     string `json:"link"`
		Name     string `json:"name"`
		Password string `json:"password"`
		Bearer   bool   `json:"bearer"`
	}{link, name, password, true}
	return send[Session](ctx, c, http.MethodPost, "/invitations/accept", "", in)
}

type signIn struct {
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
	Link     string `json:"link,omitempty"`
	Bearer   bool   `json:"bearer"`
}

// SignIn signs in with a password. It needs no key.
func (c *Client) SignIn(ctx context.Context, email, password string) (Session, error) {
	return send[Session](ctx, c, http.MethodPost, "/sessions", "", signIn{Email: email, Password: password, Bearer: true})
}

// SignInByLink signs in with a sign-in link. It needs no key.
func (c *Client) SignInByLink(ctx context.Context, link string) (Session, error) {
	return send[Session](ctx, c, http.MethodPost, "/sessions", "", signIn{Link: link, Bearer: true})
}

// SendSignInLink has a sign-in link sent to whoever has an account of that
// address; that nobody has is no error. It needs no key.
func (c *Client) SendSignInLink(ctx context.Context, email string) error {
	in := struct {
		Email string `json:"email"`
	}{email}
	return c.do(ctx, http.MethodPost, "/sign-in-links", "", in, nil)
}

// CurrentSession says who is signed in.
func (c *Client) CurrentSession(ctx context.Context) (CurrentSession, error) {
	return fetch[CurrentSession](ctx, c, "/sessions/current", nil)
}

// OwnAccount is what to change of one's own account; "" stays. A password
// needs the current one, unless the account has none yet.
type OwnAccount struct {
	Name            string `json:"name,omitempty"`
	Password        string `json:"password,omitempty"`
	CurrentPassword string `json:"current_password,omitempty"`
}

// ChangeOwnAccount changes one's own name or password. Another password ends
// the other sessions.
func (c *Client) ChangeOwnAccount(ctx context.Context, change OwnAccount) (Account, error) {
	return send[Account](ctx, c, http.MethodPatch, "/sessions/current/account", "", change)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/sessions/current", "", nil, nil)
}
