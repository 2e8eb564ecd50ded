package auth

import (
	"context"
	"encoding/hex"

	"github.com/atriumrtc/atrium/control/store"
)

// Watch reports that a session was used or has ended (R-P-2); of a digest that
// is no session's it reports nothing.
func (*Sessions) Watch(ctx context.Context, db store.Store, digest [32]byte) (store.Watcher, error) {
	return db.Watch(ctx, prefixSession+hex.EncodeToString(digest[:]))
}
