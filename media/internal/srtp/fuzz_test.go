package srtp

import (
	"bytes"
	"testing"
)

// Whatever arrives without the key is refused, without a panic (SE-3, SE-10).
func FuzzDecrypt(f *testing.F) {
	f.Add([]byte(nil), 0)
	f.Add(plainHeader(1, 7), headerMin)
	f.Add(append(plainHeader(65535, 7), make([]byte, 100)...), headerMin)
	f.Add(append(plainHeader(65535, 7), make([]byte, 100)...), 50)
	f.Add(bytes.Repeat([]byte{0x90}, 1500), -5)
	f.Fuzz(func(t *testing.T, packet []byte, headerLen int) {
		for _, p := range profiles {
			// A random key: nothing that the fuzzer has learnt is authentic.
			e, d := newPair(t, p, 7)
			if _, err := d.DecryptInPlace(sealed(t, e, 1, "x"), headerMin); err != nil {
				t.Fatal(err)
			}
			if got, err := d.DecryptInPlace(bytes.Clone(packet), headerLen); err == nil || got != nil {
				t.Errorf("%v: accepted", p)
			}
			_, in := newRTCPPair(t, p)
			if got, err := in.Decrypt(nil, bytes.Clone(packet)); err == nil || got != nil {
				t.Errorf("%v: accepted as RTCP", p)
			}
		}
	})
}

// A packet that was changed anywhere is refused, and then the authentic one is
// still good (SE-3).
func FuzzForge(f *testing.F) {
	f.Add([]byte("payload"), []byte{0, 0, 1}, uint16(3))
	f.Add([]byte{}, bytes.Repeat([]byte{1}, 60), uint16(65535))
	f.Add([]byte("payload"), []byte{0, 0, 0}, uint16(3))
	f.Fuzz(func(t *testing.T, payload, mask []byte, sequence uint16) {
		if len(payload) > 1200 {
			return
		}
		for _, p := range profiles {
			e, d := newPair(t, p, 7)
			packet := sealed(t, e, sequence, string(payload))
			forged := bytes.Clone(packet)
			for i := range min(len(mask), len(forged)) {
				forged[i] ^= mask[i]
			}
			if !bytes.Equal(forged, packet) {
				if _, err := d.DecryptInPlace(forged, headerMin); err == nil {
					t.Fatalf("%v: a forgery was accepted", p)
				}
			}
			got, err := d.DecryptInPlace(packet, headerMin)
			if err != nil || !bytes.Equal(got[headerMin:], payload) {
				t.Fatalf("%v: the authentic packet: %v", p, err)
			}
		}
	})
}

// No line in the key log makes the tap panic, or take keys that aren't there.
func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM 00 00\n"))
	f.Add([]byte("CLIENT_RANDOM"))
	f.Add(bytes.Join([][]byte{[]byte(keyLogLabel), bytes.Repeat([]byte("a"), 64), bytes.Repeat([]byte("0"), 96)}, []byte(" ")))
	f.Fuzz(func(t *testing.T, line []byte) {
		var tap KeyTap
		before := bytes.Clone(line)
		if n, err := (keyLog{&tap}).Write(line); n != len(line) || err != nil || !bytes.Equal(line, before) {
			t.Fatalf("wrote %d, %v", n, err)
		}
		if tap.master != nil && (len(tap.master) != masterLen || len(tap.clientRandom) != 32) {
			t.Error("took a secret of the wrong size")
		}
		if _, err := tap.Keys(); err == nil {
			t.Error("keys without a server hello")
		}
	})
}
