package media

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

func isLoopback(ip net.IP) bool { return ip.IsLoopback() }

func mark(r received) string {
	s := string(r.pkt.Payload)
	return s[strings.LastIndexByte(s, '|')+1:]
}

func openRoom(t *testing.T, e *Engine, id string, capacity int) *Room {
	t.Helper()
	r, err := e.OpenRoom(RoomOptions{ID: id, Name: "Room " + id, Kind: "plain", Capacity: capacity})
	must(t, err)
	return r
}

func move(t *testing.T, e *Engine, p *testPeer, r *Room) {
	t.Helper()
	must(t, e.Move(context.Background(), p.Participant, r))
}

func TestTwoParticipantsSeeAndHearEachOther(t *testing.T) {
	bothCarriers(t, checkTwoParticipantsSeeAndHearEachOther)
}

func checkTwoParticipantsSeeAndHearEachOther(t *testing.T, e *Engine) {
	t.Helper()
	a, b := addPeer(t, e, "a"), addPeer(t, e, "b")
	r := openRoom(t, e, "r", 5)
	move(t, e, a, r)
	move(t, e, b, r)
	a.publish(Microphone, Camera)
	b.publish(Microphone, Camera)
	a.stream("q", "h", "f")
	b.stream("q", "h", "f")
	for _, p := range []*testPeer{a, b} {
		other := map[*testPeer]string{a: "b", b: "a"}[p]
		p.from("voice", func(r received) bool { return mark(r) == other+"/mic" })
		p.from("picture", func(r received) bool {
			return strings.HasPrefix(mark(r), other+"/") && !strings.HasSuffix(mark(r), "mic")
		})
		m := waitEvent(t, p.events, "map", func(m MapChanged) bool { return len(m.Slots) == 2 && m.Slots[1].State == SlotLive })
		if m.Slots[0].Participant != other || m.Slots[0].Source != Microphone || m.Slots[1].Source != Camera {
			t.Errorf("%s: map %+v", p.id, m)
		}
	}
}

func TestFullRoomRefuses(t *testing.T) {
	e := newTestEngine(t)
	r := openRoom(t, e, "r", 1)
	a := newPeer(t, e, "a", RoleParticipant, SmallPool())
	b := newPeer(t, e, "b", RoleParticipant, SmallPool())
	move(t, e, a, r)
	if err := e.Move(context.Background(), b.Participant, r); !errors.Is(err, ErrRoomFull) {
		t.Fatalf("second of one seat: %v", err)
	}
	if b.Room() != nil {
		t.Error("the refused participant is not where it was")
	}
	move(t, e, a, nil) // the last to leave ends the room
	if err := e.Move(context.Background(), b.Participant, r); !errors.Is(err, ErrClosed) {
		t.Fatalf("into a room that ended: %v", err)
	}
	if err := e.Join(context.Background(), b.Participant, RoomOptions{ID: "r", Capacity: 1}); err != nil {
		t.Fatalf("into the room opened anew: %v", err)
	}
}
