package srtp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

func pionContext(t testing.TB, p Profile, m Master) *pion.Context {
	t.Helper()
	c, err := pion.CreateContext(m.Key, m.Salt, pion.ProtectionProfile(p), pion.SRTPReplayProtection(windowSize),
		pion.SRTCPReplayProtection(windowSize))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// randomPacket makes a packet with any of CSRCs, extensions, padding.
func randomPacket(t testing.TB, r *rand.Rand, ssrc uint32, sequence uint16) (raw []byte, headerLen int) {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: uint8(r.IntN(128)), Marker: r.IntN(2) == 0,
		SequenceNumber: sequence, Timestamp: r.Uint32(), SSRC: ssrc,
	}}
	for range r.IntN(16) * r.IntN(2) {
		p.CSRC = append(p.CSRC, r.Uint32())
	}
	largest := 16
	if r.IntN(2) == 0 {
		largest, p.Extension, p.ExtensionProfile = 255, true, rtp.ExtensionProfileTwoByte
	}
	for id := range r.IntN(5) {
		value := make([]byte, 1+r.IntN(largest))
		if err := p.SetExtension(uint8(id+1), value); err != nil {
			t.Fatal(err)
		}
	}
	p.Payload = make([]byte, r.IntN(1200))
	for i := range p.Payload {
		p.Payload[i] = byte(r.Uint32())
	}
	if r.IntN(3) == 0 {
		p.Padding, p.Header.PaddingSize = true, byte(1+r.IntN(255))
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw, p.Header.MarshalSize()
}

// numbers are n sequence numbers from start in an order as a network makes it:
// some late, some lost, none twice. The first comes first.
func numbers(r *rand.Rand, start uint16, n int) []uint16 {
	var out []uint16
	for i := range n {
		if i == 0 || r.IntN(20) > 0 {
			out = append(out, start+uint16(i))
		}
	}
	for i := 1; i < len(out); i++ {
		if j := i + r.IntN(40); r.IntN(4) == 0 && j < len(out) {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

var starts = []uint16{0, 1, 32767, 32768, 65000, 65500, 65534, 65535}

// What we seal, pion opens; what pion seals, we open: several streams on one
// transport, over the wrap, reordered (SE-11).
func TestAgainstPion(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		r := rand.New(rand.NewPCG(1, uint64(p)))
		outKeys, inKeys := newMaster(p), newMaster(p)
		outgoing, err := NewOutgoing(p, outKeys)
		if err != nil {
			t.Fatal(err)
		}
		decryptor, err := NewDecryptor(p, inKeys)
		if err != nil {
			t.Fatal(err)
		}
		pionIn, pionOut := pionContext(t, p, outKeys), pionContext(t, p, inKeys)
		for _, start := range starts {
			ssrc := r.Uint32()
			e, err := outgoing.Encryptor(ssrc)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range numbers(r, start, 1000) {
				raw, headerLen := randomPacket(t, r, ssrc, n)
				sealedByUs, err := e.Encrypt(make([]byte, 0, 4096), raw[:headerLen], raw[headerLen:])
				if err != nil {
					t.Fatalf("start %d: we don't seal %d: %v", start, n, err)
				}
				if opened, err := pionIn.DecryptRTP(nil, sealedByUs, nil); err != nil || !bytes.Equal(opened, raw) {
					t.Fatalf("start %d: pion doesn't open our %d: %v", start, n, err)
				}
				sealedByPion, err := pionOut.EncryptRTP(nil, raw, nil)
				if err != nil {
					t.Fatal(err)
				}
				if len(sealedByPion) != len(raw)+p.Overhead() {
					t.Fatalf("overhead %d", len(sealedByPion)-len(raw))
				}
				if opened, err := decryptor.DecryptInPlace(sealedByPion, headerLen); err != nil || !bytes.Equal(opened, raw) {
					t.Fatalf("start %d: we don't open pion's %d: %v", start, n, err)
				}
			}
		}
	})
}

// A stream of 200,000 numbers wraps three times; a receiver that is without it
// for 32,767 of them follows (SE-11).
func TestLongStreamAgainstPion(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		m := newMaster(p)
		o, err := NewOutgoing(p, m)
		if err != nil {
			t.Fatal(err)
		}
		e, err := o.Encryptor(7)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDecryptor(p, m)
		if err != nil {
			t.Fatal(err)
		}
		theirs := pionContext(t, p, m)
		for i := 0; i < 200_000; i += 32_767 / 7 {
			packet := sealed(t, e, uint16(i), "x")
			if _, err := theirs.DecryptRTP(nil, packet, nil); err != nil {
				t.Fatalf("pion doesn't open %d: %v", i, err)
			}
			if i%7 == 0 {
				if _, err := d.DecryptInPlace(packet, headerMin); err != nil {
					t.Fatalf("we don't open %d: %v", i, err)
				}
			}
		}
	})
}

// SRTCP: both ways, and replay.
func TestRTCPAgainstPion(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		outKeys, inKeys := newMaster(p), newMaster(p)
		e, err := NewRTCPEncryptor(p, outKeys)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewRTCPDecryptor(p, inKeys)
		if err != nil {
			t.Fatal(err)
		}
		pionIn, pionOut := pionContext(t, p, outKeys), pionContext(t, p, inKeys)
		for i := range 300 {
			plain := rtcpReport(uint32(i % 5))
			ours, err := e.Encrypt(make([]byte, 0, 200), plain)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := pionIn.DecryptRTCP(nil, ours, nil); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("pion doesn't open ours: %v", err)
			}
			theirs, err := pionOut.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			again := bytes.Clone(theirs)
			if got, err := d.Decrypt(theirs, theirs); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("we don't open pion's: %v", err)
			}
			if _, err := d.Decrypt(nil, again); err != ErrReplay {
				t.Fatalf("repeated: %v", err)
			}
		}
	})
}
