package media

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// corridor is a room with residents who have been there for long, and people in
// rooms beside it, all of one call; and two rooms of another call. What each is
// asked for comes to asked.
type corridor struct {
	e     *Engine
	clock *fakeClock
	room  *Room
	peers map[string]*fakePeer
	asked chan string
}

func newCorridor(t *testing.T) *corridor {
	t.Helper()
	c := &corridor{clock: newFakeClock(), peers: map[string]*fakePeer{}, asked: make(chan string, 1000)}
	c.e, _, _ = fakeRoom(t, c.clock, 2, GroupPool())
	for id, room := range map[string]string{
		"a": "here", "b": "here", "x": "there", "y": "there", "z": "there", "keeper": "there", "far": "elsewhere",
		"c": "other", "d": "other beside", "e": "other beside",
	} {
		p := newFake(t, c.e, id, GroupPool())
		p.wire.hook = func(pkt rtcp.Packet) {
			if _, ok := pkt.(*rtcp.PictureLossIndication); ok {
				c.asked <- id
			}
		}
		p.plug()
		c.peers[id] = p
		c.move(t, id, room)
		p.announce(Camera)
	}
	c.room = c.e.Room("here")
	for _, p := range c.peers {
		p.recv(p.layer(Camera, 0), true)
	}
	c.pass()
	return c
}

// pass lets six seconds go by, in which all send and answer requests: nothing is
// left of their last key frames, and all can be asked again.
func (c *corridor) pass() {
	for range 200 {
		c.clock.advance(30 * time.Millisecond)
		for _, p := range c.peers {
			p.recv(p.layer(Camera, 0), false)
		}
		for _, r := range []string{"here", "there", "elsewhere", "other", "other beside"} {
			settled(c.e.Room(r))
		}
		c.whom()
	}
}

func (c *corridor) move(t *testing.T, id, room string) {
	t.Helper()
	call := "call"
	if strings.HasPrefix(room, "other") {
		call = "another"
	}
	must(t, c.e.Join(context.Background(), c.peers[id].Participant, RoomOptions{ID: room, Call: call, Capacity: 20}))
}

// whom counts who has been asked since it was last called; they answer.
func (c *corridor) whom() map[string]int {
	times := map[string]int{}
	for {
		select {
		case id := <-c.asked:
			times[id]++
			p := c.peers[id]
			p.recv(p.layer(Camera, 0), true)
		default:
			return times
		}
	}
}

// PF-4: who comes alone has everybody asked at once; they, and those whom they
// come to.
func TestNewcomersAskAtOnce(t *testing.T) {
	c := newCorridor(t)
	c.move(t, "x", "here")
	if got := c.whom(); got["a"] != 1 || got["b"] != 1 || got["x"] != 1 {
		t.Errorf("asked: %v; want a, b and x", got)
	}
}

// PF-4: while people are moved one after the other, who may be next isn't asked
// at once, but who has just come. However long it goes on, nobody waits longer than putOffFor.
func TestUnrestPutsRequestsOff(t *testing.T) {
	c := newCorridor(t)
	c.move(t, "far", "beside")
	c.whom()
	const every = unrestLasts / 4
	c.clock.advance(every)
	c.move(t, "x", "here")
	if got := c.whom(); got["x"] != 1 || got["a"]+got["b"] != 0 {
		t.Errorf("asked in the unrest: %v; want x, not a or b", got)
	}
	// b is moved on, and can be asked where it comes to.
	c.clock.advance(every)
	c.move(t, "b", "there")
	if got := c.whom(); got["b"] != 1 || got["a"] != 0 {
		t.Errorf("asked after the resident's move: %v; want b, not a", got)
	}
	c.clock.advance(every)
	c.move(t, "far", "elsewhere")
	c.clock.advance(putOffFor - 2*every - 1)
	settled(c.room)
	if got := c.whom(); got["a"] != 0 {
		t.Errorf("asked too early: %v", got)
	}
	// By the room's own alarm: its loop may take note of the time only now.
	for deadline := time.Now().Add(patience); c.whom()["a"] == 0; runtime.Gosched() {
		c.clock.advance(time.Millisecond)
		if time.Now().After(deadline) {
			t.Fatal("a is never asked")
		}
	}
}

// PF-4: moves in one call don't have publishers of another asked later.
func TestUnrestStaysInItsCall(t *testing.T) {
	c := newCorridor(t)
	c.move(t, "far", "beside")
	c.clock.advance(unrestLasts / 4)
	c.move(t, "x", "here")
	c.clock.advance(unrestLasts / 4)
	c.whom()
	c.move(t, "d", "other")
	if got := c.whom(); got["c"] != 1 || got["d"] != 1 {
		t.Errorf("asked in another call: %v; want c and d", got)
	}
	c.move(t, "y", "here")
	if got := c.whom(); got["a"]+got["b"] != 0 {
		t.Errorf("asked in the unrest: %v; want not a or b", got)
	}
}

// Rooms that are of no call are each for themselves.
func TestUnrestOfARoomAlone(t *testing.T) {
	e, _, _ := fakeRoom(t, newFakeClock(), 2, SmallPool())
	var rooms []*Room
	for _, id := range []string{"one", "two", "three"} {
		r, err := e.OpenRoom(RoomOptions{ID: id, Capacity: 9})
		must(t, err)
		rooms = append(rooms, r)
		must(t, e.Move(context.Background(), addFake(t, e, "in "+id, SmallPool()).Participant, r))
	}
	for _, id := range []string{"a", "b"} {
		p := addFake(t, e, id, SmallPool())
		must(t, e.Move(context.Background(), p.Participant, rooms[0]))
		must(t, e.Move(context.Background(), p.Participant, rooms[1]))
	}
	for i, want := range []bool{true, true, false} {
		if got := rooms[i].unrest.at(e.now()); got != want {
			t.Errorf("unrest in room %d: %v", i, got)
		}
	}
	if len(e.calls) != 0 {
		t.Errorf("the engine keeps %v", e.calls)
	}
}

// SE-18: what is kept of a call ends with its last room.
func TestCallsAreForgotten(t *testing.T) {
	c := newCorridor(t)
	if len(c.e.calls) != 2 {
		t.Errorf("the engine keeps %v; want two calls", c.e.calls)
	}
	for _, id := range []string{"c", "d", "e"} {
		must(t, c.e.Move(context.Background(), c.peers[id].Participant, nil))
	}
	if len(c.e.calls) != 1 || c.e.calls["call"] == nil {
		t.Errorf("the engine keeps %v; want the call that goes on", c.e.calls)
	}
	for _, id := range []string{"here", "there", "elsewhere"} {
		c.e.Room(id).Close(CloseRoomClosed)
	}
	if len(c.e.calls) != 0 {
		t.Errorf("the engine keeps %v", c.e.calls)
	}
}

// PF-4: who comes from another room sees at once a publisher who was asked so
// short a time ago that they can't be again; and doesn't have them asked.
func TestMovedViewerSeesAtOnce(t *testing.T) {
	c := newCorridor(t)
	far, x := c.peers["far"], c.peers["x"]
	must(t, x.SetLayout([]Tile{
		{Participant: "keeper", Source: Camera, Width: 320, Height: 180},
		{Participant: "far", Source: Camera, Width: 320, Height: 180},
	}))
	settled(x.Room())
	c.whom()
	far.recv(far.layer(Camera, 0), true)
	c.clock.advance(keyFrameInterval - 1)
	far.recv(far.layer(Camera, 0), false)
	x.wire.take()
	c.move(t, "x", "elsewhere")
	if got := x.wire.take(); len(got) != 2 {
		t.Errorf("%d packets shown; want the key frame and the next", len(got))
	}
	c.clock.advance(keyFrameInterval)
	if got := c.whom(); got["far"] != 0 {
		t.Errorf("asked: %v; want not far", got)
	}
}

// A publisher is asked for all layers together, at most four times a second
// whoever wants what (libwebrtc counts them together too).
func TestKeyFrameRateOfASource(t *testing.T) {
	c := newCorridor(t)
	a := c.peers["a"]
	s := a.layer(Camera, 0).source
	for _, l := range s.layers {
		a.recv(l, true)
	}
	c.clock.advance(keyFrameInterval)
	settled(c.room)
	c.whom()
	a.wire.takeRTCP()
	asked := 0
	for range 300 { // 3 s
		c.clock.advance(10 * time.Millisecond)
		for _, l := range s.layers {
			s.keys.want(l)
		}
		s.keys.ask(c.e.now())
		asked += c.whom()["a"]
		for _, l := range s.layers {
			a.recv(l, true) // answered at once
		}
	}
	if asked < 8 || asked > 12 {
		t.Errorf("asked %d times in 3 s; want at most 12", asked)
	}
	layers := map[uint32]int{}
	for _, p := range a.wire.takeRTCP() {
		if pli, ok := p.(*rtcp.PictureLossIndication); ok {
			layers[pli.MediaSSRC]++
		}
	}
	for _, l := range s.layers[1:] {
		if n := layers[l.ssrc.Load()]; n < asked-1 || n > asked {
			t.Errorf("layer %s: %d of %d requests", l.rid, n, asked)
		}
	}
}
