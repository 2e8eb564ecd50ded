package codec

const (
	// vp8History is how many frames back a late packet may come: half the
	// range of a 7-bit picture id, and 2 s at 30 fps.
	vp8History = 64
	// vp8MaxJump is the longest run of missing picture ids that stays a run
	// of missing ids for the receiver. A longer one is an encoder that
	// started anew: it becomes a hole of one.
	vp8MaxJump = 1000
)

// vp8Frame is what became of one incoming picture id.
type vp8Frame struct {
	offset  uint16 // outgoing id less incoming id
	dropped bool
}

// VP8Rewriter keeps picture ids and TL0 indexes continuous for one receiver
// while the stream that feeds it changes and frames of upper temporal layers
// are left out. libwebrtc's reference finder stalls upper layers behind a hole
// in the picture ids, and waits for a key frame after a hole in TL0: so left
// out frames close up, frames that were lost upstream stay holes (they may
// still come), and a left out base layer frame leaves a hole in TL0 (what
// follows can't be decoded).
//
// The zero value is ready and passes the first stream's numbers through. It is
// not safe for concurrent use.
type VP8Rewriter struct {
	started bool // anything was sent
	fresh   bool // Switch was called, the stream's first frame is to come
	wide    bool // the present stream has 15-bit ids

	lastPictureID uint16 // newest sent
	lastTL0       uint8

	highest   uint64 // newest incoming picture id, extended
	base      uint64 // oldest incoming id that may still be sent
	offset    uint16 // of frames after highest
	tl0Offset uint8
	frames    [vp8History]vp8Frame // by extended incoming id
}

// Switch marks that the next frame mapped starts a new stream: it continues
// with the last picture id + 1 and the last TL0 index + 1.
func (w *VP8Rewriter) Switch() { w.fresh = true }

// Map returns the picture id (15 bits; a narrow one is masked when it is
// written) and TL0 index to send a packet of the frame d with. All packets of
// a frame get the same. ok is false when the packet must not be sent: its
// frame was left out, comes from before the switch, or is too old to know.
//
// A stream without picture ids can't be followed; it gets the last id and TL0
// index sent, and ok.
func (w *VP8Rewriter) Map(d VP8) (pictureID uint16, tl0 uint8, ok bool) {
	if !d.HasPictureID {
		return w.lastPictureID, w.lastTL0, true
	}
	if !w.started || w.fresh || d.Wide != w.wide {
		w.begin(d)
	}
	ext, newer, ok := w.locate(d)
	if !ok {
		return 0, 0, false
	}
	if newer {
		w.advance(ext, false)
	}
	frame := w.frames[ext%vp8History]
	if frame.dropped {
		return 0, 0, false
	}
	pictureID = (uint16(ext) + frame.offset) & maskWide
	tl0 = d.TL0 + w.tl0Offset
	// A late frame may be the newest sent: when those after it were left out.
	if ahead := int16((pictureID - w.lastPictureID) << 1); newer || ahead > 0 {
		w.lastPictureID = pictureID
	}
	// More base frames than half the range may be missing before a newer frame.
	if d.HasTL0 && (newer || int8(tl0-w.lastTL0) > 0) {
		w.lastTL0 = tl0
	}
	return pictureID, tl0, true
}

// Join says that no packet is missing between what came last and d, which
// starts a key frame: if the picture id or the TL0 index doesn't follow, the
// encoder left frames out itself, and what it left out closes up. Chromium does
// so when its computer has stood still: frames that wait in its pacer are
// thrown away before they get a sequence number. Frames from before are refused
// from then on. It does nothing for numbers that follow.
func (w *VP8Rewriter) Join(d VP8) {
	if !d.HasPictureID || !w.started || w.fresh {
		return
	}
	if d.Wide != w.wide || w.distance(d.PictureID) != 1 || (d.HasTL0 && d.TL0+w.tl0Offset != w.lastTL0+1) {
		w.Switch()
	}
}

// DropFrame says that the frame d is left out: the picture ids of those that
// follow close up. It may be called for every packet of the frame, and does
// nothing for a frame of which a packet was already mapped (the receiver has
// seen its id) or before the stream's first mapped frame.
func (w *VP8Rewriter) DropFrame(d VP8) {
	if !d.HasPictureID || !w.started || w.fresh || d.Wide != w.wide {
		return
	}
	ext, newer, ok := w.locate(d)
	if ok && newer {
		w.advance(ext, true)
	}
}

// Abandon says that the frame d, which a packet may have been mapped of, won't
// be completed, and that no base layer frame depends on it. What is still to
// come of it is refused. If it is the newest, the next frame gets its picture
// id: a receiver follows the ids of complete frames only (libwebrtc's packet
// buffer comes before its reference finder).
func (w *VP8Rewriter) Abandon(d VP8) {
	if !d.HasPictureID || !w.started || w.fresh || d.Wide != w.wide {
		return
	}
	ext, newer, ok := w.locate(d)
	switch {
	case !ok:
		return
	case newer:
		w.advance(ext, true)
		return
	}
	f := &w.frames[ext%vp8History]
	if f.dropped {
		return
	}
	f.dropped = true
	if ext != w.highest {
		return // those behind it were seen
	}
	if id := (uint16(ext) + f.offset) & maskWide; id == w.lastPictureID {
		w.lastPictureID = (id - 1) & maskWide
	}
	w.offset--
}

// begin makes d the first frame of a stream.
func (w *VP8Rewriter) begin(d VP8) {
	nextID, nextTL0 := w.lastPictureID+1, w.lastTL0+1
	if !w.started {
		nextID, nextTL0 = d.PictureID, d.TL0
	}
	w.started, w.fresh, w.wide = true, false, d.Wide
	// One range above zero, so that nothing before it underflows.
	w.base = uint64(d.PictureID) + maskWide + 1
	w.highest = w.base - 1
	w.offset = nextID - d.PictureID
	w.tl0Offset = nextTL0 - d.TL0
	w.lastTL0 = nextTL0
}

// locate extends d's picture id. newer says that it is above all seen; ok is
// false when it must be refused.
func (w *VP8Rewriter) locate(d VP8) (ext uint64, newer, ok bool) {
	distance := w.distance(d.PictureID)
	if distance > vp8MaxJump {
		w.compress(distance)
	}
	if distance <= -vp8History && d.KeyFrame {
		// An encoder that started anew, unannounced. A key frame this late
		// is useless otherwise.
		w.begin(d)
		distance = 1
	}
	if distance <= -vp8History {
		return 0, false, false
	}
	ext = w.highest + uint64(int64(distance))
	return ext, distance > 0, ext >= w.base
}

// distance from the newest picture id seen, in the range of the stream's ids.
func (w *VP8Rewriter) distance(id uint16) int {
	if w.wide {
		return int(int16((id-uint16(w.highest))<<1)) >> 1
	}
	return int(int8((id-uint16(w.highest))<<1)) >> 1
}

// compress makes a jump over distance - 1 missing ids a hole of one.
func (w *VP8Rewriter) compress(distance int) {
	ext := w.highest + uint64(distance)
	w.offset = w.lastPictureID + 2 - uint16(ext)
	w.base = ext
}

// advance makes ext the newest frame, and what lies between missing.
func (w *VP8Rewriter) advance(ext uint64, dropped bool) {
	from := max(w.highest+1, ext-min(ext, vp8History-1))
	for e := from; e <= ext; e++ {
		w.frames[e%vp8History] = vp8Frame{offset: w.offset}
	}
	if dropped {
		w.frames[ext%vp8History].dropped = true
		w.offset--
	}
	w.highest = ext
}
