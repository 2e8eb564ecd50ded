package srtp

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Any order of numbers against a model that counts indexes without wrapping:
// each index is sealed at most once, with the index that the model gives it.
func TestEncryptorModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMaster(AES128GCM)
		s, err := newSession(AES128GCM, m)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.outgoing().Encryptor(7)
		if err != nil {
			t.Fatal(err)
		}
		reader := s.transform()
		newest := rapid.SampledFrom([]int64{0, 5, 32768, 65500, 65535}).Draw(t, "start")
		used := map[int64]bool{}
		for i := range rapid.IntRange(1, 100).Draw(t, "operations") {
			step := int64(0)
			if i > 0 {
				step = rapid.OneOf(rapid.Int64Range(-3, 4), rapid.Int64Range(-1030, 40),
					rapid.Int64Range(-32767, 32767)).Draw(t, "step")
			}
			index := newest + step
			want := index >= 0 && newest-index < windowSize && !used[index]
			out, err := e.Encrypt(make([]byte, 0, 64), plainHeader(uint16(index), 7), []byte("abc"))
			if !want {
				if !errors.Is(err, ErrReuse) || len(out) != 0 {
					t.Fatalf("index %d with newest %d: %v", index, newest, err)
				}
				continue
			}
			if err != nil || !reader.open(out, headerMin, 7, uint64(index)) {
				t.Fatalf("index %d with newest %d: %v", index, newest, err)
			}
			used[index], newest = true, max(newest, index)
		}
	})
}

func TestEncryptorRefuses(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		for _, tt := range []struct {
			name   string
			room   int
			header []byte
			want   error
		}{
			{"no header", 1500, nil, ErrShort},
			{"header too short", 1500, make([]byte, headerMin-1), ErrShort},
			{"another SSRC", 1500, plainHeader(3, 8), ErrSSRC},
			{"no buffer", 0, plainHeader(3, 7), ErrSpace},
			{"a byte too small", headerMin + 3 + p.Overhead() - 1, plainHeader(3, 7), ErrSpace},
			{"repeated", 1500, plainHeader(2, 7), ErrReuse},
			{"older than the window", 1500, plainHeader(65000, 7), ErrReuse},
			{"too far ahead (SE-11)", 1500, plainHeader(2+32768, 7), ErrReuse},
		} {
			t.Run(tt.name, func(t *testing.T) {
				e, d := newPair(t, p, 7)
				for _, n := range []uint16{1, 2} {
					if _, err := d.DecryptInPlace(sealed(t, e, n, "x"), headerMin); err != nil {
						t.Fatal(err)
					}
				}
				before := make([]byte, 4, 4+tt.room)
				out, err := e.Encrypt(before, tt.header, []byte("abc"))
				if !errors.Is(err, tt.want) || len(out) != 4 {
					t.Fatalf("%d bytes, %v, want %v", len(out), err, tt.want)
				}
				if written := before[4:cap(before)]; !bytes.Equal(written, make([]byte, len(written))) {
					t.Error("something was written")
				}
				// The refused number isn't used up.
				if _, err := d.DecryptInPlace(sealed(t, e, 3, "x"), headerMin); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestEncryptorExhausted(t *testing.T) {
	e, _ := newPair(t, AES128GCM, 7)
	e.window = window{highest: maxIndex, started: true}
	if _, err := e.Encrypt(make([]byte, 0, 100), plainHeader(0, 7), nil); !errors.Is(err, ErrExhausted) {
		t.Error(err)
	}
}

// Header and payload in place, apart, behind something else, of any size: the
// same cipher text.
func TestEncryptorMemory(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		for _, size := range []int{0, 1, 15, 16, 17, 127, 128, 129, 1200} {
			e, d := newPair(t, p, 7)
			payload := bytes.Repeat([]byte{0xA5}, size)
			var want []byte
			for n := range uint16(3) {
				header := plainHeader(n, 7)
				plain := append(bytes.Clone(header), payload...)
				buf := make([]byte, 0, 4+len(plain)+p.Overhead()) // room to the byte
				dst := buf
				switch n {
				case 1: // in place
					buf = append(buf, plain...)
					header, dst = buf[:headerMin], buf[:0]
				case 2: // behind another packet
					dst = append(buf, "prev"...)
				}
				from := payload
				if n == 1 {
					from = buf[headerMin:]
				}
				out, err := e.Encrypt(dst, header, from)
				if err != nil {
					t.Fatal(err)
				}
				if n == 2 {
					if string(out[:4]) != "prev" {
						t.Error("what was in the buffer is changed")
					}
					out = out[4:]
				}
				if &out[0] != &buf[:5][len(dst)] {
					t.Error("not in the caller's memory")
				}
				want = plain
				if got, err := d.DecryptInPlace(out, headerMin); err != nil || !bytes.Equal(got, want) {
					t.Errorf("size %d, way %d: %v", size, n, err)
				}
			}
		}
	})
}

// One encryptor per SSRC for life, whoever asks first.
func TestOutgoingOnce(t *testing.T) {
	o, err := NewOutgoing(AES128GCM, newMaster(AES128GCM))
	if err != nil {
		t.Fatal(err)
	}
	if o.Overhead() != 16 {
		t.Error(o.Overhead())
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[uint32]int{}
	for i := range uint32(40) {
		wg.Go(func() {
			e, err := o.Encryptor(i % 4)
			switch {
			case err == nil && e.SSRC() == i%4:
				mu.Lock()
				won[i%4]++
				mu.Unlock()
			case !errors.Is(err, ErrReuse):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for ssrc := range uint32(4) {
		if won[ssrc] != 1 {
			t.Errorf("SSRC %d: %d encryptors", ssrc, won[ssrc])
		}
	}
}

// Encryptors of one key share it, and may work at the same time.
func TestEncryptorsInParallel(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		m := newMaster(p)
		o, err := NewOutgoing(p, m)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for ssrc := range uint32(4) {
			wg.Go(func() {
				e, errE := o.Encryptor(ssrc)
				d, errD := NewDecryptor(p, m)
				if errE != nil || errD != nil {
					t.Error(errE, errD)
					return
				}
				for n := range uint16(200) {
					out, err := e.Encrypt(make([]byte, 0, 100), plainHeader(n, ssrc), []byte("in parallel"))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := d.DecryptInPlace(out, headerMin); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// PF-8: no allocation per packet, sealed and opened.
func TestAllocs(t *testing.T) {
	if checked {
		t.Skip("the check of nonces remembers each")
	}
	eachProfile(t, func(t *testing.T, p Profile) {
		e, d := newPair(t, p, 7)
		header, payload, dst := plainHeader(0, 7), make([]byte, 1200), make([]byte, 0, 1500)
		sequence := uint16(65000) // over the wrap
		step := func() {
			header[2], header[3] = byte(sequence>>8), byte(sequence)
			sequence++
			out, err := e.Encrypt(dst, header, payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.DecryptInPlace(out, headerMin); err != nil {
				t.Fatal(err)
			}
		}
		step() // the SSRC's state
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
