package udp

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// refusing makes b's system call fail with what refuse returns for a message,
// before which it sends what it can.
func refusing(b *Batch, refuse func(m *unix.Mmsghdr) syscall.Errno) {
	w := b.sender.(*fastSender)
	w.sendmmsg = func(fd uintptr, messages []unix.Mmsghdr) (int, syscall.Errno) {
		for i := range messages {
			if errno := refuse(&messages[i]); errno != 0 {
				if i == 0 {
					return 0, errno
				}
				messages = messages[:i]
				break
			}
		}
		return sendmmsg(fd, messages)
	}
}

// Where the kernel refuses GSO, nothing is lost, and it is given up.
func TestGSORefused(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EIO, unix.EINVAL, unix.EMSGSIZE} {
		var log bytes.Buffer
		m := listenWith(t, Config{Address: "127.0.0.1", Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b := m.NewBatch()
		refusing(b, func(h *unix.Mmsghdr) syscall.Errno {
			if h.Hdr.Controllen > 0 {
				return errno
			}
			return 0
		})
		for range refusalLimit + 3 {
			c, d := remote(t, m)
			other, to := remote(t, m)
			want := [][]byte{stamped(300, 1), stamped(300, 2), stamped(200, 3)}
			for range 2 { // the second time it isn't tried again
				put(b, to, want[0])
				for _, p := range want {
					put(b, d, p)
				}
				b.Flush()
				wantNext(t, c, want)
				wantNext(t, other, want[:1])
			}
		}
		s := m.Stats()
		if s.GSO || s.GSORefused != refusalLimit || s.GSOPackets != 0 || s.Dropped[DropSendError] != 0 {
			t.Errorf("%s: %+v", errno, s)
		}
		if n := strings.Count(log.String(), "UDP_SEGMENT"); n != 1 {
			t.Errorf("%s was logged %d times: %s", errno, n, &log)
		}
		b.Close()
	}
}

// One path that takes no GSO (a small MTU) doesn't slow the others.
func TestGSORefusedByOnePath(t *testing.T) {
	m := listen(t)
	b := m.NewBatch()
	defer b.Close()
	for range 2 * refusalLimit {
		bad, refused := remote(t, m)
		good, taken := remote(t, m)
		refusing(b, func(h *unix.Mmsghdr) syscall.Errno {
			if h.Hdr.Controllen > 0 && h.Hdr.Name == &refused.raw[0] {
				return unix.EINVAL
			}
			return 0
		})
		var want [][]byte
		for k := range 2 * refusalLimit { // as many runs: each is shorter than the next
			want = append(want, stamped(300+k, 1), stamped(300+k, 2))
		}
		for _, p := range want {
			put(b, refused, p)
		}
		for _, p := range want[:2] {
			put(b, taken, p)
		}
		b.Flush()
		wantNext(t, bad, want)
		wantNext(t, good, want[:2])
	}
	if s := m.Stats(); !s.GSO || s.GSORefused != 2*refusalLimit*2*refusalLimit || s.GSORuns != 2*refusalLimit {
		t.Errorf("%+v", s)
	}
}

// A datagram that can't be sent doesn't take the rest of its batch along.
func TestSendErrorsSkipOne(t *testing.T) {
	m := listen(t)
	b := m.NewBatch()
	defer b.Close()
	c, d := remote(t, m)
	nowhere := m.Destination(netip.AddrPortFrom(loopback, 0))        // EINVAL
	six := m.Destination(netip.MustParseAddrPort("[2001:db8::1]:9")) // not on this socket
	var want [][]byte
	for i := range 10 {
		want = append(want, stamped(100+i, uint32(i)))
		for _, to := range []*Destination{nowhere, d, six} {
			put(b, to, want[i])
		}
	}
	b.Flush()
	wantNext(t, c, want)
	if s := m.Stats(); s.Dropped[DropSendError] != 20 || s.PacketsOut != 10 {
		t.Errorf("%+v", s)
	}
	refusing(b, func(h *unix.Mmsghdr) syscall.Errno { return unix.ECONNREFUSED })
	put(b, d, want[0])
	put(b, d, want[0])
	b.Flush()
	if s := m.Stats(); s.Dropped[DropSendError] != 22 {
		t.Errorf("%+v", s)
	}
}

// A send buffer that stays full costs its packets, and bounded time.
func TestSendBufferFull(t *testing.T) {
	m := listen(t)
	b := m.NewBatch()
	defer b.Close()
	c, d := remote(t, m)
	tries := 0
	refusing(b, func(*unix.Mmsghdr) syscall.Errno {
		if tries++; tries == 1 {
			return unix.EAGAIN
		}
		return 0
	})
	put(b, d, stamped(100, 1))
	b.Flush()
	wantNext(t, c, [][]byte{stamped(100, 1)}) // once: waited, and sent

	refusing(b, func(*unix.Mmsghdr) syscall.Errno { return unix.EAGAIN })
	for i := range 3 {
		put(b, d, stamped(100-i, 1))
	}
	b.Flush()
	if s := m.Stats(); s.Dropped[DropSendBufferFull] != 3 {
		t.Errorf("%+v", s)
	}
}
