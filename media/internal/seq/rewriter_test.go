package seq

import "testing"

// call is one call on a Rewriter and what it must answer.
type call struct {
	do   string // rewrite, refuse (a Rewrite that must fail), drop, next, switch
	in   uint16
	ts   uint32 // incoming; elapsed of a switch is 10
	want uint16
	out  uint32
}

func TestRewriter(t *testing.T) {
	tests := []struct {
		name  string
		calls []call
	}{
		{"first stream starts at the base", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 6, 103, 65535, 1003}, {"rewrite", 7, 106, 0, 1006}}},
		{"incoming wrap", []call{
			{"rewrite", 65535, 100, 65534, 1000}, {"rewrite", 0, 100, 65535, 1000}, {"rewrite", 1, 100, 0, 1000}}},
		{"timestamp wrap", []call{
			{"rewrite", 5, 0xFFFFFFFF, 65534, 1000}, {"rewrite", 6, 9, 65535, 1010}}},
		{"loss stays a hole", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 8, 103, 1, 1003}}},
		{"late packets keep their number", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 8, 103, 1, 1003}, {"rewrite", 7, 102, 0, 1002},
			{"rewrite", 6, 101, 65535, 1001}, {"rewrite", 9, 104, 2, 1004}}},
		{"late over the wrap", []call{
			{"rewrite", 65535, 100, 65534, 1000}, {"rewrite", 2, 103, 1, 1003}, {"rewrite", 0, 101, 65535, 1001}, {"rewrite", 1, 102, 0, 1002}}},
		{"dropped numbers close up", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 6, 0, 0, 0}, {"drop", 7, 0, 0, 0}, {"rewrite", 8, 103, 65535, 1003},
			{"drop", 9, 0, 0, 0}, {"rewrite", 10, 104, 0, 1004}, {"refuse", 7, 0, 0, 0}, {"refuse", 9, 0, 0, 0}}},
		{"late between dropped", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 6, 0, 0, 0}, {"drop", 8, 0, 0, 0}, {"rewrite", 9, 103, 0, 1003},
			{"rewrite", 7, 102, 65535, 1002}, {"refuse", 6, 0, 0, 0}, {"refuse", 8, 0, 0, 0}}},
		{"a late drop leaves the hole", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 7, 101, 0, 1001}, {"drop", 6, 0, 0, 0}, {"rewrite", 8, 102, 1, 1002}}},
		{"drop before the stream", []call{{"drop", 4, 0, 0, 0}, {"rewrite", 5, 100, 65534, 1000}}},
		{"switch continues", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 900, 77, 0, 0}, {"rewrite", 900, 77, 65535, 1010}, {"rewrite", 901, 80, 0, 1013}}},
		{"before the switch is refused", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 900, 77, 0, 0}, {"refuse", 899, 77, 0, 0}, {"rewrite", 900, 77, 65535, 1010},
			{"refuse", 899, 77, 0, 0}, {"rewrite", 901, 77, 0, 1010}}},
		{"before a switch at zero is refused", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 0, 77, 0, 0}, {"refuse", 65535, 77, 0, 0}, {"rewrite", 0, 77, 65535, 1010}}},
		{"switch, first packet lost", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 65535, 77, 0, 0}, {"rewrite", 1, 78, 1, 1011}, {"rewrite", 65535, 77, 65535, 1010}}},
		{"switch twice", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 900, 77, 0, 0}, {"switch", 50, 7, 0, 0}, {"rewrite", 50, 7, 65535, 1010}}},
		{"switch takes back holes before drops", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 8, 0, 0, 0}, {"switch", 900, 77, 0, 0}, {"rewrite", 900, 77, 65535, 1010}}},
		{"switch after a late packet before a drop", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 7, 0, 0, 0}, {"rewrite", 6, 101, 65535, 1001}, {"switch", 900, 77, 0, 0}, {"rewrite", 900, 77, 0, 1011}}},
		{"switch to a dropped packet", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 900, 77, 0, 0}, {"drop", 900, 0, 0, 0}, {"rewrite", 901, 77, 65535, 1010}}},
		{"timestamps go on from the highest", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 6, 90, 65535, 990}, {"switch", 900, 77, 0, 0}, {"rewrite", 900, 77, 0, 1010}}},
		{"next shifts what follows", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"next", 0, 0, 65535, 0}, {"next", 0, 0, 0, 0}, {"rewrite", 6, 101, 1, 1001}}},
		{"next leaves holes open", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 7, 101, 0, 1001}, {"next", 0, 0, 1, 0}, {"rewrite", 6, 100, 65535, 1000}, {"rewrite", 8, 102, 2, 1002}}},
		{"next after a dropped packet and a hole", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 7, 0, 0, 0}, {"next", 0, 0, 0, 0}, {"rewrite", 6, 100, 65535, 1000}, {"rewrite", 8, 102, 1, 1002}}},
		{"next first", []call{{"next", 0, 0, 65534, 0}, {"rewrite", 5, 100, 65535, 1001}}},
		{"next between switch and packet", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"switch", 900, 77, 0, 0}, {"next", 0, 0, 65535, 0}, {"rewrite", 900, 77, 0, 1010}}},
		{"a jump of 1000 is loss", []call{{"rewrite", 5, 100, 0xFFFE, 1000}, {"rewrite", 1005, 101, 998, 1001}}},
		{"a longer jump is a hole of two, of which one may be filled", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 1006, 101, 1, 1001}, {"refuse", 1004, 0, 0, 0}, {"refuse", 6, 0, 0, 0},
			{"rewrite", 1005, 101, 0, 1001}, {"rewrite", 1007, 102, 2, 1002}}},
		{"a jump to another timestamp base", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 30005, 50, 1, 4000}, {"rewrite", 30006, 60, 2, 4010}}},
		{"a jump with a timestamp far ahead", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 30005, 900_200, 1, 4000}}},
		{"a jump with a plausible timestamp", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"rewrite", 30005, 900_100, 1, 901_000}}},
		{"a jump to a dropped packet", []call{
			{"rewrite", 5, 100, 65534, 1000}, {"drop", 30005, 0, 0, 0}, {"rewrite", 30006, 101, 1, 1001}}},
		{"a straggler from far behind is refused", []call{
			{"rewrite", 5000, 100, 65534, 1000}, {"refuse", 100, 0, 0, 0}, {"rewrite", 5001, 101, 65535, 1001}, {"refuse", 101, 0, 0, 0}}},
		{"two in a row from far behind are a restart", []call{
			{"rewrite", 5000, 100, 65534, 1000}, {"refuse", 100, 7, 0, 0}, {"rewrite", 101, 8, 1, 4000}, {"rewrite", 102, 9, 2, 4001},
			{"rewrite", 100, 7, 0, 3999}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Rewriter
			r.Init(65534, 1000)
			for i, c := range tt.calls {
				check(t, &r, i, c)
			}
		})
	}
}

func check(t *testing.T, r *Rewriter, i int, c call) {
	t.Helper()
	switch c.do {
	case "switch":
		r.Switch(c.in, c.ts, 10)
	case "drop":
		before, _, _ := r.LastOut()
		r.Drop(c.in)
		if after, _, _ := r.LastOut(); after != before {
			t.Fatalf("call %d: a drop advanced the stream (SE-11)", i)
		}
	case "next":
		if got := r.Next(); got != c.want {
			t.Fatalf("call %d: next %d, want %d", i, got, c.want)
		}
	default:
		seq, ts, ok := r.Rewrite(c.in, c.ts)
		if ok != (c.do == "rewrite") {
			t.Fatalf("call %d: ok %t", i, ok)
		}
		if ok && (seq != c.want || ts != c.out) {
			t.Fatalf("call %d: %d at %d, want %d at %d", i, seq, ts, c.want, c.out)
		}
		if ok && c.ts+r.TimestampOffset() != ts {
			t.Fatalf("call %d: offset %d doesn't give %d", i, r.TimestampOffset(), ts)
		}
	}
}

func TestRewriterLastOut(t *testing.T) {
	var r Rewriter
	if _, _, started := r.LastOut(); started {
		t.Error("started before a packet")
	}
	r.Init(7, 70)
	r.Switch(100, 1, 1)
	if _, _, started := r.LastOut(); started {
		t.Error("started by a switch")
	}
	r.Rewrite(100, 1)
	r.Init(9, 90) // too late
	r.Rewrite(102, 5)
	r.Rewrite(101, 3)
	if seq, ts, started := r.LastOut(); seq != 9 || ts != 74 || !started {
		t.Errorf("last %d at %d, %t", seq, ts, started)
	}
}

// Holes before dropped packets must not add up to a skip that a receiver's
// rollover counter would misread (SE-11).
func TestRewriterHolesStayBounded(t *testing.T) {
	var r Rewriter
	in := uint16(0)
	last, _, _ := r.Rewrite(in, 0)
	for range 200 {
		in += 900
		r.Drop(in)
	}
	in++
	seq, _, ok := r.Rewrite(in, 1)
	if skipped := seq - last; !ok || skipped > maxHole+1 {
		t.Errorf("skipped %d numbers, ok %t", skipped, ok)
	}
}

func TestRewriterHistoryEnds(t *testing.T) {
	var r Rewriter
	for in := uint16(0); in < 4000; in += 4 {
		r.Rewrite(in, 0)
		r.Drop(in + 1)
		// in + 2 is lost
		r.Rewrite(in+3, 0)
		if _, _, ok := r.Rewrite(in+2-min(in, 4*20), 0); !ok {
			t.Fatalf("at %d, a recent late packet was refused", in)
		}
		if in < 4*runs {
			continue
		}
		if _, _, ok := r.Rewrite(in+2-4*runs, 0); ok {
			t.Fatalf("at %d, a packet beyond the history was accepted", in)
		}
	}
}

// A burst of padding doesn't use the history up.
func TestRewriterNextKeepsHistory(t *testing.T) {
	var r Rewriter
	want, _, _ := r.Rewrite(1, 0)
	r.Rewrite(3, 0)
	for range 10 * runs {
		r.Next()
	}
	if seq, _, ok := r.Rewrite(2, 0); !ok || seq != want+1 {
		t.Errorf("the late packet got %d, %t", seq, ok)
	}
}

// Timestamps rise over a switch even when no time is said to have passed.
func TestRewriterSwitchWithoutElapsed(t *testing.T) {
	var r Rewriter
	_, before, _ := r.Rewrite(1, 50)
	r.Switch(100, 7, 0)
	if _, ts, ok := r.Rewrite(100, 7); !ok || ts != before+1 {
		t.Errorf("timestamp %d after %d", ts, before)
	}
}

func TestRewriterAllocs(t *testing.T) {
	var r Rewriter
	in := uint16(0)
	if n := testing.AllocsPerRun(1000, func() {
		r.Rewrite(in, 0)
		r.Drop(in + 1)
		r.Next()
		r.Rewrite(in+3, 0)
		r.Rewrite(in+2, 0)
		r.Switch(in+4, 0, 1)
		in += 4
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRewrite(b *testing.B) {
	var r Rewriter
	in, ts := uint16(0), uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		r.Rewrite(in, ts)
		in, ts = in+1, ts+600
	}
}

// BenchmarkRewriteThinned is a thumbnail: every second packet is dropped.
func BenchmarkRewriteThinned(b *testing.B) {
	var r Rewriter
	in := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		r.Rewrite(in, 0)
		r.Drop(in + 1)
		in += 2
	}
}

// What comes late of a frame from before Retime has the timestamp that the rest of
// the frame was sent with.
func TestRetimeKeepsOlderFrames(t *testing.T) {
	var r Rewriter
	r.Init(1, 5000)
	r.Switch(100, 900_000, 1)
	sent := func(in uint16, ts uint32) uint32 {
		t.Helper()
		_, out, ok := r.Rewrite(in, ts)
		if !ok {
			t.Fatalf("%d was refused", in)
		}
		return out
	}
	key := sent(100, 900_000) // 101 is late
	r.Retime(903_000, 7)
	second := sent(102, 903_000) // 103 is late
	r.Retime(906_000, 3000)
	third := sent(104, 906_000)
	if second != key+7 || third != second+3000 {
		t.Errorf("frames at %d, %d, %d", key, second, third)
	}
	for _, late := range []struct {
		in       uint16
		ts, want uint32
	}{{101, 900_000, key}, {103, 903_000, second}} {
		if got := sent(late.in, late.ts); got != late.want {
			t.Errorf("%d, late, has timestamp %d; its frame %d", late.in, got, late.want)
		}
	}
	if got := sent(105, 906_000); got != third {
		t.Errorf("the third frame goes on at %d, after %d", got, third)
	}
	r.Switch(7, 10, 90)
	if got := sent(7, 10); got != third+90 {
		t.Errorf("after a switch: %d", got)
	}
}

// After hours in which nothing was sent, timestamps go on from what is sent then.
func TestTimestampsAfterHours(t *testing.T) {
	var r Rewriter
	r.Switch(1, 0, 1)
	_, first, _ := r.Rewrite(1, 0)
	const hours = 10 * 3600 * 90_000
	r.Switch(50, 77, hours)
	_, then, _ := r.Rewrite(50, 77)
	if _, last, _ := r.LastOut(); then != first+hours || last != then {
		t.Errorf("%d ticks later; the last is %d before", then-first, then-last)
	}
}
