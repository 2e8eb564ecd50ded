package nack

// Frame is what a packet tells of the frame that it is part of: fields of its
// VP8 payload descriptor (RFC 7741 section 4.2) and the ends of the frame.
type Frame struct {
	PictureID uint16
	Wide      bool  // the picture id has 15 bits, not 7
	TL0       uint8 // index of the base layer frame that it depends on
	TID       uint8 // temporal layer
	// Known says that picture id, TL0 and TID are all there.
	Known bool
	// First and Last packet of the frame; Key: of a key frame.
	First, Last, Key bool
}

// Temporal says of which temporal layers missing packets are.
type Temporal uint8

const (
	// Unknown: their neighbours don't tell.
	Unknown Temporal = iota
	// Base: a packet of the base layer is among them.
	Base
	// Upper: all are of frames which no base layer frame depends on.
	Upper
)

// Gap is what is missing between two packets whose numbers would follow one on
// the other but for it.
type Gap struct {
	Layer Temporal
	// Lowest temporal layer that may be hit, if Layer is Upper.
	Lowest uint8
	// Tail: the end of the frame before is missing. Head: the beginning of the
	// frame behind. Within: the two are one frame, whose middle is missing.
	Tail, Head, Within bool
	// Frames that are missing as a whole.
	Frames int
}

// least is how many packets are missing at least.
func (g Gap) least() int {
	n := g.Frames
	if g.Tail {
		n++
	}
	if g.Head && !g.Within {
		n++
	}
	return n
}

// maxGapFrames bounds what is inferred: a longer gap is an outage, where the
// 8-bit TL0 index may have come around.
const maxGapFrames = 32

// Infer finds out what is missing between two packets from what they tell:
// which frames by their picture ids and ends; whether base layer frames are
// among them by TL0PICIDX, which counts those.
func Infer(before, after Frame) Gap {
	g := Gap{Tail: !before.Last, Head: !after.First}
	if !before.Known || !after.Known || before.Wide != after.Wide {
		return g
	}
	mask := uint16(0x7F)
	if after.Wide {
		mask = 0x7FFF
	}
	distance := int((after.PictureID - before.PictureID) & mask)
	if distance == 0 {
		return inferWithin(before, after, g)
	}
	if distance > maxGapFrames {
		return g
	}
	g.Frames = distance - 1
	base := int(after.TL0 - before.TL0)
	if after.TID == 0 {
		base-- // after itself
	}
	switch {
	case base < 0 || base > g.Frames || !g.Tail && !g.Head && g.Frames == 0:
		return g // they contradict each other: not numbered as we know it
	case base > 0 || g.Tail && before.TID == 0 || g.Head && after.TID == 0:
		g.Layer = Base
		return g
	}
	g.Layer, g.Lowest = Upper, lowest(before, after, g)
	return g
}

// inferWithin: the gap is in the middle of a frame.
func inferWithin(before, after Frame, g Gap) Gap {
	if before.TID != after.TID || before.TL0 != after.TL0 || !g.Tail || !g.Head {
		return g
	}
	g.Within, g.Layer, g.Lowest = true, Base, before.TID
	if before.TID > 0 {
		g.Layer = Upper
	}
	return g
}

// lowest layer that a gap of upper layers may hit. The patterns are 0 1 (L1T2)
// and 0 2 1 2 (L1T3): between 0 and 1 there is only a 2.
func lowest(before, after Frame, g Gap) uint8 {
	low := uint8(0xFF)
	if g.Tail {
		low = before.TID
	}
	if g.Head {
		low = min(low, after.TID)
	}
	switch {
	case g.Frames == 0:
	case g.Frames == 1 && before.TID+after.TID == 1:
		low = min(low, 2)
	default:
		low = 1
	}
	return low
}
