//go:build linux

package poll

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// TestMain fails when a goroutine outlives the tests (SE-18).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func listen(t *testing.T, p *Poller, filter func([]byte, time.Time) bool) *Socket {
	t.Helper()
	s, err := p.Listen(netip.MustParseAddr("127.0.0.1"), filter)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// What the filter wants passed reaches the newest pipe, whole and with its
// sender; the rest doesn't. A run that was sent as one arrives in its parts.
func TestFilterAndParts(t *testing.T) {
	p := newPoller(t)
	var parts atomic.Int32
	s := listen(t, p, func(b []byte, at time.Time) bool {
		if age := time.Since(at); age < -time.Second || age > 10*time.Second {
			t.Errorf("it arrived %v ago", age)
		}
		if b[0] == 'x' {
			parts.Add(1)
			return false
		}
		return true
	})
	old, err := s.GetConn("", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := s.GetConn("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	from, err := net.DialUDP("udp", nil, s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	raw, err := from.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// 5 parts of 100 bytes, one of 20.
	errControl := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 100) })
	if err = errors.Join(errControl, err); err != nil {
		t.Skipf("no UDP_SEGMENT here: %v", err)
	}
	if _, err := from.Write(bytes.Repeat([]byte("x"), 520)); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Write([]byte("pass")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, sender, err := conn.ReadFrom(b)
	if err != nil || string(b[:n]) != "pass" || sender.String() != from.LocalAddr().String() {
		t.Errorf("got %q of %v, %v", b[:n], sender, err)
	}
	if got := parts.Load(); got != 6 {
		t.Errorf("%d parts, want 6", got)
	}
	if _, err := conn.WriteTo([]byte("back"), sender); err != nil {
		t.Fatal(err)
	}
	if err := from.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := from.Read(b); err != nil || string(b[:n]) != "back" {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

// A deadline and the socket's end both end a read, and nothing can be sent or
// opened afterwards.
func TestEnds(t *testing.T) {
	p := newPoller(t)
	s := listen(t, p, func([]byte, time.Time) bool { return true })
	conn, err := s.GetConn("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past the deadline: %v", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := conn.ReadFrom(nil)
		ended <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := conn.WriteTo([]byte("x"), s.address); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sent after the end: %v", err)
	}
	if _, err := s.GetConn("", nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("opened after the end: %v", err)
	}
}

// What a task sends arrives whole and in order: equal sizes, as they leave in
// one run, others, more than one message, and an end of runs in between.
func TestTaskSendsTogether(t *testing.T) {
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	for _, plain := range []bool{false, true} {
		p := newPoller(t)
		p.out.plain = plain
		s := listen(t, p, func([]byte, time.Time) bool { return true })
		conn, err := s.GetConn("", nil)
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for i := range 100 {
			sizes = append(sizes, []int{900, 900, 901, 901, 901, 300, 301, 2}[i%8])
		}
		sent := make(chan error, 1)
		stop := s.Run(func(time.Time) (time.Time, bool) {
			for i, size := range sizes {
				b := bytes.Repeat([]byte{byte(i)}, size)
				if _, err := conn.WriteTo(b, to.LocalAddr()); err != nil {
					sent <- err
					return time.Time{}, false
				}
			}
			sent <- nil
			return time.Time{}, false
		})
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if err := to.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2000)
		for i, size := range sizes {
			n, err := to.Read(b)
			if err != nil || n != size || b[0] != byte(i) || b[n-1] != byte(i) {
				t.Fatalf("plain %v: datagram %d: %d bytes of %d, %v", plain, i, n, b[0], err)
			}
		}
		stop()
	}
}

// A task is called when it said, and not after stop; one that is always behind
// doesn't keep others waiting.
func TestTasks(t *testing.T) {
	p := newPoller(t)
	s := listen(t, p, func([]byte, time.Time) bool { return true })
	behind := s.Run(func(now time.Time) (time.Time, bool) { return now.Add(-time.Hour), true })
	defer behind()
	const step = 5 * time.Millisecond
	var calls atomic.Int32
	done := make(chan time.Duration, 1)
	began := time.Now()
	stop := s.Run(func(time.Time) (time.Time, bool) {
		n := calls.Add(1)
		if n == 11 {
			done <- time.Since(began)
		}
		return began.Add(time.Duration(n) * step), true
	})
	select {
	case took := <-done:
		if took < 10*step {
			t.Errorf("11 calls after %v", took)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it isn't called")
	}
	stop()
	before := calls.Load()
	if once := <-again(s); once != 1 || calls.Load() != before {
		t.Errorf("called %d times after stop", calls.Load()-before)
	}
}

// again tells when a task that was begun now has been called.
func again(s *Socket) <-chan int {
	c := make(chan int, 1)
	s.Run(func(time.Time) (time.Time, bool) {
		c <- 1
		return time.Time{}, false
	})
	return c
}
