package client_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
)

// signer signs heads of the audit log.
type signer struct{ keys *auth.Keys }

func (s signer) Sign(head []byte) control.HeadSignature {
	made := s.keys.Sign("test", head)
	return control.HeadSignature{KeyID: made.KeyID, Key: made.Key, Signature: made.Value}
}

// R-T-0, R-T-1, R-T-2: all of tenancy through the client.
func TestTenancy(t *testing.T) {
	d := serve(t)
	base, operatorKey := d.url, d.operatorKey
	ctx, operator, public := t.Context(), newClient(t, base, operatorKey), newClient(t, base, "")
	org, err := operator.CreateOrganisation(ctx, client.OrganisationSpec{
		Name: "West", SystemAdmin: &client.Invitee{Email: "root@west.example", Copy: true},
	})
	if err != nil || org.APIKey.Secret == "" || org.SystemAdmin == nil {
		t.Fatalf("created %+v, %v", org, err)
	}
	if nodes, err := operator.Nodes(ctx); err != nil || len(nodes) != 1 || nodes[0].Participants != 3 {
		t.Errorf("nodes %+v, %v", nodes, err)
	}
	if list, err := operator.Organisations(ctx, client.List{Limit: 1}); err != nil || len(list.Items) != 1 {
		t.Errorf("organisations %+v, %v", list, err)
	}
	link := org.SystemAdmin.Invitation.Link
	if look, err := public.LookInvitation(ctx, link); err != nil || look.Kind != "invitation" || look.Organisation != "West" {
		t.Errorf("the link is for %+v, %v", look, err)
	}
	session, err := public.AcceptInvitation(ctx, link, "Root", "seven quiet purple herons")
	if err != nil || session.Token == "" {
		t.Fatalf("accepted %+v, %v", session, err)
	}
	if session, err = public.SignIn(ctx, "root@west.example", "seven quiet purple herons"); err != nil {
		t.Fatal(err)
	}
	root := newClient(t, base, session.Token)
	unit, err := root.CreateUnit(ctx, org.Organisation.ID, client.UnitSpec{Name: "Unit", Admins: []client.Invitee{{Email: "ana@west.example"}}}, "once")
	if err != nil || len(unit.Appointed) != 1 {
		t.Fatalf("created %+v, %v", unit, err)
	}
	current, err := root.CurrentSession(ctx)
	if err != nil || current.Organisation != "West" || len(current.Places) != 1 || current.Places[0].Kind != "organisation" {
		t.Errorf("signed in %+v, %v", current, err)
	}
	if got, err := root.ChangeOwnAccount(ctx, client.OwnAccount{
		Name: "Ruth", Password: "nine loud yellow herons", CurrentPassword: "seven quiet purple herons",
	}); err != nil || got.Name != "Ruth" || !current.HasPassword {
		t.Errorf("the own account %+v, %v", got, err)
	}
	key, err := operator.CreateOrganisationKey(ctx, org.Organisation.ID, "", "Key", "areas.read")
	if err != nil || key.Secret == "" {
		t.Errorf("the operator's key %+v, %v", key, err)
	}
	if list, err := operator.OrganisationKeys(ctx, org.Organisation.ID, "", client.List{}); err != nil || len(list.Items) != 2 {
		t.Errorf("keys %+v, %v", list, err)
	}
	if err := operator.RevokeOrganisationKey(ctx, org.Organisation.ID, key.ID); err != nil {
		t.Error(err)
	}
	app := newClient(t, base, org.APIKey.Secret)
	places(t, app, unit.Unit.ID)
	people(t, root, unit)
	operations(t, root)
	if err := app.DeleteUnit(ctx, unit.Unit.ID); err != nil {
		t.Error(err)
	}
	if err := root.SignOut(ctx); err != nil {
		t.Error(err)
	}
	_, err = root.CurrentSession(ctx)
	wantError(t, err, 401, "unauthenticated")
}

func places(t *testing.T, c *client.Client, unitID string) {
	t.Helper()
	ctx := t.Context()
	area, err := c.CreateArea(ctx, unitID, client.AreaSpec{Name: "Area", Settings: client.AreaSettings{
		Hours: &client.Hours{TimeZone: "Europe/Vienna", Monday: []client.Interval{{Opens: "09:00", Closes: "12:00"}}},
	}}, "")
	if err != nil || area.Link == "" || area.Settings.Hours == nil {
		t.Fatalf("created %+v, %v", area, err)
	}
	name := "Renamed"
	if area, err = c.UpdateArea(ctx, area.ID, client.AreaPatch{Name: &name}); err != nil || area.Name != name || area.Settings.Hours == nil {
		t.Errorf("changed %+v, %v", area, err)
	}
	if got, err := c.SuspendArea(ctx, area.ID, "Ill"); err != nil || !got.Suspended {
		t.Errorf("suspended %+v, %v", got, err)
	}
	if got, err := c.RestoreArea(ctx, area.ID); err != nil || got.Suspended {
		t.Errorf("restored %+v, %v", got, err)
	}
	if got, err := c.ResetAreaLink(ctx, area.ID); err != nil || got.Link == area.Link {
		t.Errorf("reset %+v, %v", got, err)
	}
	for _, in := range []client.Scope{{Kind: "unit", ID: unitID}, {Kind: "area", ID: area.ID}} {
		room, err := c.CreateMeetingRoom(ctx, in, "Team", "")
		if err != nil || room.Link == "" {
			t.Fatalf("room of %s: %+v, %v", in.Kind, room, err)
		}
		locked := true
		if got, err := c.UpdateMeetingRoom(ctx, room.ID, client.MeetingRoomPatch{Locked: &locked}); err != nil || !got.Locked {
			t.Errorf("locked %+v, %v", got, err)
		}
		if list, err := c.MeetingRooms(ctx, in, client.List{}); err != nil || len(list.Items) != 1 {
			t.Errorf("rooms of %s: %+v, %v", in.Kind, list, err)
		}
		if got, err := c.ResetMeetingRoomLink(ctx, room.ID); err != nil || got.Link == room.Link {
			t.Errorf("reset %+v, %v", got, err)
		}
		if err := c.DeleteMeetingRoom(ctx, room.ID); err != nil {
			t.Error(err)
		}
	}
	if list, err := c.Areas(ctx, unitID, client.List{}); err != nil || len(list.Items) != 1 {
		t.Errorf("areas %+v, %v", list, err)
	}
	if err := c.DeleteArea(ctx, area.ID); err != nil {
		t.Error(err)
	}
	_, err = c.Area(ctx, area.ID)
	wantError(t, err, 404, "not_found")
}

func people(t *testing.T, c *client.Client, unit client.NewUnit) {
	t.Helper()
	ctx, scope := t.Context(), client.Scope{Kind: "unit", ID: unit.Unit.ID}
	bo, err := c.Appoint(ctx, scope, "org_reporter", client.Invitee{Email: "bo@west.example", Name: "Bo"}, "")
	if err != nil || bo.Invitation == nil || bo.Account.Name != "Bo" {
		t.Fatalf("appointed %+v, %v", bo, err)
	}
	if list, err := c.Grants(ctx, scope, client.List{}); err != nil || len(list.Items) != 2 {
		t.Errorf("roles %+v, %v", list, err)
	}
	if err := c.RemoveGrant(ctx, scope, bo.Grant.ID); err != nil {
		t.Error(err)
	}
	if got, err := c.DisableAccount(ctx, bo.Account.ID); err != nil || got.State != "disabled" {
		t.Errorf("disabled %+v, %v", got, err)
	}
	if got, err := c.EnableAccount(ctx, bo.Account.ID); err != nil || got.State != "invited" {
		t.Errorf("enabled %+v, %v", got, err)
	}
	if in, err := c.Reinvite(ctx, bo.Account.ID, true); err != nil || in.Link == "" {
		t.Errorf("invited %+v, %v", in, err)
	}
	if list, err := c.Accounts(ctx, client.List{Limit: 2}); err != nil || len(list.Items) != 2 || list.NextCursor == "" {
		t.Errorf("accounts %+v, %v", list, err)
	}
	owners, err := c.Grants(ctx, client.Scope{Kind: "organisation"}, client.List{})
	if err != nil || len(owners.Items) != 1 {
		t.Errorf("administrators %+v, %v", owners, err)
	}
}

func operations(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	key, err := c.CreateAPIKey(ctx, "", "Key", "areas.read")
	if err != nil || key.Secret == "" {
		t.Fatalf("key %+v, %v", key, err)
	}
	if err := c.RevokeAPIKey(ctx, key.ID); err != nil {
		t.Error(err)
	}
	if list, err := c.APIKeys(ctx, "", client.List{}); err != nil || len(list.Items) != 1 {
		t.Errorf("keys %+v, %v", list, err)
	}
	hook, err := c.CreateWebhook(ctx, "", "https://app.example.org/hook", "visit.*")
	if err != nil || hook.Secret == "" {
		t.Fatalf("webhook %+v, %v", hook, err)
	}
	if n, err := c.ReplayWebhook(ctx, hook.ID, time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("replayed %d, %v", n, err)
	}
	if list, err := c.Webhooks(ctx, ""); err != nil || len(list) != 1 {
		t.Errorf("webhooks %+v, %v", list, err)
	}
	if err := c.DeleteWebhook(ctx, hook.ID); err != nil {
		t.Error(err)
	}
	set, err := c.SetGateways(ctx, client.Gateways{SMS: &client.SMSGateway{Kind: "webhook", URL: "https://sms.example.org", Token: "t"}})
	if err != nil || set.SMS == nil || set.SMS.Token != "" {
		t.Errorf("gateways %+v, %v", set, err)
	}
	page, err := c.Audit(ctx, client.AuditFilter{Action: "webhook."}, client.List{Limit: 1})
	if err != nil || len(page.Items) != 1 || page.Items[0].Action != "webhook.delete" {
		t.Errorf("audit log %+v, %v", page, err)
	}
	var lines bytes.Buffer
	if err := c.ExportAudit(ctx, &lines); err != nil || !strings.Contains(lines.String(), `{"head":`) {
		t.Errorf("export %s, %v", &lines, err)
	}
	if head, err := c.AuditHead(ctx); err != nil || len(head.Signature) == 0 {
		t.Errorf("head %+v, %v", head, err)
	}
}
