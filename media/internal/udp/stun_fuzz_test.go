package udp

import (
	"bytes"
	"testing"

	"github.com/pion/stun/v4"
)

// SE-10: what we take out of a check agrees with a full STUN parser, and no
// input panics.
func FuzzCheckUfrag(f *testing.F) {
	f.Add(check(f, "alice"))
	f.Add(answer(f, check(f, "alice")))
	f.Add(message(f, stun.BindingRequest, stun.TransactionID, stun.NewUsername("alice:b")))
	f.Add([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, ok := stunType(b)
		if !ok || typ != stunBindingRequest {
			return
		}
		ufrag, ok := checkUfrag(b)
		if !ok {
			return
		}
		msg := &stun.Message{Raw: bytes.Clone(b)}
		if err := msg.Decode(); err != nil {
			// The parser rejects what follows MESSAGE-INTEGRITY too, which
			// routing doesn't read; the agent drops such a message.
			return
		}
		username, err := msg.Get(stun.AttrUsername)
		if err != nil || !bytes.HasPrefix(username, append(bytes.Clone(ufrag), ':')) || bytes.Contains(ufrag, []byte{':'}) {
			t.Fatalf("fragment %q of username %q (%v)", ufrag, username, err)
		}
		if !msg.Contains(stun.AttrMessageIntegrity) {
			t.Fatal("a check without integrity")
		}
	})
}
