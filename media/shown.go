package media

// shown is whose picture a video slot has carried since when: a browser that is
// told of a switch still shows what its jitter buffer and decoder held of those
// before, and can tell the two apart by their timestamps only.
type shown struct {
	epoch       uint64 // 0: nobody's yet
	participant string // by id: no source that is gone is kept alive
	from        uint32 // timestamp of the first frame, as it is sent
}

// showLocked notes that l feeds the slot from a frame on that is sent with the
// timestamp ts. Another layer, or the same person come back with another source of
// the kind (the slot's line takes but one), is no change.
func (s *Slot) showLocked(l *layer, ts uint32) {
	id := l.source.owner.id
	if w := &s.shown; s.video && (w.epoch != s.epoch || w.participant != id) {
		*w = shown{epoch: s.epoch, participant: id, from: ts}
	}
}

// shows returns what feeds the slot, for the map: whether it is forwarded, and if
// so the timestamp of the first frame of whose it is.
func (s *Slot) shows() (src *Source, open bool, from uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source, s.cur != nil, s.shown.from
}
