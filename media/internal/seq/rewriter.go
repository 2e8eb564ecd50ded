package seq

const (
	// maxHole is the longest hole that a receiver is shown. A longer one is
	// a publisher that started anew, or a long outage: it becomes a hole of
	// two (SE-11).
	maxHole = 1000
	// restartTicks separates the timestamps of a publisher that started anew
	// with another base: a frame at 30 fps on a 90 kHz clock.
	restartTicks = 3000
	// maxTicks is how far the timestamp may have gone on in a jump of numbers
	// before it counts as another base: 10 s on a 90 kHz clock.
	maxTicks = 900_000
	// runs is how many changes of the offset are remembered for late packets:
	// 2 s when every second frame at 30 fps is left out.
	runs = 64
	// retimes is how many changes of the timestamps' offset are remembered for
	// late packets: there is one after a switch, seldom more.
	retimes = 4
)

// run is a range of incoming numbers, up to the start of the next run, that
// were forwarded with the same offset, or left out.
type run struct {
	start   uint64 // extended incoming number
	offset  uint16 // outgoing less incoming
	dropped bool
}

// retime is the timestamp from which a stream has another offset than before.
type retime struct {
	known  bool
	from   uint32 // incoming
	before uint32 // offset of what is older
}

// Rewriter rewrites sequence numbers and timestamps of one outgoing stream, so
// that the receiver never notices that the source changed or that packets were
// left out. Duplicates must have been removed before it: a number that comes
// twice is rewritten twice, to the same.
//
// The zero value is ready; Init gives the first stream a base of its own. It
// is not safe for concurrent use.
type Rewriter struct {
	begun   bool // a stream was switched to
	started bool // anything was sent

	lastSeq  uint16 // newest sent; before that, one less than the first
	lastTS   uint32 // highest sent; before that, the first
	tsOffset uint32 // outgoing less incoming

	highest uint64 // newest incoming number, extended
	base    uint64 // oldest incoming number that may still be sent
	offset  uint16 // of numbers after highest

	suspect    uint16 // the number that would prove a restart, see locate
	suspicious bool

	switched bool // nothing of the present stream was sent yet

	history *history // nil before the first stream: most slots never see one
	newest  uint8    // index of the run that highest belongs to
	kept    uint8    // runs in use
}

// history is what late packets need.
type history struct {
	runs    [runs]run       // ring
	retimed [retimes]retime // newest last
}

// Init sets the number and timestamp of the first packet to be sent. It must
// come before everything else; later calls are ignored.
func (r *Rewriter) Init(seq uint16, ts uint32) {
	if r.begun || r.started {
		return
	}
	r.lastSeq, r.lastTS = seq-1, ts
}

// Switch starts a new incoming stream at number inSeq and timestamp inTS: it
// gets the number after the last one sent, and the last timestamp sent plus
// elapsed, the ticks since the last packet sent (≥ 1; 0 counts as 1). Packets
// before inSeq are refused from now on.
func (r *Rewriter) Switch(inSeq uint16, inTS uint32, elapsed uint32) {
	ts := r.lastTS
	if r.started {
		ts += max(elapsed, 1)
	}
	r.begun, r.switched, r.suspicious = true, true, false
	r.tsOffset = ts - inTS
	// One range above zero, so that nothing before it underflows.
	r.restart(1<<16+uint64(inSeq), r.lastSeq+1)
	r.highest = r.base - 1
	r.history.retimed = [retimes]retime{}
}

// Retime gives the frame that begins at timestamp inTS the last timestamp sent
// plus elapsed (≥ 1; 0 counts as 1). Numbers go on. Late packets of older frames
// get the timestamp that theirs have had: a receiver takes what has another for
// another frame.
func (r *Rewriter) Retime(inTS uint32, elapsed uint32) {
	if h := r.history; h != nil {
		copy(h.retimed[:], h.retimed[1:])
		h.retimed[retimes-1] = retime{true, inTS, r.tsOffset}
	}
	r.tsOffset = r.lastTS + max(elapsed, 1) - inTS
}

// lateOffset is what is added to the timestamp of a late packet.
func (r *Rewriter) lateOffset(inTS uint32) uint32 {
	offset, retimed := r.tsOffset, &r.history.retimed
	for i := retimes - 1; i >= 0 && retimed[i].known && int32(inTS-retimed[i].from) < 0; i-- {
		offset = retimed[i].before
	}
	return offset
}

// restart forgets what came before the extended incoming number first, which
// is to become out.
func (r *Rewriter) restart(first uint64, out uint16) {
	r.base = first
	r.offset = out - uint16(first)
	r.newest, r.kept = 0, 1
	if r.history == nil {
		r.history = new(history)
	}
	r.history.runs[0] = run{start: first, offset: r.offset}
}

// Rewrite returns the number and timestamp to send a packet with. Late packets
// get the number they would have had. ok is false when the packet must not be
// sent: it was left out before, is older than the switch, or older than the
// history.
//
// A jump of more than 1000 numbers becomes a hole of two. One backwards is
// believed when a second packet confirms it (RFC 3550 appendix A.1).
func (r *Rewriter) Rewrite(inSeq uint16, inTS uint32) (outSeq uint16, outTS uint32, ok bool) {
	if !r.begun {
		r.Switch(inSeq, inTS, 1)
	}
	e, newer, jumped, ok := r.locate(inSeq)
	if !ok {
		return 0, 0, false
	}
	if !newer {
		offset, ok := r.lookup(e)
		if !ok {
			return 0, 0, false
		}
		// Late, but perhaps the newest that is sent: those after it were
		// dropped.
		return r.sent(inSeq+offset, inTS+r.lateOffset(inTS))
	}
	// Unsigned: a lower timestamp counts as far ahead.
	if jumped && inTS+r.tsOffset-r.lastTS > maxTicks {
		r.tsOffset = r.lastTS + restartTicks - inTS
	}
	if r.history.runs[r.newest].dropped {
		r.push(run{start: r.highest + 1, offset: r.offset})
	}
	r.highest = e
	return r.sent(inSeq+r.offset, inTS+r.tsOffset)
}

// sent notes what is returned for a packet.
func (r *Rewriter) sent(seq uint16, ts uint32) (uint16, uint32, bool) {
	if Newer(seq, r.lastSeq) {
		r.lastSeq = seq
	}
	// After hours of silence the distance says nothing of which is newer.
	if !r.started || r.switched || int32(ts-r.lastTS) > 0 {
		r.lastTS = ts
	}
	r.started, r.switched = true, false
	return seq, ts, true
}

// Drop says that a packet is not forwarded: the numbers that follow close up.
// It changes nothing for a packet that is late (its place may have been seen
// as a hole) or older than the switch.
func (r *Rewriter) Drop(inSeq uint16) {
	if !r.begun {
		return // the first packet rewritten starts the stream
	}
	e, newer, _, ok := r.locate(inSeq)
	if !ok || !newer {
		return
	}
	if gap := e > r.highest+1; gap || !r.history.runs[r.newest].dropped {
		if gap && r.history.runs[r.newest].dropped {
			r.push(run{start: r.highest + 1, offset: r.offset})
		}
		r.push(run{start: e, dropped: true})
	}
	r.offset--
	r.highest = e
}

// Next allocates the number after the last for a packet of the SFU's own
// (padding, a probe), which is to be sent with the last timestamp. What
// follows moves up.
func (r *Rewriter) Next() uint16 {
	if !r.begun {
		r.lastSeq++
		r.started = true
		return r.lastSeq
	}
	// Not lastSeq + 1: lost packets before a dropped one hold their numbers.
	r.lastSeq = uint16(r.highest+1) + r.offset
	r.started = true
	r.offset++
	if n := &r.history.runs[r.newest]; n.start == r.highest+1 { // holds nothing yet
		n.offset = r.offset
	} else {
		r.push(run{start: r.highest + 1, offset: r.offset})
	}
	return r.lastSeq
}

// Follows says that inSeq is the number after the newest one of the present
// stream, forwarded or left out: nothing is missing right before it.
func (r *Rewriter) Follows(inSeq uint16) bool {
	return r.begun && inSeq == uint16(r.highest)+1
}

// LastOut returns the newest number and the highest timestamp sent; started is
// false when nothing was sent yet.
func (r *Rewriter) LastOut() (seq uint16, ts uint32, started bool) {
	return r.lastSeq, r.lastTS, r.started
}

// TimestampOffset is what is added to timestamps of the present stream
// (modulo 2^32): a sender report of the source is rewritten with it.
func (r *Rewriter) TimestampOffset() uint32 { return r.tsOffset }

// locate extends inSeq. newer says that it is above all seen, jumped that a
// restart was compressed to a hole of two; ok is false when it is refused.
func (r *Rewriter) locate(inSeq uint16) (e uint64, newer, jumped, ok bool) {
	distance := Diff(inSeq, uint16(r.highest))
	if distance < -maxHole {
		// Far behind: a straggler, or a publisher that started anew at a
		// lower number. The number after it decides.
		if !r.suspicious || inSeq != r.suspect {
			r.suspicious, r.suspect = true, inSeq+1
			return 0, false, false, false
		}
		e = r.highest + uint64(inSeq-uint16(r.highest))
		r.jump(e)
		return e, true, true, true
	}
	e = r.highest + uint64(int64(distance))
	if distance <= 0 {
		return e, false, false, e >= r.base
	}
	r.suspicious = false
	// Measured on the outgoing side, so that holes before dropped packets
	// can't add up beyond it either.
	if hole := inSeq + r.offset - r.lastSeq; hole > maxHole {
		r.jump(e)
		return e, true, true, true
	}
	return e, true, false, true
}

// jump makes e, which is to be the newest number, leave a hole of two after the
// last number sent. The packet before e may still come, as e may be the second
// that came of a frame; the first number stays missing: nothing was lost, says
// a receiver who sees no hole, of frames that are far apart.
func (r *Rewriter) jump(e uint64) {
	r.suspicious = false
	r.restart(e-1, r.lastSeq+2)
	r.highest = e - 1
}

// lookup finds the offset of a late number, newest run first.
func (r *Rewriter) lookup(e uint64) (offset uint16, ok bool) {
	for i := range r.kept {
		if n := &r.history.runs[(r.newest-i)%runs]; e >= n.start {
			return n.offset, !n.dropped
		}
	}
	return 0, false
}

// push adds a run; the oldest is forgotten when there are too many.
func (r *Rewriter) push(n run) {
	r.newest = (r.newest + 1) % runs
	r.history.runs[r.newest] = n
	r.kept = min(r.kept+1, runs)
}
