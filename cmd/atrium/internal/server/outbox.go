package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// outbox is a notify.Outbox in control's words.
type outbox struct{ *notify.Outbox }

// Enqueue implements control.Outbox.
func (o outbox) Enqueue(tx store.Tx, n control.Notice) (string, error) {
	m := notify.Message{
		ID: n.ID, OrganisationID: n.OrganisationID, UnitID: n.UnitID, Language: n.Language,
		To: n.To, SealedData: n.SealedData, Template: notify.Template(n.Template), Data: n.Data,
	}
	var err error
	if !n.Key.IsZero() {
		if m.Key, err = json.Marshal(n.Key); err != nil {
			return "", err
		}
	}
	switch n.Kind {
	case control.NoticeWebhook:
		m.Kind, m.Event = notify.Webhook, n.Event.Type
		if m.Body, err = json.Marshal(n.Event); err != nil {
			return "", err
		}
	case control.NoticeEmail:
		m.Kind = notify.Email
	case control.NoticeSMS:
		m.Kind = notify.SMS
	}
	id, err := o.Outbox.Enqueue(tx, m)
	if errors.Is(err, notify.ErrNoGateway) {
		return "", control.ErrNoGateway
	}
	return id, err
}

// revealer opens what a message's sealed parts hold, at the moment of sending.
type revealer struct {
	vault control.Vault
	rules *control.Service
	// base is what links begin with; "" when that isn't known.
	base func() string
}

// errNoBase: a link can be copied without it, but not sent.
var errNoBase = errors.New("links can't be sent until http.base_url says what they begin with")

// reveal implements SenderOptions.Reveal.
func (r revealer) reveal(ctx context.Context, m notify.Message) (notify.Revealed, error) {
	var key control.KeyRef
	if len(m.Key) > 0 {
		if err := json.Unmarshal(m.Key, &key); err != nil {
			return notify.Revealed{}, &notify.PermanentError{Err: fmt.Errorf("read a message's key: %w", err)}
		}
	}
	to, err := r.open(key, m.To, control.PurposeAddress)
	if err != nil {
		return notify.Revealed{}, err
	}
	out := notify.Revealed{To: string(to)}
	if len(m.SealedData) > 0 {
		data, err := r.open(key, m.SealedData, control.PurposeNotice)
		if err != nil {
			return notify.Revealed{}, err
		}
		if err := json.Unmarshal(data, &out.Data); err != nil {
			return notify.Revealed{}, &notify.PermanentError{Err: fmt.Errorf("read a message's link: %w", err)}
		}
	}
	if path, ok := out.Data["path"]; ok {
		base := r.base()
		if base == "" {
			return notify.Revealed{}, &notify.PermanentError{Err: errNoBase}
		}
		out.Data["link"] = base + path
	}
	org, err := r.rules.Organisation(ctx, control.Actor{Kind: control.ActorSystem, OrganisationID: m.OrganisationID}, m.OrganisationID)
	if err != nil {
		return notify.Revealed{}, err
	}
	out.Organisation, out.Language = org.Name, org.Settings.Language
	return out, nil
}

// open opens what is sealed; a key that was overwritten ends the message.
func (r revealer) open(key control.KeyRef, sealed []byte, purpose string) ([]byte, error) {
	if key.IsZero() {
		return sealed, nil
	}
	data, err := r.vault.Open(key, sealed, purpose)
	if errors.Is(err, control.ErrErased) {
		return nil, &notify.PermanentError{Err: err}
	}
	return data, err
}
