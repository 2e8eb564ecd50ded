package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// rtcpReport is an empty receiver report and a PLI.
func rtcpReport(ssrc uint32) []byte {
	b := []byte{0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 206, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint32(b[4:], ssrc)
	binary.BigEndian.PutUint32(b[12:], ssrc)
	return b
}

func newRTCPPair(t testing.TB, p Profile) (*RTCPEncryptor, *RTCPDecryptor) {
	t.Helper()
	m := newMaster(p)
	e, errE := NewRTCPEncryptor(p, m)
	d, errD := NewRTCPDecryptor(p, m)
	if errE != nil || errD != nil {
		t.Fatal(errE, errD)
	}
	return e, d
}

// Replays and forgeries of SRTCP (SE-3): each byte counts, and what is refused
// leaves no trace.
func TestRTCPRefuses(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		e, d := newRTCPPair(t, p)
		packet, err := e.Encrypt(nil, rtcpReport(1))
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(packet) {
			if _, err := d.Decrypt(nil, bytes.Clone(packet[:n])); err == nil {
				t.Errorf("cut to %d bytes: accepted", n)
			}
			changed := bytes.Clone(packet)
			changed[n] ^= 0x40
			if _, err := d.Decrypt(changed, changed); !errors.Is(err, ErrAuth) {
				t.Errorf("byte %d changed: %v", n, err)
			}
		}
		if _, err := d.Decrypt(nil, packet[:8]); !errors.Is(err, ErrShort) {
			t.Error(err)
		}
		if len(d.streams) != 0 {
			t.Errorf("%d SSRCs remembered", len(d.streams))
		}
		if got, err := d.Decrypt(nil, packet); err != nil || !bytes.Equal(got, rtcpReport(1)) {
			t.Errorf("the authentic one: %v", err)
		}
		if _, err := d.Decrypt(nil, packet); !errors.Is(err, ErrReplay) {
			t.Errorf("repeated: %v", err)
		}
	})
}

func TestRTCPManySSRCs(t *testing.T) {
	e, d := newRTCPPair(t, AES128GCM)
	for i := range uint32(MaxSSRCs + 1) {
		packet, err := e.Encrypt(nil, rtcpReport(i))
		if err != nil {
			t.Fatal(err)
		}
		want := error(nil)
		if i == MaxSSRCs {
			want = ErrTooManySSRCs
		}
		if _, err := d.Decrypt(nil, packet); !errors.Is(err, want) {
			t.Errorf("SSRC %d: %v", i, err)
		}
	}
}

func TestRTCPEncryptorRefuses(t *testing.T) {
	e, _ := newRTCPPair(t, AES128GCM)
	if _, err := e.Encrypt(nil, []byte{0x80, 201, 0, 1}); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
	if _, err := e.Encrypt(nil, make([]byte, 8)); err == nil {
		t.Error("version 0 was protected")
	}
}
