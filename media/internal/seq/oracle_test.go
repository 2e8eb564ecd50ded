package seq

import (
	"testing"

	"pgregory.net/rapid"
)

// model is a Rewriter without wraps and bounds: a table of what every incoming
// number became.
type model struct {
	next, last int         // next number to be given, last one sent
	highest    int         // newest incoming
	out        map[int]int // of the present stream
	born       map[int]int // changes counted when a number was given
	changes    int
	ts, lastTS int // ts: outgoing less incoming
}

func (m *model) restart(first int) {
	m.out, m.born = map[int]int{}, map[int]int{}
	m.highest, m.next = first-1, m.last+1
}

func (m *model) give(in int) {
	m.out[in], m.born[in] = m.next, m.changes
	m.next++
}

// upTo reserves the numbers of what lies before in; it says whether that is
// too much to be loss.
func (m *model) upTo(in int) (jumped bool) {
	if m.next+in-m.highest-1-m.last > maxHole {
		m.restart(in - 1)
		m.next++ // stays missing
		m.highest, jumped = in-2, true
	}
	for m.highest++; m.highest < in; m.highest++ {
		m.give(m.highest)
	}
	return jumped
}

// TestRewriterOracle: whatever the order of calls, the numbers are those of
// the model; so they are unique, without holes where nothing was lost, and
// timestamps rise over switches.
func TestRewriterOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Uint16().Draw(t, "base")
		var r Rewriter
		r.Init(base, 1000)
		m := &model{last: int(base) - 1, lastTS: 1000}
		used := map[int]bool{}
		started := false
		use := func(n int) {
			if used[n] {
				t.Fatalf("number %d was given twice", n)
			}
			used[n] = true
		}
		enter := func() {
			first := rapid.IntRange(0, 65535).Draw(t, "first") + 1<<20
			ts := rapid.IntRange(0, 1<<20).Draw(t, "base ts")
			elapsed := rapid.IntRange(1, 9000).Draw(t, "elapsed")
			r.Switch(uint16(first), uint32(ts), uint32(elapsed))
			m.restart(first)
			m.ts = m.lastTS - ts
			if started {
				m.ts += elapsed
			}
		}
		send := func(in, ts int) {
			m.upTo(in)
			m.give(in)
			m.last, started = m.out[in], true
			use(m.last)
			seq, out, ok := r.Rewrite(uint16(in), uint32(ts))
			if !ok || seq != uint16(m.last) {
				t.Fatalf("in %d: %d %t, want %d", in, seq, ok, uint16(m.last))
			}
			if int32(out-uint32(m.lastTS)) < 0 || out != uint32(ts+m.ts) {
				t.Fatalf("timestamp %d after %d, want %d", out, m.lastTS, ts+m.ts)
			}
			m.lastTS = ts + m.ts
		}
		forward := func(in int) { send(in, m.lastTS-m.ts+rapid.IntRange(0, 3000).Draw(t, "ticks")) }
		enter()
		for range rapid.IntRange(1, 120).Draw(t, "calls") {
			call := rapid.SampledFrom([]string{"next number", "next number", "ahead", "drop", "drop ahead", "late", "own", "jump", "switch", "retime"}).Draw(t, "call")
			ahead := m.highest + rapid.IntRange(1, 6).Draw(t, "ahead")
			switch call {
			case "next number":
				forward(m.highest + 1)
			case "ahead":
				forward(ahead)
			case "jump":
				forward(m.highest + rapid.IntRange(900, 32767).Draw(t, "jump"))
			case "drop", "drop ahead":
				if call == "drop" {
					ahead = m.highest + 1
				}
				m.upTo(ahead)
				r.Drop(uint16(ahead))
				m.changes += 2
			case "own":
				m.last, started = m.next, true
				m.next++
				m.changes++
				use(m.last)
				if got := r.Next(); got != uint16(m.last) {
					t.Fatalf("own number %d, want %d", got, uint16(m.last))
				}
			case "switch":
				enter()
			case "retime": // of a frame that begins
				ts, elapsed := m.lastTS-m.ts+rapid.IntRange(1, 3000).Draw(t, "new"), rapid.IntRange(1, 9000).Draw(t, "elapsed")
				r.Retime(uint32(ts), uint32(elapsed))
				m.ts = m.lastTS + elapsed - ts
				send(m.highest+1, ts)
			case "late":
				if late(t, &r, m) {
					started = true
				}
			}
		}
	})
}

// late sends a number that was passed over; it says whether it was taken. It
// may be refused when it is beyond the history.
func late(t *rapid.T, r *Rewriter, m *model) bool {
	in := m.highest - rapid.IntRange(0, 200).Draw(t, "behind")
	want, known := m.out[in]
	seq, _, ok := r.Rewrite(uint16(in), uint32(m.lastTS-m.ts))
	if !ok {
		if known && m.changes-m.born[in] < runs-2 {
			t.Fatalf("late %d was refused", in)
		}
		return false
	}
	if !known || seq != uint16(want) {
		t.Fatalf("late %d: %d, want %d (%t)", in, seq, uint16(want), known)
	}
	m.last = max(m.last, want)
	return true
}

// FuzzRewriter feeds arbitrary calls: no panic, no number given twice to two
// different packets while the history covers both.
func FuzzRewriter(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 0, 2, 2, 0, 0, 0, 0, 3, 3, 255, 255, 0, 0, 1})
	f.Fuzz(func(t *testing.T, calls []byte) {
		var r Rewriter
		for ; len(calls) >= 3; calls = calls[3:] {
			in := uint16(calls[1])<<8 | uint16(calls[2])
			before, beforeTS, started := r.LastOut()
			switch calls[0] % 4 {
			case 0:
				seq, _, ok := r.Rewrite(in, uint32(in)*90)
				if skipped := seq - before; ok && started && skipped > maxHole+1 && skipped < 1<<15 {
					t.Fatalf("skipped %d numbers (SE-11)", skipped)
				}
			case 1:
				r.Drop(in)
				if seq, _, _ := r.LastOut(); seq != before {
					t.Fatal("a drop advanced the stream")
				}
			case 2:
				r.Switch(in, uint32(in), 1)
			case 3:
				if seq := r.Next(); seq-before > maxHole+1 {
					t.Fatalf("own number %d after %d", seq, before)
				}
			}
			if _, ts, _ := r.LastOut(); started && int32(ts-beforeTS) < 0 {
				t.Fatalf("timestamp fell from %d to %d", beforeTS, ts)
			}
		}
	})
}
