package nack

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func TestReceived(t *testing.T) {
	type packet struct {
		number          uint16
		duplicate, late bool
	}
	tests := []struct {
		name    string
		packets []packet
		missing int
	}{
		{"in order", []packet{{5, false, false}, {6, false, false}}, 0},
		{"over the wrap", []packet{{65534, false, false}, {65535, false, false}, {0, false, false}, {65535, true, false}}, 0},
		{"gap", []packet{{5, false, false}, {9, false, false}}, 3},
		{"gap over the wrap", []packet{{65534, false, false}, {1, false, false}, {65535, false, true}, {0, false, true}, {0, true, false}}, 0},
		{"recovered", []packet{{5, false, false}, {7, false, false}, {6, false, true}, {6, true, false}}, 0},
		{"duplicate of the newest", []packet{{5, false, false}, {5, true, false}}, 0},
		{"padding of old packets", []packet{{5, false, false}, {6, false, false}, {7, false, false}, {5, true, false}, {6, true, false}, {7, true, false}}, 0},
		{"reordered at the start", []packet{{5, false, false}, {4, false, true}, {4, true, false}, {6, false, false}}, 0},
		{"reordered at the start over zero", []packet{{0, false, false}, {65535, false, true}, {65535, true, false}}, 0},
		{"too old to tell", []packet{{5000, false, false}, {5000 - window, true, false}, {5001, false, false}}, 0},
		{"oldest of the window", []packet{{5000, false, false}, {5001 - window, false, true}, {5001 - window, true, false}}, 0},
		{"restart at a lower number", []packet{{5000, false, false}, {100, true, false}, {101, false, false}, {102, false, false}, {101, true, false}}, 0},
		{"two old ones that aren't a restart", []packet{{5000, false, false}, {100, true, false}, {5001, false, false}, {101, true, false}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := New(Config{})
			for i, p := range tt.packets {
				if duplicate, late := g.Received(p.number, 0); duplicate != p.duplicate || late != p.late {
					t.Fatalf("packet %d: duplicate %t late %t", i, duplicate, late)
				}
			}
			if g.Missing() != tt.missing {
				t.Errorf("%d missing, want %d", g.Missing(), tt.missing)
			}
		})
	}
}

// A window that wraps around its bits must not take a new number for one of
// 1024 before.
func TestReceivedWindowIsCleared(t *testing.T) {
	for _, skip := range []uint16{1, 2, 100, window - 1, window, window + 1, 30000} {
		g := New(Config{})
		number := uint16(60000)
		for range 2 * window {
			g.Received(number, 0)
			number++
		}
		last := number - 1 + skip
		g.Received(last, 0)
		for back := uint16(1); back < min(skip, window); back++ {
			if duplicate, late := g.Received(last-back, 0); duplicate || !late {
				t.Fatalf("skip %d, %d back: duplicate %t late %t", skip, back, duplicate, late)
			}
		}
	}
}

// Row by row: what is asked for at which time.
func TestDue(t *testing.T) {
	g := New(Config{})
	for _, number := range []uint16{65533, 65534, 0} { // 65535 is missing at 0
		g.Received(number, 0)
	}
	rows := []struct {
		at   time.Duration
		come []uint16
		want []uint16
	}{
		{0, nil, nil}, // may be reordered
		{9 * ms, nil, nil},
		{10 * ms, nil, []uint16{65535}},           // reorder time
		{11 * ms, []uint16{2}, nil},               // 1 is missing now
		{12 * ms, []uint16{3}, []uint16{1}},       // two newer ones came
		{59 * ms, nil, nil},                       // 40 ms RTT + a quarter from 10 ms
		{60 * ms, nil, []uint16{65535}},           // second try
		{62 * ms, []uint16{65535}, []uint16{1}},   // recovered
		{112 * ms, nil, []uint16{1}},              // third try
		{900 * ms, []uint16{4, 6}, nil},           // no fourth
		{910 * ms, nil, []uint16{5}},              // another
		{1011 * ms, []uint16{5}, nil},             // 1 is given up
		{1012 * ms, []uint16{8, 9}, []uint16{7}},  // another
		{1012 * ms, nil, nil},                     // not twice at once
		{1062 * ms, nil, []uint16{7}},             // again
		{1100 * ms, []uint16{7, 10, 11, 12}, nil}, // recovered
	}
	for _, row := range rows {
		for _, number := range row.come {
			g.Received(number, row.at)
		}
		if got := g.Due(row.at, 40*ms, nil); !slices.Equal(got, row.want) {
			t.Fatalf("at %v: asked for %v, want %v", row.at, got, row.want)
		}
	}
	if g.Lost() != 1 || g.Missing() != 0 || g.NeedKeyFrame() {
		t.Errorf("lost %d, missing %d", g.Lost(), g.Missing())
	}
}

func TestDueSpacing(t *testing.T) {
	tests := []struct {
		name     string
		rtt      time.Duration
		expected time.Duration
	}{
		{"unknown", 0, 125 * ms},
		{"tiny", ms, 20 * ms},
		{"long", 200 * ms, 250 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := New(Config{})
			g.Received(1, 0)
			g.Received(3, 0)
			var asked []time.Duration
			for now := time.Duration(0); now < 2*time.Second; now += 5 * ms {
				if len(g.Due(now, tt.rtt, nil)) > 0 {
					asked = append(asked, now)
				}
			}
			if len(asked) != 3 || asked[1]-asked[0] != tt.expected || asked[2]-asked[1] != tt.expected {
				t.Errorf("asked at %v", asked)
			}
		})
	}
}

func TestDueAppends(t *testing.T) {
	g := New(Config{})
	g.Received(1, 0)
	g.Received(4, 0)
	if got := g.Due(20*ms, 0, []uint16{9}); !slices.Equal(got, []uint16{9, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestBigGap(t *testing.T) {
	tests := []struct {
		name    string
		numbers []uint16
		key     bool
		missing int
		lost    uint64
	}{
		{"most", []uint16{0, 257}, false, 256, 0},
		{"one more", []uint16{0, 258}, true, 0, 257},
		{"in sum", []uint16{0, 200, 300}, true, 0, 199 + 99},
		{"restart", []uint16{0, 30000}, true, 0, 0},
		{"restart with some missing", []uint16{0, 10, 30000}, true, 0, 9},
		{"goes on after it", []uint16{0, 300, 302}, true, 1, 299},
		{"restart at a lower number", []uint16{5000, 5005, 100, 101}, true, 0, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := New(Config{})
			for _, number := range tt.numbers {
				g.Received(number, 0)
			}
			if key := g.NeedKeyFrame(); key != tt.key || g.Missing() != tt.missing || g.Lost() != tt.lost {
				t.Errorf("key frame %t, missing %d, lost %d", key, g.Missing(), g.Lost())
			}
			if g.NeedKeyFrame() {
				t.Error("a key frame is needed twice")
			}
		})
	}
}

func TestReset(t *testing.T) {
	g := New(Config{})
	g.Received(1, 0)
	g.Received(400, 0)
	g.Received(402, 0)
	g.Reset()
	if g.Missing() != 0 || g.NeedKeyFrame() || len(g.Due(time.Hour, 0, nil)) != 0 {
		t.Error("something is left")
	}
	if duplicate, late := g.Received(402, 0); duplicate || late || g.Missing() != 0 {
		t.Error("the next packet didn't start anew")
	}
}

// TestLossyLink drives a generator over a link with loss, reordering and
// padding probes. It must ask for nothing it has, never more than three times,
// never sooner than the round-trip time, know every duplicate, and recover
// what can be.
func TestLossyLink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loss := rapid.IntRange(0, 30).Draw(t, "loss")
		rtt := time.Duration(rapid.IntRange(1, 250).Draw(t, "rtt")) * ms
		percent := rapid.IntRange(0, 99)
		l := link{
			t: t, g: New(Config{}), rtt: rtt, next: uint64(rapid.Uint16().Draw(t, "first")) + 1<<16,
			got: map[uint64]bool{}, tries: map[uint16]int{}, asked: map[uint16]time.Duration{},
			lost: func() bool { return percent.Draw(t, "luck") < loss },
		}
		l.first = l.next
		l.g.Received(uint16(l.next), 0)
		l.got[l.next] = true
		l.next++
		for now := time.Duration(0); now < 700*ms; now += 10 * ms {
			l.step(now, now < 400*ms)
		}
		l.g.Due(3*time.Second, rtt, nil)
		missing := uint64(0)
		for n := l.first; n < l.newest; n++ {
			if !l.got[n] {
				missing++
			}
		}
		if l.g.Missing() != 0 || l.g.Lost() != missing {
			t.Fatalf("lost %d, want %d; %d missing", l.g.Lost(), missing, l.g.Missing())
		}
	})
}

type arrival struct {
	at     time.Duration
	number uint64
}

type link struct {
	t                   *rapid.T
	g                   *Generator
	rtt                 time.Duration
	lost                func() bool
	first, next, newest uint64
	flight              []arrival
	got                 map[uint64]bool
	tries               map[uint16]int
	asked               map[uint16]time.Duration
}

func (l *link) step(now time.Duration, send bool) {
	if send {
		for i := range 3 {
			if !l.lost() {
				// Every third overtakes by up to 5 ms.
				l.flight = append(l.flight, arrival{now + time.Duration(5*(i%2))*ms, l.next})
			}
			l.next++
		}
		if l.lost() && l.got[l.next-5] { // a padding probe
			l.flight = append(l.flight, arrival{now, l.next - 5})
		}
	}
	slices.SortStableFunc(l.flight, func(a, b arrival) int { return int(a.at - b.at) })
	for len(l.flight) > 0 && l.flight[0].at <= now {
		n := l.flight[0].number
		l.flight = l.flight[1:]
		if duplicate, _ := l.g.Received(uint16(n), now); duplicate != l.got[n] {
			l.t.Fatalf("%d: duplicate %t, want %t", n, duplicate, l.got[n])
		}
		l.got[n] = true
		l.newest = max(l.newest, n)
	}
	for _, number := range l.g.Due(now, l.rtt, nil) {
		n := l.next - uint64(uint16(l.next)-number)
		if l.got[n] {
			l.t.Fatalf("asked for %d, which is here", n)
		}
		if l.tries[number]++; l.tries[number] > 3 {
			l.t.Fatalf("asked for %d four times", n)
		}
		if l.tries[number] > 1 && now-l.asked[number] < l.rtt {
			l.t.Fatalf("asked for %d again after %v", n, now-l.asked[number])
		}
		l.asked[number] = now
		if !l.lost() {
			l.flight = append(l.flight, arrival{now + l.rtt, n})
		}
	}
}

// FuzzGenerator (SE-10): arbitrary numbers and times keep the bounds.
func FuzzGenerator(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 5, 3, 0, 9, 50, 255, 255, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		g := New(Config{})
		now := time.Duration(0)
		asked := 0
		for ; len(b) >= 3; b = b[3:] {
			now += time.Duration(b[2]) * ms
			number := uint16(b[0])<<8 | uint16(b[1])
			g.Received(number, now)
			if duplicate, _ := g.Received(number, now); !duplicate && g.has(g.highest) && uint16(g.highest) != number {
				t.Fatalf("%d came twice and is no duplicate", number)
			}
			asked += len(g.Due(now, 30*ms, nil))
			if g.Missing() > 256 {
				t.Fatalf("%d missing", g.Missing())
			}
			if !slices.IsSortedFunc(g.missing, func(a, b missing) int { return int(a.number - b.number) }) {
				t.Fatal("not in order")
			}
		}
	})
}

func TestGeneratorAllocs(t *testing.T) {
	g := New(Config{})
	number, now := uint16(0), time.Duration(0)
	out := make([]uint16, 0, 256)
	pairs := make([]NackPair, 0, 256)
	run := func() {
		g.Received(number, now)
		g.Received(number+2, now) // the one between is lost
		g.Received(number+3, now)
		g.Received(number+5, now)
		out = g.Due(now, 30*ms, out[:0])
		pairs = Pairs(out, pairs[:0])
		g.Received(number+4, now) // recovered
		number, now = number+6, now+20*ms
	}
	for range 100 {
		run()
	}
	if n := testing.AllocsPerRun(200, run); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}

func BenchmarkReceived(b *testing.B) {
	g := New(Config{})
	number := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		g.Received(number, 0)
		number++
	}
}
