package media

import (
	"sync"
	"time"
)

// keyFrameInterval is the shortest time between two PLIs to one encoder:
// libwebrtc silently ignores those that come within 300 ms of the last that it
// honoured, so that asking more often helps nobody.
const keyFrameInterval = 300 * time.Millisecond

// keyFrameRequest asks the publisher of a layer for a key frame on behalf of
// all who wait for one, and repeats until it comes.
type keyFrameRequest struct {
	layer *layer

	mu     sync.Mutex
	wanted bool
	asked  bool
	last   time.Duration
}

// request asks for a key frame, now if the last request is long enough ago.
func (k *keyFrameRequest) request(now time.Duration) {
	k.mu.Lock()
	k.wanted = true
	due := k.dueLocked(now)
	k.mu.Unlock()
	if due {
		k.send()
	}
}

// tick repeats a request that has not been answered.
func (k *keyFrameRequest) tick(now time.Duration) {
	k.mu.Lock()
	due := k.wanted && k.dueLocked(now)
	k.mu.Unlock()
	if due {
		k.send()
	}
}

// arrived ends the request.
func (k *keyFrameRequest) arrived() {
	k.mu.Lock()
	k.wanted = false
	k.mu.Unlock()
}

func (k *keyFrameRequest) dueLocked(now time.Duration) bool {
	if !k.layer.active.Load() || (k.asked && now-k.last < keyFrameInterval) {
		return false
	}
	k.asked, k.last = true, now
	return true
}

func (k *keyFrameRequest) send() {
	l := k.layer
	l.source.owner.engine.counters.keyFrameRequests.Add(1)
	l.source.transport.sendPLI(l.ssrc.Load())
}
