package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// Replays, forgeries and malformed packets are refused by name, and leave the
// stream as it was (SE-3).
func TestDecryptorRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		packet func(t *testing.T, e *Encryptor) (packet []byte, headerLen int)
		want   error
	}{
		{"empty", func(*testing.T, *Encryptor) ([]byte, int) { return nil, headerMin }, ErrShort},
		{"header only", func(_ *testing.T, e *Encryptor) ([]byte, int) {
			return plainHeader(101, e.SSRC()), headerMin
		}, ErrShort},
		{"no room for the tag", func(t *testing.T, e *Encryptor) ([]byte, int) {
			p := sealed(t, e, 102, "abc")
			return p, len(p) - e.Overhead() + 1
		}, ErrShort},
		{"header too short", func(t *testing.T, e *Encryptor) ([]byte, int) {
			return sealed(t, e, 102, "abc"), headerMin - 1
		}, ErrShort},
		{"negative header", func(t *testing.T, e *Encryptor) ([]byte, int) {
			return sealed(t, e, 102, "abc"), -1
		}, ErrShort},
		{"tag changed", flipped(-1), ErrAuth},
		{"payload changed", flipped(headerMin), ErrAuth},
		{"timestamp changed", flipped(5), ErrAuth},
		{"payload type changed", flipped(1), ErrAuth},
		{"number changed", flipped(2), ErrAuth},
		{"SSRC changed", flipped(8), ErrAuth},
		{"cut off", func(t *testing.T, e *Encryptor) ([]byte, int) {
			p := sealed(t, e, 102, "abcdef")
			return p[:len(p)-1], headerMin
		}, ErrAuth},
		{"garbage", func(_ *testing.T, e *Encryptor) ([]byte, int) {
			return append(plainHeader(102, e.SSRC()), make([]byte, 100)...), headerMin
		}, ErrAuth},
		{"from beyond the wrap", func(_ *testing.T, e *Encryptor) ([]byte, int) {
			return append(plainHeader(60000, e.SSRC()), make([]byte, 100)...), headerMin
		}, ErrAuth},
	} {
		eachProfile(t, func(t *testing.T, p Profile) {
			t.Run(tt.name, func(t *testing.T) {
				e, d := newPair(t, p, 7)
				if _, err := d.DecryptInPlace(sealed(t, e, 100, "first"), headerMin); err != nil {
					t.Fatal(err)
				}
				packet, headerLen := tt.packet(t, e)
				if got, err := d.DecryptInPlace(packet, headerLen); !errors.Is(err, tt.want) || got != nil {
					t.Fatalf("got %d bytes, %v, want %v", len(got), err, tt.want)
				}
				if len(d.streams) != 1 {
					t.Errorf("%d SSRCs remembered", len(d.streams))
				}
				if got, err := d.DecryptInPlace(sealed(t, e, 101, "next"), headerMin); err != nil ||
					string(got[headerMin:]) != "next" {
					t.Errorf("the next packet: %q, %v", got, err)
				}
			})
		})
	}
}

// flipped changes a bit of an authentic packet.
func flipped(at int) func(t *testing.T, e *Encryptor) ([]byte, int) {
	return func(t *testing.T, e *Encryptor) ([]byte, int) {
		p := sealed(t, e, 102, "abcdef")
		p[(at+len(p))%len(p)] ^= 1
		return p, headerMin
	}
}

func TestDecryptorReplay(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		e, d := newPair(t, p, 7)
		packets := map[uint16][]byte{}
		first := uint16(65535 - 900) // over the wrap
		for i := range uint16(1800) {
			packets[first+i] = sealed(t, e, first+i, "x")
		}
		open := func(n uint16) error {
			_, err := d.DecryptInPlace(bytes.Clone(packets[n]), headerMin)
			return err
		}
		for _, step := range []struct {
			number uint16
			want   error
		}{
			{first, nil},
			{first, ErrReplay},
			{first + 900, nil},
			{first + 1020, nil}, // wrapped
			{first, ErrReplay},  // still in the window
			{first + 1, nil},    // late, before the wrap
			{first + 1, ErrReplay},
			{first + 900, ErrReplay},
			{first + 1700, nil},
			{first + 600, ErrReplay}, // never seen, older than the window
			{first + 677, nil},       // the oldest of the window
			{first + 677, ErrReplay},
			{first + 1700, ErrReplay},
		} {
			if err := open(step.number); !errors.Is(err, step.want) {
				t.Errorf("number %d: %v, want %v", step.number, err, step.want)
			}
		}
	})
}

// Forged SSRCs cost no state, authentic ones up to a bound.
func TestDecryptorManySSRCs(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		m := newMaster(p)
		o, err := NewOutgoing(p, m)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecryptor(p, m)
		if err != nil {
			t.Fatal(err)
		}
		forged := append(plainHeader(0, 0), make([]byte, 100)...)
		ssrc := uint32(1 << 20)
		if n := testing.AllocsPerRun(1000, func() {
			ssrc++
			binary.BigEndian.PutUint32(forged[8:], ssrc)
			if _, err := d.DecryptInPlace(forged, headerMin); !errors.Is(err, ErrAuth) {
				t.Fatal(err)
			}
		}); n != 0 || len(d.streams) != 0 {
			t.Fatalf("%v allocations, %d SSRCs remembered", n, len(d.streams))
		}
		for i := range uint32(MaxSSRCs + 1) {
			e, err := o.Encryptor(i)
			if err != nil {
				t.Fatal(err)
			}
			want := error(nil)
			if i == MaxSSRCs {
				want = ErrTooManySSRCs
			}
			if _, err := d.DecryptInPlace(sealed(t, e, 1, "x"), headerMin); !errors.Is(err, want) {
				t.Fatalf("SSRC %d: %v", i, err)
			}
		}
	})
}

// Whoever joins late within the first 65,536 numbers follows; later, the guess
// of the rollover is wrong and the packet is refused, never garbled.
func TestDecryptorJoinsLate(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		for _, start := range starts {
			e, d := newPair(t, p, 7)
			for i := range uint16(3) {
				if _, err := d.DecryptInPlace(sealed(t, e, start+i, "x"), headerMin); err != nil {
					t.Errorf("start %d: %v", start, err)
				}
			}
		}
		e, d := newPair(t, p, 7)
		for _, n := range []uint16{30000, 60000, 10} {
			packet := sealed(t, e, n, "x")
			if n == 10 {
				if _, err := d.DecryptInPlace(packet, headerMin); !errors.Is(err, ErrAuth) {
					t.Errorf("after a wrap that wasn't seen: %v", err)
				}
			}
		}
	})
}

func TestDecryptorExhausted(t *testing.T) {
	e, d := newPair(t, AES128GCM, 7)
	d.streams[7] = &window{highest: maxIndex, started: true}
	if _, err := d.DecryptInPlace(sealed(t, e, 0, "x"), headerMin); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

func TestConstructorsRefuse(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile Profile
		master  Master
		want    error
	}{
		{"unknown profile", 2, newMaster(AES128CMSHA1), ErrProfile},
		{"profile zero", 0, Master{}, ErrProfile},
		{"key of another profile", AES256GCM, newMaster(AES128GCM), ErrKeySize},
		{"salt of another profile", AES128GCM, newMaster(AES128CMSHA1), ErrKeySize},
		{"no key", AES128GCM, Master{}, ErrKeySize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, errOut := NewOutgoing(tt.profile, tt.master)
			_, errIn := NewDecryptor(tt.profile, tt.master)
			_, errRTCPOut := NewRTCPEncryptor(tt.profile, tt.master)
			_, errRTCPIn := NewRTCPDecryptor(tt.profile, tt.master)
			for _, err := range []error{errOut, errIn, errRTCPOut, errRTCPIn} {
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			}
		})
	}
}
