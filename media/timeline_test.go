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
		{"nearly too late to believe", ms(40), ms(2040), 3600, false},
		{"too late to believe: the line begins anew", ms(40), ms(2041), 2041 * 90, false},
		{"days later", 40 * time.Hour, 40*time.Hour + ms(7), uint32(40 * 3600 * videoClock % (1 << 32)), false},
	} {
		var l timeline
		l.begin(time.Hour, last)
		got, behind := l.elapsed(last, time.Hour+row.captured, row.gap, videoClock)
		if got != row.want || behind != row.behind {
			t.Errorf("%s: %d ticks, behind %t; want %d, %t", row.name, got, behind, row.want, row.behind)
		}
		if !row.behind {
			after, _ := l.elapsed(last+got, time.Hour+row.captured+ms(20), ms(20), videoClock)
			if after != 1800 {
				t.Errorf("%s: what is captured 20 ms later comes %d ticks later", row.name, after)
			}
		}
	}
}

// Lip-sync: the sender reports of a slot say the same of its timestamps however
// often it has been switched, whatever the publishers' clocks say, however late
// their key frames are and whatever is replayed. Receivers go by a line through
// reports of before the switch too, and hold sound or picture back by what they
// find them apart.
func TestReportsKeepToOneLine(t *testing.T) {
	const frame = time.Second / 30
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a", "b", "c")
	viewer, publishers := peers[0], peers[1:]
	rng := rand.New(rand.NewPCG(3, 3))
	slot := viewer.transport.slots[1]
	var line, worst time.Duration
	for n := range uint32(1800) {
		captured := e.now()
		for i, p := range publishers {
			l := p.layer(Camera, 0)
			if n%30 == 0 {
				theirs := clock.Now().Add(time.Duration(i+1) * time.Hour)
				reported(l, uint32(p.seq[l])*3000, theirs, captured+time.Duration(rng.IntN(5))*time.Millisecond)
			}
			key := (n+uint32(i)*7)%37 == 0
			late := time.Duration(rng.IntN(10)) * time.Millisecond
			if key {
				late += 50 * time.Millisecond
			}
			l.handle(p.raw(l, key), captured+late)
		}
		if n%50 == 0 {
			p := publishers[int(n/50)%len(publishers)]
			must(t, viewer.SetLayout([]Tile{{Participant: p.id, Source: Camera, Width: 320, Height: 180}}))
			settled(r)
		}
		clock.advance(frame)
		for _, p := range viewer.wire.takeRTCP() {
			sr, ok := p.(*rtcp.SenderReport)
			if !ok || sr.SSRC != slot.binding.ssrc || n%50 < 40 {
				continue // the switch itself may need a frame's time
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
