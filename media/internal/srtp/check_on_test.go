//go:build srtpcheck

package srtp

import "testing"

// Two contexts with the same key are caught in the debug build.
func TestCheckPanics(t *testing.T) {
	m := newMaster(AES128GCM)
	var encryptors []*Encryptor
	for range 2 {
		o, err := NewOutgoing(AES128GCM, m)
		if err != nil {
			t.Fatal(err)
		}
		e, err := o.Encryptor(7)
		if err != nil {
			t.Fatal(err)
		}
		encryptors = append(encryptors, e)
	}
	sealed(t, encryptors[0], 5, "x")
	sealed(t, encryptors[1], 6, "x") // another index is no reuse
	defer func() {
		if recover() == nil {
			t.Error("a nonce was used twice and nothing was said")
		}
	}()
	sealed(t, encryptors[1], 5, "y")
}
