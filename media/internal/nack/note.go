package nack

import "time"

// Note tells what the packet that was just Received says of its frame. When it
// is the newest and something is missing right before it, what that is is
// inferred (see [Infer]), and it is asked for accordingly: Chromium resends
// packets of upper temporal layers only sometimes (TL1 5 of 13 times, TL2 7 of
// 28, TL0 5 of 8), so that those are asked for once at most.
//
// closed: count packets right before this one are of upper layers and given up
// at once: they are neither waited for nor asked for. The caller leaves out the
// frames that they belong to and closes up the numbers. It is false while the
// stream's packets come out of order, when a hole may be filled any moment:
// such a stream would lose its upper layers to it.
//
// A key frame needs nothing that came before it: what is missing is given up.
func (g *Generator) Note(number uint16, f Frame, now time.Duration) (gap Gap, count int, closed bool) {
	if !g.started || number != uint16(g.highest) {
		return Gap{}, 0, false
	}
	hole, before, beforeAt := g.hole, g.frame, g.frameAt
	g.hole, g.frame, g.frameAt = 0, f, g.highest
	if f.Key && f.First {
		g.lost += uint64(len(g.missing))
		g.missing = g.missing[:0]
		return Gap{}, hole, false
	}
	if hole == 0 {
		return Gap{}, 0, false
	}
	if beforeAt == 0 || beforeAt+uint64(hole)+1 != g.highest {
		return Gap{}, hole, false // padding, or something else that has no frame
	}
	if gap = Infer(before, f); gap.least() > hole {
		gap.Layer = Unknown // they contradict each other
	}
	missing := g.missing[max(0, len(g.missing)-hole):]
	for i := range missing {
		missing[i].layer = gap.Layer
	}
	if gap.Layer != Upper || g.reorders(now) || len(missing) < hole {
		return gap, hole, false
	}
	g.lost += uint64(hole)
	g.missing = g.missing[:len(g.missing)-hole]
	return gap, hole, true
}

// reorders says that packets have come out of order of late.
func (g *Generator) reorders(now time.Duration) bool {
	return g.reorderedAt > 0 && now-g.reorderedAt < g.cfg.ReorderMemory
}
