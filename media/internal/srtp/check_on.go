//go:build srtpcheck

package srtp

import (
	"fmt"
	"sync"
)

// checked says whether this build watches over the use of indexes.
const checked = true

// use is 64 consecutive indexes of a key and SSRC.
type use struct {
	key   [16]byte
	ssrc  uint32
	block uint64
}

// uses is global because it is to catch what no context can see by itself: two
// contexts with the same key. It only grows, in this debug build alone.
var uses = struct {
	sync.Mutex
	seen map[use]uint64
}{seen: map[use]uint64{}}

// recordUse panics when the key, SSRC and index were used together before:
// whatever follows would break the encryption.
func recordUse(key [16]byte, ssrc uint32, index uint64) {
	uses.Lock()
	defer uses.Unlock()
	u, bit := use{key, ssrc, index / 64}, uint64(1)<<(index%64)
	if uses.seen[u]&bit != 0 {
		panic(fmt.Sprintf("srtp: nonce used twice: SSRC %d, index %d", ssrc, index))
	}
	uses.seen[u] |= bit
}
