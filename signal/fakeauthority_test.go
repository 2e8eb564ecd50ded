package signal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// fakeAuthority admits tokens of its table.
type fakeAuthority struct {
	mu     sync.Mutex
	admits map[string]Admission
	errs   map[string]error
	used   map[string]bool // by TokenID
	seated func(Admission) // is called by Seat; may be nil
	left   chan string     // "<id> <reason>"
	// reports are all calls of Present and Left, in order: "p present",
	// "p absent", "p left".
	reports []string
	block   chan struct{} // Admit waits for it
	slow    chan struct{} // Present and Left wait for it
}

func newFakeAuthority() *fakeAuthority {
	return &fakeAuthority{
		admits: map[string]Admission{}, errs: map[string]error{}, used: map[string]bool{}, left: make(chan string, 100),
	}
}

func (a *fakeAuthority) fail(token string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.errs[token] = err
}

func (a *fakeAuthority) Admit(ctx context.Context, token string) (Admission, error) {
	a.mu.Lock()
	adm, ok := a.admits[token]
	err, block := a.errs[token], a.block
	a.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return Admission{}, ctx.Err()
		}
	}
	if err != nil {
		return Admission{}, err
	}
	if !ok {
		return Admission{}, fmt.Errorf("%w: unknown", ErrBadToken)
	}
	return adm, nil
}

// Seat uses a token up, and knows of a room that has gone since.
func (a *fakeAuthority) Seat(_ context.Context, adm Admission) error {
	if a.seated != nil {
		a.seated(adm)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.errs[adm.TokenID]; err != nil {
		return err
	}
	if a.used[adm.TokenID] {
		return ErrTokenUsed
	}
	a.used[adm.TokenID] = true
	return nil
}

func (a *fakeAuthority) Present(_ context.Context, adm Admission, connected bool) {
	if connected {
		a.report(adm.ParticipantID + " present")
	} else {
		a.report(adm.ParticipantID + " absent")
	}
}

func (a *fakeAuthority) Left(_ context.Context, adm Admission, reason media.CloseReason) {
	a.report(adm.ParticipantID + " left")
	a.left <- adm.ParticipantID + " " + string(reason)
}

func (a *fakeAuthority) report(what string) {
	a.mu.Lock()
	slow := a.slow
	a.mu.Unlock()
	if slow != nil {
		<-slow
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reports = append(a.reports, what)
}

// forget has tokens that were used be good again.
func (a *fakeAuthority) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = map[string]bool{}
}

func (a *fakeAuthority) reported() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.reports, ", ")
}

// invite makes a token for a participant of its own: token "t-<id>".
func (a *fakeAuthority) invite(id, room string) string { return a.inviteAgain(id, room, "t-"+id) }

// inviteModerator makes a token for a moderator of a room.
func (a *fakeAuthority) inviteModerator(id, room string) string {
	token := a.invite(id, room)
	a.mu.Lock()
	defer a.mu.Unlock()
	adm := a.admits[token]
	adm.Role = media.RoleModerator
	a.admits[token] = adm
	return token
}

// inviteAgain makes another token for a participant.
func (a *fakeAuthority) inviteAgain(id, room, token string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	adm := Admission{
		ParticipantID: id, TokenID: token, Name: "Name of " + id, Role: media.RoleParticipant, Pool: media.SmallPool(),
	}
	if room != "" {
		adm.Room = &media.RoomOptions{ID: room, Kind: "plain", Capacity: 10}
	}
	a.admits[token] = adm
	return token
}

func (a *fakeAuthority) wantLeft(t testing.TB, want string) {
	t.Helper()
	select {
	case got := <-a.left:
		if got != want {
			t.Errorf("left: got %q, want %q", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("the authority wasn't told %q", want)
	}
}

type fakeRelays struct {
	revoked chan string
}

func (r *fakeRelays) Servers(id, host string) []message.ICEServer {
	return []message.ICEServer{{URLs: []string{"turn:" + host + ":3478"}, Username: id, Credential: "c"}}
}

func (r *fakeRelays) Revoke(id string) { r.revoked <- id }
