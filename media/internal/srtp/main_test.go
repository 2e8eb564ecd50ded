package srtp

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var profiles = []Profile{AES128GCM, AES256GCM, AES128CMSHA1}

// newMaster makes random master keys, so that no two tests share one.
func newMaster(p Profile) Master {
	key, salt, err := p.sizes()
	if err != nil {
		return Master{}
	}
	m := Master{Key: make([]byte, key), Salt: make([]byte, salt)}
	_, _ = rand.Read(m.Key)
	_, _ = rand.Read(m.Salt)
	return m
}

func newPair(t testing.TB, p Profile, ssrc uint32) (*Encryptor, *Decryptor) {
	t.Helper()
	m := newMaster(p)
	o, err := NewOutgoing(p, m)
	if err != nil {
		t.Fatal(err)
	}
	e, err := o.Encryptor(ssrc)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecryptor(p, m)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// plainHeader is the shortest RTP header.
func plainHeader(sequence uint16, ssrc uint32) []byte {
	h := make([]byte, headerMin)
	h[0], h[1] = 0x80, 96
	binary.BigEndian.PutUint16(h[2:], sequence)
	binary.BigEndian.PutUint32(h[8:], ssrc)
	return h
}

// sealed is a packet in new memory.
func sealed(t testing.TB, e *Encryptor, sequence uint16, payload string) []byte {
	t.Helper()
	out, err := e.Encrypt(make([]byte, 0, 1500), plainHeader(sequence, e.SSRC()), []byte(payload))
	if err != nil {
		t.Fatalf("number %d: %v", sequence, err)
	}
	return out
}

func eachProfile(t *testing.T, f func(t *testing.T, p Profile)) {
	for _, p := range profiles {
		t.Run(p.String(), func(t *testing.T) { f(t, p) })
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
