package media

import (
	"slices"
	"sync/atomic"

	"github.com/atriumrtc/atrium/media/internal/speaker"
)

// Source is one thing that a participant publishes over one transport. Its
// layers are fixed by the offer, lowest first; audio has a single one.
type Source struct {
	owner     *Participant
	transport *transport
	kind      SourceKind
	mid       string
	layers    []*layer
	// SSRCs that the offer declared for the line, and which of them are RTX.
	declared    []uint32
	declaredRTX map[uint32]bool

	// forwards is false while the source is not announced, or is muted by its
	// publisher or by the server: the packet path forwards nothing then.
	forwards atomic.Bool
	// detector hears the voice in the room that the owner is in.
	detector atomic.Pointer[speaker.Detector]

	keys keyFrames // of video
}

// ridOrder ranks the rids of PROTOCOL.md, lowest layer first; other names
// keep the order of the offer.
var ridOrder = map[string]int{"q": 1, "h": 2, "f": 3}

func newSource(t *transport, kind SourceKind, mid string, rids []string) *Source {
	s := &Source{owner: t.owner, transport: t, kind: kind, mid: mid}
	rids = slices.Clone(rids)
	slices.SortStableFunc(rids, func(a, b string) int { return ridOrder[a] - ridOrder[b] })
	if len(rids) == 0 {
		rids = []string{""}
	}
	for i, rid := range rids {
		s.layers = append(s.layers, newLayer(s, i, len(rids), rid))
	}
	s.keys.source = s
	return s
}

// layer finds the layer of a rid; nil when the offer did not have it.
func (s *Source) layer(rid string) *layer {
	for _, l := range s.layers {
		if l.rid == rid {
			return l
		}
	}
	return nil
}

// fence waits until no packet of the source is being handled and forgets what
// was kept of it, so that nothing recorded before a move or a mute comes out
// after it.
func (s *Source) fence() {
	for _, l := range s.layers {
		l.fence()
	}
}
