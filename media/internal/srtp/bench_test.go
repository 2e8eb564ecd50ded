package srtp

import (
	"fmt"
	"testing"

	"github.com/pion/rtp"
)

var benchSizes = []int{1200, 100}

func eachBench(b *testing.B, f func(b *testing.B, p Profile, size int)) {
	for _, p := range profiles {
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", p, size), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				f(b, p, size)
			})
		}
	}
}

func BenchmarkEncrypt(b *testing.B) {
	eachBench(b, func(b *testing.B, p Profile, size int) {
		e, _ := newPair(b, p, 7)
		header, payload, dst := plainHeader(0, 7), make([]byte, size), make([]byte, 0, 1500)
		sequence := uint16(0)
		for b.Loop() {
			header[2], header[3] = byte(sequence>>8), byte(sequence)
			sequence++
			if _, err := e.Encrypt(dst, header, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// pion's encryption, with the header parsed from the packet as it does.
func BenchmarkEncryptPion(b *testing.B) {
	eachBench(b, func(b *testing.B, p Profile, size int) {
		c := pionContext(b, p, newMaster(p))
		plain, dst := append(plainHeader(0, 7), make([]byte, size)...), make([]byte, 1500)
		header := rtp.Header{}
		sequence := uint16(0)
		for b.Loop() {
			plain[2], plain[3] = byte(sequence>>8), byte(sequence)
			sequence++
			if _, err := c.EncryptRTP(dst, plain, &header); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchBatch is how many packets are sealed ahead, outside the measured time.
const benchBatch = 512

func benchDecrypt(b *testing.B, p Profile, size int, m Master, open func(packet []byte) error) {
	o, err := NewOutgoing(p, m)
	if err != nil {
		b.Fatal(err)
	}
	e, err := o.Encryptor(7)
	if err != nil {
		b.Fatal(err)
	}
	packets := make([][]byte, benchBatch)
	for i := range packets {
		packets[i] = make([]byte, 0, 1500)
	}
	payload, sequence := make([]byte, size), uint16(0)
	for i := 0; b.Loop(); i++ {
		if i%benchBatch == 0 {
			b.StopTimer()
			for j := range packets {
				if packets[j], err = e.Encrypt(packets[j][:0], plainHeader(sequence, 7), payload); err != nil {
					b.Fatal(err)
				}
				sequence++
			}
			b.StartTimer()
		}
		if err := open(packets[i%benchBatch]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecrypt(b *testing.B) {
	eachBench(b, func(b *testing.B, p Profile, size int) {
		m := newMaster(p)
		d, err := NewDecryptor(p, m)
		if err != nil {
			b.Fatal(err)
		}
		benchDecrypt(b, p, size, m, func(packet []byte) error {
			_, err := d.DecryptInPlace(packet, headerMin)
			return err
		})
	})
}

func BenchmarkDecryptPion(b *testing.B) {
	eachBench(b, func(b *testing.B, p Profile, size int) {
		m := newMaster(p)
		c := pionContext(b, p, m)
		header := rtp.Header{}
		benchDecrypt(b, p, size, m, func(packet []byte) error {
			_, err := c.DecryptRTP(packet, packet, &header)
			return err
		})
	})
}

// A flood of repeated packets costs a look into the window.
func BenchmarkDecryptReplay(b *testing.B) {
	e, d := newPair(b, AES128GCM, 7)
	packet := sealed(b, e, 1, "x")
	replay := append([]byte(nil), packet...)
	if _, err := d.DecryptInPlace(packet, headerMin); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.DecryptInPlace(replay, headerMin); err == nil {
			b.Fatal("accepted")
		}
	}
}
