package media

import (
	"sync"
	"time"
)

// keyFrameInterval is the shortest time between two requests to one encoder:
// libwebrtc silently ignores those that come within 300 ms of the last that it
// honoured, whichever of its encodings they name, and one that it honours makes
// a key frame in each. So asking more often helps nobody.
const keyFrameInterval = 300 * time.Millisecond

// keyFrames asks the publisher of a source for key frames (PLI, RFC 4585
// section 6.3.1) on behalf of all who wait for one, and repeats until they come.
type keyFrames struct {
	source *Source

	mu     sync.Mutex
	wanted [maxRIDs]bool // by layer
	asked  bool
	last   time.Duration
}

// request asks for a key frame of l, and for all else that is wanted: now, if
// the last request is long enough ago.
func (k *keyFrames) request(l *layer, now time.Duration) { k.send(k.due(l, now)) }

// want has the next request ask for a key frame of l.
func (k *keyFrames) want(l *layer) {
	k.mu.Lock()
	k.wanted[l.index] = true
	k.mu.Unlock()
}

// arrived ends the request for l.
func (k *keyFrames) arrived(l *layer) {
	k.mu.Lock()
	k.wanted[l.index] = false
	k.mu.Unlock()
}

// ask asks for all that is wanted of layers that flow, if the last request is
// long enough ago.
func (k *keyFrames) ask(now time.Duration) { k.send(k.due(nil, now)) }

// due lists the n streams to ask for now, and notes that they are. more, if not
// nil, is wanted from now on.
func (k *keyFrames) due(more *layer, now time.Duration) (ssrcs [maxRIDs]uint32, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if more != nil {
		k.wanted[more.index] = true
	}
	if k.asked && now-k.last < keyFrameInterval {
		return ssrcs, 0
	}
	for i, l := range k.source.layers {
		if k.wanted[i] && l.active.Load() {
			ssrcs[n] = l.ssrc.Load()
			n++
		}
	}
	if n > 0 {
		k.asked, k.last = true, now
	}
	return ssrcs, n
}

// send asks the publisher for what due returned.
func (k *keyFrames) send(ssrcs [maxRIDs]uint32, n int) {
	if n == 0 {
		return
	}
	k.source.owner.engine.counters.keyFrameRequests.Add(uint64(n))
	k.source.transport.sendPLI(ssrcs[:n])
}
