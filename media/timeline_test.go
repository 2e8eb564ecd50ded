package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

func TestTimeline(t *testing.T) {
	const last = math.MaxUint32 - 100 // it wraps
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, row := range []struct {
		name          string
		captured, gap time.Duration // since the line's beginning; since the last packet
		want          uint32
		behind        bool
	}{
		{"on time", ms(40), ms(40), 3600, false},
		{"late: it is where it was captured", ms(40), ms(120), 3600, false},
		{"early: the last was late", ms(40), ms(5), 3600, false},
		{"as old as the last", ms(0), ms(40), 1, true},
		{"older than the last", ms(-90), ms(10), 1, true},
		{"nearly too late to believe", ms(40), ms(340), 3600, false},
		{"too late to believe: the line begins anew", ms(40), ms(341), 341 * 90, false},
		{"nearly too early to believe", ms(340), ms(40), 340 * 90, false},
		{"too early to believe", ms(341), ms(40), 3600, false},
		{"days later", 40 * time.Hour, 40*time.Hour + ms(7), uint32(40 * 3600 * videoClock % (1 << 32)), false},
	} {
		var l timeline
		l.begin(time.Hour, last)
		got, behind := l.elapsed(last, time.Hour+row.captured, row.gap, videoClock, maxPictureOff)
		if got != row.want || behind != row.behind {
			t.Errorf("%s: %d ticks, behind %t; want %d, %t", row.name, got, behind, row.want, row.behind)
		}
		if !row.behind {
			after, _ := l.elapsed(last+got, time.Hour+row.captured+ms(20), ms(20), videoClock, maxPictureOff)
			if after != 1800 {
				t.Errorf("%s: what is captured 20 ms later comes %d ticks later", row.name, after)
			}
		}
	}
}

// cameras are publishers whose clocks are hours apart and whose key frames are late,
// and a viewer who has another of them on the stage every fifty frames.
type cameras struct {
	clock      *fakeClock
	room       *Room
	viewer     *fakePeer
	publishers []*fakePeer
	rng        *rand.Rand
	frames     uint32
}

func newCameras(t *testing.T, seed uint64) *cameras {
	t.Helper()
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a", "b", "c")
	return &cameras{clock: clock, room: r, viewer: peers[0], publishers: peers[1:], rng: rand.New(rand.NewPCG(seed, seed))}
}

// frame has each of them send one, and report once a second.
func (c *cameras) frame(t *testing.T) {
	t.Helper()
	n, captured := c.frames, c.room.engine.now()
	c.frames++
	for i, p := range c.publishers {
		l := p.layer(Camera, 0)
		if n%30 == 0 {
			theirs := c.clock.Now().Add(time.Duration(i+1) * time.Hour)
			reported(l, uint32(p.seq[l])*3000, theirs, captured+time.Duration(c.rng.IntN(5))*time.Millisecond)
		}
		key := (n+uint32(i)*7)%37 == 0
		late := time.Duration(c.rng.IntN(10)) * time.Millisecond
		if key {
			late += 50 * time.Millisecond
		}
		l.handle(p.raw(l, key), captured+late)
	}
	if n%50 == 0 {
		p := c.publishers[int(n/50)%len(c.publishers)]
		must(t, c.viewer.SetLayout([]Tile{{Participant: p.id, Source: Camera, Width: 320, Height: 180}}))
	}
	settled(c.room)
}

// Lip-sync: the sender reports of a slot say the same of its timestamps however
// often it has been switched, whatever the publishers' clocks say, however late
// their key frames are and whatever is replayed. Receivers go by a line through
// reports of before the switch too, and hold sound or picture back by what they
// find them apart.
func TestReportsKeepToOneLine(t *testing.T) {
	const frame = time.Second / 30
	c := newCameras(t, 3)
	viewer := c.viewer
	slot := viewer.transport.slots[1]
	var line, worst time.Duration
	for range 1800 {
		c.frame(t)
		c.clock.advance(frame)
		for _, p := range viewer.wire.takeRTCP() {
			sr, ok := p.(*rtcp.SenderReport)
			if !ok || sr.SSRC != slot.binding.ssrc {
				continue
			}
			// What the report says was captured at timestamp 0, from where it said so first.
			origin := ntpDuration(sr.NTPTime) - time.Duration(int64(int32(sr.RTPTime))*int64(time.Second)/videoClock)
			if line == 0 {
				line = origin
			}
			worst = max(worst, (origin - line).Abs())
		}
		viewer.wire.take()
	}
	if line == 0 || worst > 10*time.Millisecond {
		t.Errorf("off by %v after 36 switches; reports seen: %t", worst, line != 0)
	}
}

// Nobody's reports harm who comes after them: whoever leaps ahead, or lags
// behind, the next one's timestamps go on as they come, but for what a key frame
// may be late (sound: less than it takes to lose a syllable).
func TestNobodyTakesTheLineAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind SourceKind
		leap time.Duration // of the first one's timestamps, against their reports before
		most time.Duration
	}{
		{"a picture leaps ahead", Camera, 1900 * time.Millisecond, maxPictureOff},
		{"a picture leaps a little ahead", Camera, 250 * time.Millisecond, maxPictureOff},
		{"sound leaps ahead", Microphone, 1900 * time.Millisecond, maxSoundOff},
		{"sound leaps a little ahead", Microphone, 50 * time.Millisecond, maxSoundOff},
		{"sound is late", Microphone, -1500 * time.Millisecond, maxSoundOff},
	} {
		clock := newFakeClock()
		e, _, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
		viewer, a := peers[0], peers[1]
		l := a.layer(tt.kind, 0)
		s := viewer.transport.slots[0]
		if tt.kind.Video() {
			s = viewer.transport.slots[1]
		}
		rate := l.clockRate
		last := uint32(1_000_000)
		s.timeline.begin(e.now(), last) // on the line
		s.started, s.lastAt = true, e.now()
		s.seq.Switch(1, last, 1)
		_, _, _ = s.seq.Rewrite(1, last+uint32(ticksIn(tt.leap, rate)))
		clock.advance(20 * time.Millisecond)
		_, before, _ := s.seq.LastOut()
		got := s.elapsedLocked(l, e.now(), e.now())
		if want := 20 * time.Millisecond; time.Duration(got)*time.Second/time.Duration(rate) > want+tt.most {
			t.Errorf("%s: the next comes %d ticks after it, of %d a second", tt.name, got, rate)
		}
		// And what follows as it is captured, but for as much.
		s.seq.Switch(2, 0, got)
		_, first, _ := s.seq.Rewrite(2, 0)
		s.lastAt = e.now()
		clock.advance(tt.most)
		next := s.elapsedLocked(l, e.now(), e.now())
		if next < 2 {
			t.Errorf("%s: %v later the line isn't caught up with (%d, %d, %d ticks)", tt.name, tt.most, first-before, got, next)
		}
	}
}

// Between two sizes of one picture goes what is between what they show, however far
// the publisher's clock has drifted off the line by then.
func TestLayersOfOneSourceKeepTheirDistance(t *testing.T) {
	clock := newFakeClock()
	e, _, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
	s := peers[0].transport.slots[1]
	q, f := peers[1].layer(Camera, 0), peers[1].layer(Camera, 2)
	clock.advance(10 * time.Second)
	drifted := e.now() - 9*time.Second
	q.report.Store(&senderReport{rtp: 90_000, at: drifted})
	f.report.Store(&senderReport{rtp: 5_000_000, at: drifted})
	s.timeline.begin(0, 0)
	s.started, s.lastAt, s.lastTS, s.recent[0] = true, e.now(), 90_000, q
	p := packet{at: e.now() + 70*time.Millisecond}
	p.rtp.Timestamp = 5_000_000 + 3000 // a thirtieth of a second after what was shown last
	if got := s.sinceLocked(f, &p); got < 2999 || got > 3000 {
		t.Errorf("%d ticks; want 3000", got)
	}
}
