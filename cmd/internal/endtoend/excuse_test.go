//go:build long

package endtoend

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// disturbance is something with a name that explains faults, for as long as it
// could be seen. There are three kinds:
//
//   - A way: what the test does to somebody's road (loss, an ICE restart, UDP
//     taken away and given back). It begins with that and ends when, after the
//     last that was done to it, everything to and from them has come at its rate,
//     and their encoder has stayed as it is, for three looks in a row. It explains
//     freezes, loss and standstills of what comes to or from them.
//   - An encoder: a browser that publishes turned an encoding on or off, or
//     changed its size, which it does by itself with its bandwidth and with what
//     the server needs of it. It sets its encoder up anew for that: everybody
//     sees a hitch. It begins with the last look at which it was as before and
//     ends when it has stayed the same for three. It explains the same of their
//     video. Without another disturbance it may happen once a minute.
//   - The machine: a control froze, or the kernel's buffers for datagrams were
//     full. It begins with the look before and ends when two looks in a row were
//     without. It explains the same of everybody's.
//
// Nothing explains a break: numbers, timestamps and pictures that don't run on,
// a packet in the wrong slot or damaged, a forged packet or a panic.
type disturbance struct {
	name        string
	who         string // to and from whom; empty: everybody
	video       bool   // only what comes of their camera
	from, until time.Duration
}

// ongoing is the end of a disturbance that has not ended.
const ongoing = time.Duration(1<<63 - 1)

// explains says whether a fault of a route between two moments is the
// disturbance's.
func (d *disturbance) explains(to route, from, until time.Duration) bool {
	if until < d.from || from > d.until {
		return false
	}
	return d.who == "" || to.publisher == d.who || (!d.video && to.viewer == d.who)
}

// calmLooks end a disturbance: so many in a row without it.
const (
	calmLooks   = 3
	steadyLooks = 2 // of the machine
)

// begin notes a disturbance that has just begun.
func (w *watch) begin(name, who string) *disturbance {
	d := &disturbance{name: name + " of " + who, who: who, from: time.Since(w.began), until: ongoing}
	w.disturbances = append(w.disturbances, d)
	w.calmed[who] = 0
	return d
}

// recovered says whether everything to and from somebody has come at its rate
// for some looks.
func (w *watch) recovered(who string) bool { return w.calmed[who] >= calmLooks }

// What comes at least, in a second, of a picture of 30 a second and sound of 50
// packets a second that run.
const (
	leastFrames  = 15
	leastPackets = 25
)

// calm counts the looks since which all has been well with somebody.
func (w *watch) calm(since time.Duration) {
	for _, v := range w.viewers {
		who := v.called()
		n := 0
		for to, units := range w.grown {
			if to.viewer != who && to.publisher != who {
				continue
			}
			least := float64(leastPackets)
			if video(to) {
				least = leastFrames
			}
			if n++; units < least*since.Seconds() {
				n = -1
				break
			}
		}
		if n <= 0 || w.encoders[who].same == 0 {
			w.calmed[who] = 0
			continue
		}
		w.calmed[who]++
	}
}

// encoder is how a browser encodes its camera: which encodings flow, and their
// sizes.
type encoder struct {
	is      string
	same    int // looks
	changed *disturbance
}

// encodes notes how somebody's encoder is.
func (w *watch) encodes(who, is string, before, now time.Duration) {
	e := w.encoders[who]
	switch {
	case e.is == "" || e.is == is:
		e.same++
	default:
		if e.changed == nil {
			e.changed = &disturbance{name: "encoder of " + who, who: who, video: true, from: before, until: ongoing}
			w.disturbances = append(w.disturbances, e.changed)
		}
		w.changes = append(w.changes, fmt.Sprintf("%s: %s encodes %s, before %s", now.Round(time.Second), who, is, e.is))
		e.same = 0
	}
	e.is = is
	if e.changed != nil && e.same >= calmLooks {
		e.changed.until, e.changed = now, nil
	}
	w.encoders[who] = e
}

// machine notes whether the machine was too busy since the look before.
func (w *watch) machine(what string, before, now time.Duration) {
	if what == "" {
		if w.steady++; w.steady >= steadyLooks && w.busy != nil {
			w.busy.until, w.busy = now, nil
		}
		return
	}
	w.steady = 0
	if w.busy == nil {
		w.busy = &disturbance{name: "machine", from: before, until: ongoing}
		w.disturbances = append(w.disturbances, w.busy)
	}
	w.stalls[what]++
}

// stalled is what shows that the machine was too busy, empty if nothing does.
func (w *watch) stalled(controls map[string]*reading) (what string) {
	for who, control := range controls {
		before, ok := w.controls[who]
		if ok && (control.Freezes > before.Freezes || control.Units == before.Units) {
			what = "a control froze at " + who
		}
		w.controls[who] = *control
	}
	full := kernelDrops()
	if full > w.full {
		what = "the kernel's buffers were full"
	}
	w.full = full
	return what
}

// kernelDrops is how many datagrams the kernel has thrown away for want of room,
// of all in this namespace (RFC 4113's udpInErrors has them too).
func kernelDrops() (n uint64) {
	raw, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i, name := range names {
			if name == "RcvbufErrors" || name == "SndbufErrors" {
				v, _ := strconv.ParseUint(fields[i], 10, 64) // the kernel's own figures
				n += v
			}
		}
	}
	return n
}

// quietTime is for how long the machine has been good enough to judge by.
func (w *watch) quietTime() (d time.Duration) {
	for _, l := range w.looks {
		if !slices.ContainsFunc(w.disturbances, func(d *disturbance) bool { return d.who == "" && l.from <= d.until && l.until >= d.from }) {
			d += l.until - l.from
		}
	}
	return d
}

// explained is why a fault counts for nothing; empty: it counts. Where the
// test's own doing explains it as well as the machine, it is the test's.
func (w *watch) explained(to route, from, until time.Duration) string {
	why := ""
	for _, d := range w.disturbances {
		if d.explains(to, from, until) && (why == "" || d.who != "") {
			why = d.name
		}
	}
	return why
}

// sorted are the faults that nothing explains, and how many each disturbance
// explains.
func (w *watch) sorted() (ours []fault, explained map[string]int) {
	explained = map[string]int{}
	for _, f := range w.faults {
		if why := w.explained(f.to, f.from, f.at); why != "" {
			explained[why]++
			continue
		}
		ours = append(ours, f)
	}
	return ours, explained
}

// restless is how often an encoder was changed that nothing else disturbed.
func (w *watch) restless() (n int) {
	for _, e := range w.disturbances {
		if e.video && !slices.ContainsFunc(w.disturbances, func(d *disturbance) bool {
			return !d.video && (d.who == "" || d.who == e.who) && d.from <= e.until && d.until >= e.from
		}) {
			n++
		}
	}
	return n
}

// judgedTime is for how long routes were judged, of all together.
func (w *watch) judgedTime() (d time.Duration) {
	for _, l := range w.looks {
		for _, to := range l.routes {
			if w.explained(to, l.from, l.until) == "" {
				d += l.until - l.from
			}
		}
	}
	return d
}

// String is what the run was like.
func (w *watch) String() string {
	var b strings.Builder
	ours, explained := w.sorted()
	fmt.Fprintf(&b, "judged %s of route time, the machine was good for %s; %d faults that nothing explains; %d restless encoders\n",
		w.judgedTime().Round(time.Second), w.quietTime().Round(time.Second), len(ours), w.restless())
	for _, why := range slices.Sorted(maps.Keys(explained)) {
		fmt.Fprintf(&b, "  %d faults by: %s\n", explained[why], why)
	}
	for _, what := range slices.Sorted(maps.Keys(w.stalls)) {
		fmt.Fprintf(&b, "  %s: %d looks\n", what, w.stalls[what])
	}
	for _, change := range w.changes {
		fmt.Fprintf(&b, "  %s\n", change)
	}
	for _, d := range w.disturbances {
		if d.who != "" {
			fmt.Fprintf(&b, "  %s from %s to %s\n", d.name, d.from.Round(time.Second/10), d.until.Round(time.Second/10))
		}
	}
	routes := slices.SortedFunc(maps.Keys(w.last), func(a, b route) int { return cmp.Compare(a.String(), b.String()) })
	for _, to := range routes {
		r := w.last[to]
		fmt.Fprintf(&b, "  %s: %.0f units, %.0f packets, %.0f freezes (%.2f s), %.0f lost\n", to, r.Units, r.Packets, r.Freezes, r.Frozen, r.Lost)
	}
	return b.String()
}
