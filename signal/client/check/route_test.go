package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// Media that came before the map that names it has begun with its key frame:
// an older map, which shows the slot empty, doesn't make it begin again.
func TestMediaBeforeItsMap(t *testing.T) {
	for name, maps := range map[string][]string{"the first map": nil, "not the first": {"-"}, "after another": {"b", "-"}} {
		s, m := NewStream(true, 90_000), newMaker("a")
		expect := func(who string) {
			if who == "-" {
				s.Expect(0, at(0))
			} else {
				s.Expect(stamp.ID(who), at(0))
			}
		}
		for _, who := range maps {
			expect(who)
		}
		s.Receive(m.packet(true, true, 0), at(1))
		expect("-")
		s.Receive(m.packet(false, false, 0), at(2))
		expect("a")
		s.Receive(m.packet(true, false, 0), at(3))
		if got := s.Counts().NoKeyFrame; got != 0 {
			t.Errorf("%s: counted %d", name, got)
		}
	}
	// But who comes back to a slot that was shut begins with a key frame.
	s, m := NewStream(true, 90_000), newMaker("a")
	s.Expect(stamp.ID("a"), at(0))
	s.Receive(m.packet(true, true, 0), at(1))
	s.Expect(0, at(2))
	s.Expect(stamp.ID("a"), at(2000))
	s.Receive(m.packet(true, false, 0), at(2001))
	if got := s.Counts().NoKeyFrame; got != 1 {
		t.Errorf("back without a key frame: counted %d, want 1", got)
	}
}

// A slot that goes from a to b and back to a within moments: the key frame of
// the second time may come before the map of b has been left.
func TestMediaBeforeTheNextMapButOne(t *testing.T) {
	s, a, b := NewStream(true, 90_000), newMaker("a"), newMaker("b")
	s.Expect(stamp.ID("a"), at(0))
	s.Expect(stamp.ID("b"), at(1))
	s.Receive(a.packet(true, true, 0), at(2))
	if !s.Expect(stamp.ID("a"), at(3)) {
		t.Error("not open although the key frame was there before the map")
	}
	s.Receive(a.packet(true, false, 2), at(4))
	if got := s.Counts(); got.NoKeyFrame != 0 || got.Late != 1 {
		t.Errorf("counted %d without a key frame, %d late", got.NoKeyFrame, got.Late)
	}
	// But not when b has come in between.
	s.Expect(stamp.ID("b"), at(5))
	s.Receive(a.packet(true, true, 0), at(6))
	b.number, b.timestamp = a.number, a.timestamp
	s.Receive(b.packet(true, true, 0), at(7))
	s.Expect(stamp.ID("a"), at(8))
	a.number, a.timestamp = b.number, b.timestamp
	s.Receive(a.packet(true, false, 2), at(9))
	if got := s.Counts().NoKeyFrame; got != 1 {
		t.Errorf("back without a key frame: counted %d, want 1", got)
	}
}

// Isolation: whose media comes is judged with a grace of a second either way,
// and in the end every packet of a stranger is counted.
func TestRoute(t *testing.T) {
	type event struct {
		ms     int
		expect string // a map comes, or
		packet string // a packet
	}
	rows := []struct {
		name   string
		events []event
		want   Counts
	}{
		{"as the map says", []event{{0, "a", ""}, {1, "", "a"}, {2, "b", ""}, {3, "", "b"}}, Counts{}},
		{"the old one a little late", []event{{0, "a", ""}, {1, "b", ""}, {2, "", "a"}, {3, "", "b"}}, Counts{Late: 1}},
		{"the old one too late", []event{{0, "a", ""}, {1, "b", ""}, {1001, "", "a"}, {5000, "", "b"}}, Counts{Misrouted: 1}},
		{"the one before last", []event{{0, "a", ""}, {1, "b", ""}, {2, "c", ""}, {3, "", "a"}}, Counts{Late: 1}},
		{"the new one a little early", []event{{0, "a", ""}, {1, "", "b"}, {2, "", "b"}, {3, "b", ""}}, Counts{Early: 2}},
		{"the new one before the slot was shut", []event{{0, "a", ""}, {1, "", "b"}, {2, "-", ""}, {3, "b", ""}}, Counts{Early: 1}},
		{"nobody's slot", []event{{0, "-", ""}, {1, "", "a"}, {3000, "-", ""}}, Counts{Misrouted: 1}},
		{"a stranger", []event{{0, "a", ""}, {1, "", "x"}, {2, "", "x"}, {3000, "", "a"}}, Counts{Misrouted: 2}},
		{"two strangers", []event{{0, "a", ""}, {1, "", "x"}, {2, "", "y"}, {3, "b", ""}}, Counts{Misrouted: 2}},
		{"a stranger who stays", []event{{0, "a", ""}, {1, "", "x"}, {1500, "", "x"}, {1501, "", "x"}, {1502, "x", ""}}, Counts{Misrouted: 3}},
		{"no map yet", []event{{1, "", "x"}, {2, "", "y"}}, Counts{}},
	}
	for _, row := range rows {
		s := NewStream(false, 48_000)
		timestamp := uint32(0)
		for _, e := range row.events {
			switch {
			case e.expect == "-":
				s.Expect(0, at(e.ms))
			case e.expect != "":
				s.Expect(stamp.ID(e.expect), at(e.ms))
			default:
				timestamp += 960
				payload := make([]byte, 60)
				stamp.Put(payload, stamp.Stamp{Publisher: stamp.ID(e.packet)})
				s.Receive(&Packet{Sequence: uint16(timestamp / 960), Timestamp: timestamp, Payload: payload}, at(e.ms))
			}
		}
		s.Expire(at(9000))
		got := s.Counts()
		got = Counts{Early: got.Early, Late: got.Late, Misrouted: got.Misrouted}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}

// A slot is open when media of whom the map names has come, whichever is first.
func TestOpened(t *testing.T) {
	s, m := NewStream(true, 90_000), newMaker("a")
	if s.Expect(stamp.ID("a"), at(0)) {
		t.Error("open before anything came")
	}
	if out := s.Receive(m.packet(true, false, 0), at(1)); out.Opened {
		t.Error("opened by a delta frame")
	}
	if out := s.Receive(m.packet(true, true, 0), at(2)); !out.Opened {
		t.Error("not opened by a key frame")
	}
	if out := s.Receive(m.packet(true, true, 0), at(3)); out.Opened {
		t.Error("opened twice")
	}
	m.who = "b"
	if out := s.Receive(m.packet(true, true, 0), at(4)); out.Opened {
		t.Error("opened by somebody else")
	}
	if !s.Expect(stamp.ID("b"), at(5)) {
		t.Error("not open although the key frame was there before the map")
	}
	if !s.Expect(stamp.ID("b"), at(6)) {
		t.Error("the same map again closed it")
	}
}
