package signal

import (
	"errors"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// Every message after the join: what it asks of the engine, and what the client
// is told when the engine refuses.
func TestHandlers(t *testing.T) {
	for _, row := range []struct {
		name, in string
		call     string // what the engine is asked
		err      error  // what the engine answers
		code     string // of the error; "" none
	}{
		{name: "offer", in: `{"type":"offer","sdp":"v=0"}`, call: "offer v=0"},
		{name: "offer refused", in: `{"type":"offer","sdp":"v=0"}`, call: "offer v=0", err: &media.OfferError{Code: "offer_lines", Message: "3 lines"}, code: "offer_lines"},
		{name: "offer fails", in: `{"type":"offer","sdp":"v=0"}`, call: "offer v=0", err: errors.New("secret detail"), code: "internal"},
		{name: "candidate", in: `{"type":"candidate","candidate":"c","mid":"0"}`, call: "candidate c 0"},
		{name: "candidate refused", in: `{"type":"candidate","candidate":"c"}`, call: "candidate c ", err: errors.New("parse"), code: "bad_message"},
		{name: "last candidate", in: `{"type":"candidate","candidate":""}`},
		{name: "publish", in: `{"type":"publish","mid":"1","source":"camera"}`, call: "publish 1 camera true"},
		{name: "publish stops", in: `{"type":"publish","mid":"1","source":"camera","active":false}`, call: "publish 1 camera false"},
		{name: "publish where", in: `{"type":"publish","mid":"9","source":"camera"}`, call: "publish 9 camera true", err: media.ErrUnknownMid, code: "unknown_mid"},
		{name: "publish as viewer", in: `{"type":"publish","mid":"1","source":"camera"}`, call: "publish 1 camera true", err: media.ErrNotAllowed, code: "not_allowed"},
		{
			name: "layout", in: `{"type":"layout","tiles":[{"participant":"p","source":"camera","width":320,"height":180,"priority":2}]}`,
			call: "layout [{p camera 320 180 2}]",
		},
		{name: "layout of nothing", in: `{"type":"layout","tiles":[]}`, call: "layout []"},
		{name: "layout automatic", in: `{"type":"layout"}`, call: "layout automatic"},
		{name: "mute", in: `{"type":"mute","source":"microphone","muted":true}`, call: "mute microphone true"},
		{name: "hand", in: `{"type":"hand","raised":true}`, call: "hand true"},
		{name: "join again", in: `{"type":"join","token":"t"}`, code: "bad_message"},
		{name: "unknown type", in: `{"type":"dance"}`, code: "bad_message"},
		{name: "unknown field", in: `{"type":"hand","raised":true,"high":1}`, code: "bad_message"},
		{name: "not JSON", in: `hello`, code: "bad_message"},
		{name: "gone already", in: `{"type":"hand","raised":false}`, call: "hand false"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			p, _ := w.join(t, "p", "r")
			fake := w.engine.get(t, "p")
			fake.failNext(row.err)
			p.sendText(row.in)
			if row.code != "" {
				e := p.wantError(row.code)
				if strings.Contains(e.Message, "secret detail") {
					t.Error("the client is told of a fault's details")
				}
			} else if strings.Contains(row.in, "offer") {
				if a := want[*message.Answer](p); a.SDP != "answer to v=0" {
					t.Errorf("got %q", a.SDP)
				}
			}
			if row.call != "" {
				eventually(t, "called "+row.call, func() bool { return fake.lastCall() == row.call })
			}
			p.sync() // one refused message doesn't end the session
			if n := w.server.Snapshot().Refused[row.code]; row.code != "" && n != 1 {
				t.Errorf("%d counted as refused", n)
			}
		})
	}
}

func TestOffersAreLimited(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	if n := p.untilLimited(&message.Offer{SDP: "v=0"}); n < offersAtOnce {
		t.Errorf("limited after %d offers, want %d at once", n, offersAtOnce)
	}
}

func TestLeave(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	p.send(&message.Leave{})
	p.wantBye(message.CodeLeft, false)
	w.authority.wantLeft(t, "p left")
	if got := <-w.relays.revoked; got != "p" { // SE-2
		t.Errorf("revoked %q", got)
	}
}

// Each of the engine's reasons has a bye of its own, and the authority is told
// once, whether anybody is connected or not.
func TestClosed(t *testing.T) {
	for _, row := range []struct {
		reason media.CloseReason
		code   string
		retry  bool
	}{
		{media.CloseLeft, "left", false},
		{media.CloseRemoved, "removed", false},
		{media.CloseRoomClosed, "room_closed", false},
		{media.CloseSeatExpired, "seat_expired", false},
		{media.CloseShutdown, "shutdown", true},
		{media.CloseInternal, "internal", true},
	} {
		t.Run(string(row.reason), func(t *testing.T) {
			w := newWorld(t, nil)
			p, _ := w.join(t, "p", "r")
			w.engine.get(t, "p").Close(row.reason)
			p.wantBye(row.code, row.retry)
			w.authority.wantLeft(t, "p "+string(row.reason))

			q, _ := w.join(t, "q", "r")
			fake := w.engine.get(t, "q")
			_ = q.conn.CloseNow()
			eventually(t, "detached", fake.isDetached)
			fake.Close(row.reason)
			w.authority.wantLeft(t, "q "+string(row.reason))
			w.server.Close()
			if n := len(w.authority.left); n != 0 {
				t.Errorf("%d more left", n)
			}
			if n := w.server.Snapshot().Seats; n != 0 {
				t.Errorf("%d seats remain", n)
			}
		})
	}
}

// What the engine reports, and how the client is told.
func TestEvents(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "")
	if r := want[*message.Room](p); r.ID != "" || r.Kind != message.KindParked || r.Participants == nil {
		t.Errorf("got %+v", r)
	}
	for _, row := range []struct {
		ev   media.Event
		want string
	}{
		{
			media.ParticipantsChanged{
				Joined: []media.ParticipantInfo{{ID: "a", Name: "A", Role: media.RoleViewer, Connected: true, Sources: []media.SourceInfo{{Kind: media.Camera, Muted: true}}}},
				Left:   []string{"b"},
			},
			`{"type":"participants","joined":[{"id":"a","name":"A","role":"viewer","hand":false,"connected":true,"sources":[{"source":"camera","muted":true,"muted_by_server":false}]}],"left":["b"]}`,
		},
		{
			media.MapChanged{Epoch: 3, Slots: []media.SlotMap{{Mid: "4", Participant: "a", Source: media.Camera, State: media.SlotPaused, Reason: "muted"}}},
			`{"type":"map","epoch":3,"slots":[{"mid":"4","participant":"a","source":"camera","state":"paused","reason":"muted"}]}`,
		},
		{
			media.MapChanged{Epoch: 3, Slots: []media.SlotMap{
				{Mid: "4", Participant: "a", Source: media.Microphone, State: media.SlotLive},
				{Mid: "5", Participant: "a", Source: media.Camera, State: media.SlotLive, From: 1<<32 - 1},
				{Mid: "7", Participant: "b", Source: media.Screen, State: media.SlotLive}, // 0 is a timestamp
			}},
			`{"type":"map","epoch":3,"slots":[{"mid":"4","participant":"a","source":"microphone","state":"live"},` +
				`{"mid":"5","participant":"a","source":"camera","state":"live","rtp_from":4294967295},` +
				`{"mid":"7","participant":"b","source":"screen","state":"live","rtp_from":0}]}`,
		},
		{media.MapChanged{Epoch: 3}, `{"type":"map","epoch":3,"slots":[]}`},
		{media.LayersChanged{Source: media.Camera, RIDs: []string{"q"}}, `{"type":"layers","source":"camera","rids":["q"]}`},
		{media.LayersChanged{Source: media.Screen}, `{"type":"layers","source":"screen","rids":[]}`},
		{media.SpeakersChanged{Speakers: []media.Speaker{{Participant: "a", Level: 0.5}}}, `{"type":"speakers","speakers":[{"participant":"a","level":0.5}]}`},
		{media.QualityChanged{Participants: []media.Quality{{Participant: "a", Score: media.QualityPoor, Reason: "upload"}}}, `{"type":"quality","participants":[{"participant":"a","score":"poor","reason":"upload"}]}`},
		{media.TransportChanged{State: media.TransportFailed}, `{"type":"transport","state":"failed"}`},
		{media.RoomChanged{Room: "r", Name: "N", Kind: "meeting", Epoch: 7}, `{"type":"room","id":"r","name":"N","kind":"meeting","epoch":7,"participants":[],"call":"","controls":{"chat":"on","spotlight":"","in_charge":""},"breakouts":[],"breakouts_open":false}`},
	} {
		w.engine.get(t, "p").emit(row.ev)
		_, data, err := p.conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if string(data) != row.want {
			t.Errorf("got  %s\nwant %s", data, row.want)
		}
	}
	w.engine.get(t, "p").emit(media.TransportChanged{State: media.TransportNew}) // says nothing
	p.sync()
}
