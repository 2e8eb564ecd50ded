package control

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// sealedLink is the permanent link of a thing as its record holds it.
type sealedLink struct {
	LinkDigest string `json:"link_digest"`
	SealedLink []byte `json:"sealed_link"`
}

// linkPurpose binds a sealed link to the thing it leads to.
func linkPurpose(id string) string { return "link/" + id }

// newLink makes a permanent link, replacing the thing's old one, which is
// dead from the commit on (R-MR-4).
func (s *Service) newLink(tx store.Tx, l Link, old sealedLink) (sealedLink, error) {
	if err := dropLink(tx, old); err != nil {
		return sealedLink{}, err
	}
	secret, digest := s.secrets.NewLink()
	made := sealedLink{LinkDigest: hexDigest(digest), SealedLink: s.secrets.Seal([]byte(secret), linkPurpose(l.TargetID))}
	return made, put(tx, prefixLink+made.LinkDigest, l)
}

// errUnchanged ends a change that was made before: nothing is written.
var errUnchanged = errors.New("this was done before")

// resetLink gives a thing a new link; errUnchanged when once says that this
// was done.
func (s *Service) resetLink(tx store.Tx, actor Actor, once *Once, l Link, at *sealedLink) error {
	again := true
	_, err := repeatable(s, tx, Caller{OrganisationID: l.OrganisationID}, once.by(actor), func() (bool, error) {
		again = false
		made, err := s.newLink(tx, l, *at)
		*at = made
		return true, err
	})
	if err == nil && again {
		return errUnchanged
	}
	return err
}

// dropLink makes a link lead nowhere.
func dropLink(tx store.Tx, l sealedLink) error {
	if l.LinkDigest == "" {
		return nil
	}
	return tx.Delete(prefixLink + l.LinkDigest)
}

// openLink returns the secret of a link, "" when it can't be opened (another
// key file): the thing is no less usable without.
func (s *Service) openLink(l sealedLink, id string) string {
	secret, err := s.secrets.Open(l.SealedLink, linkPurpose(id))
	if err != nil {
		s.log.Warn("a link can't be opened: was the key file replaced?", "id", id, "err", err)
	}
	return string(secret)
}

// link reads where a link leads; ErrNotFound when nowhere. It doesn't look at
// the times: the rules of its kind do.
func link(tx store.Tx, digest [32]byte) (Link, error) {
	data, err := get[json.RawMessage](tx, prefixLink+hexDigest(digest))
	if err != nil {
		return Link{}, err
	}
	l, err := decode[Link](data)
	if err != nil || l.Kind != "" {
		return l, err
	}
	// Written before there were kinds.
	old, err := decode[struct {
		RoomID string `json:"room_id"`
	}](data)
	if err != nil {
		return Link{}, err
	}
	if old.RoomID == "" {
		return Link{}, fmt.Errorf("%w: a link leads nowhere", store.ErrCorrupt)
	}
	l.Kind, l.TargetID = LinkRoom, old.RoomID
	return l, nil
}
