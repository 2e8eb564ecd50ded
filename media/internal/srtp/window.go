package srtp

// windowSize is how far behind the newest an index may be, in packets: more
// than what one second of a stream of 8 Mbit/s has, so that neither a reordered
// nor a resent packet falls out. RFC 3711 section 3.3.2 asks for 64 or more.
const windowSize = 1024

// maxIndex is the last packet index: 48 bits of ROC and sequence number.
const maxIndex = 1<<48 - 1

// window knows which of the last windowSize indexes were used. The zero value
// is ready. It is not safe for concurrent use.
type window struct {
	highest uint64
	started bool
	used    [windowSize / 64]uint64 // bit of index i: i mod windowSize
}

// fresh says whether index can still be used: neither used nor older than the
// window.
func (w *window) fresh(index uint64) bool {
	if !w.started || index > w.highest {
		return true
	}
	if w.highest-index >= windowSize {
		return false
	}
	return w.used[index/64%uint64(len(w.used))]&(1<<(index%64)) == 0
}

// add marks index, which is fresh, as used.
func (w *window) add(index uint64) {
	if !w.started {
		w.started = true
		w.highest = index
	}
	if index > w.highest {
		w.forget(w.highest+1, index)
		w.highest = index
	}
	w.used[index/64%uint64(len(w.used))] |= 1 << (index % 64)
}

// forget clears the bits of the indexes from first to last.
func (w *window) forget(first, last uint64) {
	if last-first >= windowSize-1 {
		clear(w.used[:])
		return
	}
	for i := first; i <= last; i++ {
		if i%64 == 0 && last-i >= 63 { // a whole word
			w.used[i/64%uint64(len(w.used))] = 0
			i += 63
			continue
		}
		w.used[i/64%uint64(len(w.used))] &^= 1 << (i % 64)
	}
}

// received returns the index that a received sequence number most likely has
// (RFC 3711 section 3.3.1 and appendix A); above maxIndex when the key is used
// up. Before the first packet the sender is taken to be in rollover 0. Where
// the RFC would guess the rollover before the first, which doesn't exist, the
// sender has skipped more than half the range.
func (w *window) received(sequence uint16) uint64 {
	if !w.started {
		return uint64(sequence)
	}
	const half = 1 << 15
	rollover, newest, n := w.highest>>16, w.highest&0xFFFF, uint64(sequence)
	switch {
	case newest < half && n > newest+half && rollover > 0:
		rollover--
	case newest >= half && n < newest-half:
		rollover++
	}
	return rollover<<16 | n
}

// sent returns the index of a sequence number that is about to be sent; ok is
// false when it would lie before the first rollover. A receiver can't follow a
// step of more than 32,767 (SE-11), so what looks like one is an old number.
func (w *window) sent(sequence uint16) (index uint64, ok bool) {
	if !w.started {
		return uint64(sequence), true
	}
	step := int64(int16(sequence - uint16(w.highest)))
	if step < 0 && uint64(-step) > w.highest {
		return 0, false
	}
	return w.highest + uint64(step), true
}
