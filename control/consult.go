package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// PathGuest is the page of guests' links; the secret stands after it, in the
// fragment, so that no server, log or preview sees it (R-CN-4).
const PathGuest = "/e#"

// Templates of what guests are sent.
const (
	TemplateConsultNow  = "consult_now"
	TemplateAppointment = "appointment"
	TemplateCancelled   = "cancelled" // of an appointment; without a link
	TemplateLink        = "link"
)

// prefixNoticeOf finds what was sent for: notice_of/<id of the notice> → id of
// the Consult Now link.
const prefixNoticeOf = "notice_of/"

// consultRecord is a ConsultNow as it is stored.
type consultRecord struct {
	ConsultNow
	LinkDigest string    `json:"link_digest"`
	Key        KeyRef    `json:"key"`
	Sealed     []byte    `json:"sealed"` // consultSecrets
	OpenedAt   time.Time `json:"opened_at,omitzero"`
	NoticeID   string    `json:"notice_id,omitempty"` // of the last message
	EnteredAt  time.Time `json:"entered_at,omitzero"`
	Reported   bool      `json:"reported,omitempty"` // it stands in reports
}

// consultSecrets are the address and the link, sealed by a key that is erased
// when the link is over (R-PV-1).
type consultSecrets struct {
	Contact Contact `json:"contact"`
	Link    string  `json:"link"`
}

func (r *consultRecord) subject() Subject {
	return Subject{Kind: "consult_now", ID: r.ID, OrganisationID: r.OrganisationID, UnitID: r.UnitID}
}

func (r *consultRecord) purpose() string { return "consult_now/" + r.ID }

// Contact is where something is sent: to one of them, or, with Copy, nowhere.
type Contact struct {
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
	Copy  bool   `json:"copy,omitempty"`
}

func (t Contact) clean() (Contact, Channel, error) {
	n := 0
	for _, given := range []bool{t.Phone != "", t.Email != "", t.Copy} {
		if given {
			n++
		}
	}
	if n != 1 {
		return t, "", &FieldError{Field: "to", Message: "must be one of phone, email and copy"}
	}
	var err error
	switch {
	case t.Phone != "":
		t.Phone, err = cleanPhone("to.phone", t.Phone)
		return t, ChannelSMS, err
	case t.Email != "":
		t.Email, err = CleanEmail("to.email", t.Email)
		return t, ChannelEmail, err
	}
	return t, ChannelCopy, nil
}

// send writes a message with a guest's link, if it has one, to be sent;
// ErrNoGateway when nothing is configured that could send it.
// more are further words of the template.
func (c *change) send(on Subject, ref KeyRef, to Contact, template, secret, language string, more ...string) (noticeID string, err error) {
	m := Notice{
		OrganisationID: on.OrganisationID, UnitID: on.UnitID, Key: ref, Template: template, Language: language,
		Kind: NoticeSMS,
	}
	address := to.Phone
	if to.Email != "" {
		m.Kind, address = NoticeEmail, to.Email
	}
	org, err := get[Organisation](c.Tx, prefixOrganisation+on.OrganisationID)
	if err != nil {
		return "", err
	}
	m.Data = map[string]string{"organisation": org.Name}
	for i := 0; i+1 < len(more); i += 2 {
		m.Data[more[i]] = more[i+1]
	}
	if m.To, err = c.vault.Seal(ref, []byte(address), PurposeAddress); err != nil {
		return "", err
	}
	if secret != "" {
		if m.SealedData, err = c.sealJSON(ref, map[string]string{"path": PathGuest + secret}, PurposeNotice); err != nil {
			return "", err
		}
	}
	return c.outbox.Enqueue(c.Tx, m)
}

// Consultation is a Consult Now link with the call that waits for its guest.
type Consultation struct {
	Consult ConsultNow // with its Link, when it is to be copied
	Call    Call
	Join    Join // of the provider
}

// ConsultNow starts a call at once and sends a single-use link to it
// (R-CN-1). Where nothing is configured to send it, the link is there to copy,
// and Channel says so. With once, a repetition returns the first one's result;
// Join is zero when the provider has left that call.
func (s *Service) ConsultNow(ctx context.Context, who Staff, areaID string, to Contact, language string, once *Once) (Consultation, error) {
	who, err := who.clean()
	if err != nil {
		return Consultation{}, err
	}
	to, channel, err := to.clean()
	if err != nil {
		return Consultation{}, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return Consultation{}, err
	}
	id, err := newID()
	if err != nil {
		return Consultation{}, err
	}
	secret, digest := s.secrets.NewLink()
	err = s.withKey(ctx, func(ref KeyRef) error {
		fresh := id
		return s.change(ctx, who.Actor, "start a call by a link", func(c *change) error {
			a, err := liveArea(c.Tx, areaID)
			if err != nil {
				return err
			}
			if err := c.actor.reach(a.OrganisationID); err != nil {
				return err
			}
			r := consultRecord{Key: ref, LinkDigest: hexDigest(digest), ConsultNow: ConsultNow{
				ID: fresh, OrganisationID: a.OrganisationID, UnitID: a.UnitID, AreaID: a.ID,
				State: ConsultSent, Channel: channel, CreatedAt: c.now,
			}}
			if who.Actor.Kind == ActorAccount {
				r.ProviderID = who.Actor.ID
			}
			// Only the id is kept for repetitions: an address would outlive its
			// key there.
			id, err = repeatable(s, c.Tx, Caller{OrganisationID: a.OrganisationID}, once.by(who.Actor), func() (string, error) {
				return r.ID, c.startConsult(&r, who, to, secret, language)
			})
			return err
		})
	})
	if err != nil {
		return Consultation{}, err
	}
	return s.consultation(ctx, who, id)
}

// startConsult starts the call of a link and sends the link.
func (c *change) startConsult(r *consultRecord, who Staff, to Contact, secret, language string) error {
	call, err := c.startCall(Individual, r.OrganisationID, r.UnitID, r.AreaID, "")
	if err != nil {
		return err
	}
	if _, err := c.joinStaff(call, who); err != nil {
		return err
	}
	r.CallID = call.ID
	if err := c.sendConsult(r, to, secret, language); err != nil {
		return err
	}
	return errors.Join(
		keepKey(c.Tx, r.Key),
		put(c.Tx, prefixLink+r.LinkDigest, Link{Kind: LinkConsultNow, OrganisationID: r.OrganisationID, TargetID: r.ID}),
		c.Put(prefixConsultIn+r.AreaID+"/"+r.ID, nil),
		schedule(c.Tx, c.now.Add(ConsultLife), DueConsult, r.ID),
		c.putCall(call), c.storeConsult(r, "consult_now.sent"),
		c.audit("consult_now.create", r.subject(), "channel", string(r.Channel), "call_id", call.ID))
}

// consultation reads a link with its call, and makes a join for its provider.
func (s *Service) consultation(ctx context.Context, who Staff, id string) (Consultation, error) {
	var made Consultation
	var err error
	if made.Consult, err = s.ReadConsult(ctx, who.Actor, id); err != nil {
		return Consultation{}, err
	}
	if made.Call, err = s.Call(ctx, who.Actor, made.Consult.CallID); err != nil {
		return Consultation{}, err
	}
	made.Join, err = s.CallSeat(ctx, who, made.Call.ID)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return made, err
}

// sendConsult hands the link over to be sent; where it is copied, its clock
// starts at once.
func (c *change) sendConsult(r *consultRecord, to Contact, secret, language string) error {
	var err error
	if r.Channel != ChannelCopy {
		r.NoticeID, err = c.send(r.subject(), r.Key, to, TemplateConsultNow, secret, language,
			"minutes", strconv.Itoa(int(ConsultTime/time.Minute)))
		if errors.Is(err, ErrNoGateway) {
			r.Channel, err = ChannelCopy, nil
		} else if err == nil {
			err = c.Put(prefixNoticeOf+r.NoticeID, []byte(r.ID))
		}
		if err != nil {
			return err
		}
	}
	if r.Channel == ChannelCopy {
		r.handOver(c.now)
		if err := c.scheduleConsult(r); err != nil {
			return err
		}
	}
	r.Sealed, err = c.sealJSON(r.Key, consultSecrets{Contact: to, Link: secret}, r.purpose())
	return err
}

// scheduleConsult has the link expire. It can be used in its last millisecond,
// so it has expired in the one after.
func (c *change) scheduleConsult(r *consultRecord) error {
	return schedule(c.Tx, r.ExpiresAt.Add(time.Millisecond), DueConsult, r.ID)
}

// storeConsult stores a link's record and tells the area and webhooks of it.
func (c *change) storeConsult(r *consultRecord, event string) error {
	stored := *r
	stored.Address, stored.Link = "", ""
	return errors.Join(
		put(c.Tx, prefixConsult+r.ID, stored),
		announce(c.Tx, c.now, r.AreaID, AreaConsult, r.ID),
		c.emit(c.Tx, c.now, r.subject(), event, map[string]string{
			"consult_now_id": r.ID, "area_id": r.AreaID, "call_id": r.CallID, "state": string(r.State),
		}))
}

// putConsult takes a link to another state and stores it.
func (c *change) putConsult(r *consultRecord, to ConsultState) error {
	if err := r.may(to); err != nil {
		return err
	}
	r.State = to
	return c.storeConsult(r, "consult_now."+string(to))
}

// openConsult returns a link with its address, and with its secret when it is
// to be copied and still good.
func (s *Service) openConsult(r consultRecord) (ConsultNow, error) {
	secrets, ok, err := openJSON[consultSecrets](s, r.Key, r.Sealed, r.purpose())
	if err != nil || !ok {
		return r.ConsultNow, err
	}
	r.Address = secrets.Contact.Phone + secrets.Contact.Email
	if r.Channel == ChannelCopy && r.State != ConsultEntered && r.State != ConsultRevoked {
		r.Link = secrets.Link
	}
	return r.ConsultNow, nil
}

// actConsult changes a Consult Now link and returns it.
func (s *Service) actConsult(ctx context.Context, actor Actor, what, id string, do func(c *change, r *consultRecord) error) (ConsultNow, error) {
	var r consultRecord
	err := s.change(ctx, actor, what, func(c *change) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if r, err = get[consultRecord](c.Tx, prefixConsult+id); err != nil {
			return err
		}
		if err := c.actor.reach(r.OrganisationID); err != nil {
			return err
		}
		return do(c, &r)
	})
	if err != nil {
		return ConsultNow{}, err
	}
	return s.openConsult(r)
}

// ReadConsult returns a Consult Now link.
func (s *Service) ReadConsult(ctx context.Context, actor Actor, id string) (ConsultNow, error) {
	var r consultRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if r, err = get[consultRecord](tx, prefixConsult+id); err != nil {
			return err
		}
		return actor.reach(r.OrganisationID)
	})
	if err != nil {
		return ConsultNow{}, fmt.Errorf("read a consult now link: %w", err)
	}
	return s.openConsult(r)
}
