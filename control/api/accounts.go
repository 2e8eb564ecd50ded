package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// Account is a person of an organisation.
type Account struct {
	ID           string     `json:"id" format:"uuid"`
	Name         string     `json:"name" doc:"May be empty until the invitation is accepted." example:"Ana Kovač"`
	Email        string     `json:"email" example:"ana@example.org"`
	State        string     `json:"state" enum:"invited,active,disabled"`
	CreatedAt    time.Time  `json:"created_at"`
	LastSignInAt *time.Time `json:"last_sign_in_at,omitempty"`
}

func accountOf(a control.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, Email: a.Email, State: string(a.State), CreatedAt: a.CreatedAt,
		LastSignInAt: moment(a.LastSignInAt),
	}
}

// Reinvite is the body of POST /accounts/{id}/invite.
type Reinvite struct {
	Copy bool `json:"copy,omitempty" doc:"true: send nothing, and return the link."`
}

type reinviteInput struct {
	IDPath
	OnceHeader
	Body *Reinvite // may be left out
}

func (s *Server) registerAccounts(h huma.API) {
	account := on(control.ThingAccount)
	add(s, h, route{
		method: http.MethodGet, path: "/accounts", id: "list-accounts", tag: tagAccounts, status: http.StatusOK,
		permission: auth.AccountsManage, target: ownOrganisation(), errors: []int{http.StatusBadRequest},
		summary: "List the accounts of one's own organisation", description: "In order of creation.",
	}, s.listAccounts)
	add(s, h, route{
		method: http.MethodGet, path: "/accounts/{id}", id: "get-account", tag: tagAccounts, status: http.StatusOK,
		permission: auth.AccountsManage, target: account, summary: "Read an account",
	}, s.getAccount)
	add(s, h, route{
		method: http.MethodPost, path: "/accounts/{id}/disable", id: "disable-account", tag: tagAccounts, status: http.StatusOK,
		permission: auth.AccountsManage, target: account, errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
		summary: "Shut an account out", description: "Signs it out everywhere at once and takes it out of its calls; its invitations and links are dead, its roles don't count.",
	}, s.disableAccount)
	add(s, h, route{
		method: http.MethodPost, path: "/accounts/{id}/enable", id: "enable-account", tag: tagAccounts, status: http.StatusOK,
		permission: auth.AccountsManage, target: account, errors: []int{http.StatusInsufficientStorage},
		summary: "Let a disabled account in again", description: "With the roles that it had. Who had never accepted an invitation needs a new one.",
	}, s.enableAccount)
	add(s, h, route{
		method: http.MethodPost, path: "/accounts/{id}/invite", id: "invite-account", tag: tagAccounts, status: http.StatusOK,
		permission: auth.AccountsManage, target: account, errors: bodyErrors(http.StatusConflict),
		summary: "Invite somebody again", description: "Who has not accepted an invitation yet. Earlier ones stay good for their time.",
	}, s.reinvite)
}

func (s *Server) listAccounts(ctx context.Context, in *ListQuery) (*listOutput[Account], error) {
	a := accessOf(ctx)
	page, err := s.control.Accounts(ctx, a.actor, a.organisation(), in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, accountOf), nil
}

func (s *Server) getAccount(ctx context.Context, in *IDPath) (*output[Account], error) {
	account, err := s.control.Account(ctx, actorOf(ctx), in.ID)
	return respond(account, err, accountOf)
}

func (s *Server) disableAccount(ctx context.Context, in *IDPath) (*output[Account], error) {
	account, err := s.control.DisableAccount(ctx, actorOf(ctx), in.ID, func(tx store.Tx) error {
		return s.sessions.DeleteAll(tx, in.ID)
	})
	return respond(account, err, accountOf)
}

func (s *Server) enableAccount(ctx context.Context, in *IDPath) (*output[Account], error) {
	account, err := s.control.EnableAccount(ctx, actorOf(ctx), in.ID)
	return respond(account, err, accountOf)
}

func (s *Server) reinvite(ctx context.Context, in *reinviteInput) (*output[Invitation], error) {
	copyLink := in.Body != nil && in.Body.Copy
	once, err := in.once("reinvite", struct {
		ID   string
		Copy bool
	}{in.ID, copyLink})
	if err != nil {
		return nil, err
	}
	made, err := s.control.Reinvite(ctx, actorOf(ctx), in.ID, copyLink, once)
	return respond(made, err, func(i control.Invitation) Invitation { return invitationOf(ctx, i) })
}
