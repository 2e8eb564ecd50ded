package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readMessages is how many messages one recvmmsg takes.
	readMessages = 64
	// groBytes is the room for a message that the kernel coalesced: an IP
	// datagram. Buffers are a little further apart, so that their beginnings
	// don't all fall into the same sets of the processor's caches.
	groBytes = 1 << 16
	skew     = 17 * 64
)

const canSharePort = true

// sharePort sets SO_REUSEPORT: the kernel spreads sources over the sockets,
// each always to the same.
func sharePort(_, _ string, raw syscall.RawConn) error {
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); err != nil {
		return err
	}
	return failed
}

// probe asks the kernel what it offers.
func (s *socket) probe(cfg Config) {
	if cfg.portable {
		return
	}
	_ = s.raw.Control(func(fd uintptr) {
		if family, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil {
			s.v6 = family == unix.AF_INET6
			s.fast = true
		}
		if !cfg.DisableGRO {
			s.gro = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) == nil
		}
		if !cfg.DisableGSO {
			// 0 is no segmentation by default; that it can be said is support.
			s.gso.Store(unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0) == nil)
		}
	})
}

// fastReceiver reads with recvmmsg, and UDP_GRO where the socket has it.
type fastReceiver struct {
	socket   *socket
	messages [readMessages]unix.Mmsghdr
	iovecs   [readMessages]unix.Iovec
	names    [readMessages][rawAddress]byte
	controls []byte // controlSpace for each
	arena    []byte
	room     int // for each message, of stride bytes
	stride   int

	read, look func(fd uintptr) bool // one closure each for life
	held       int                   // messages since the last receive
	n          int                   // of them, of the last read
	err        error
}

// controlSpace holds the kernel's gso_size, an int.
var controlSpace = unix.CmsgSpace(4)

func newFastReceiver(s *socket) receiver {
	r := &fastReceiver{socket: s, room: packetSize, stride: packetSize, controls: make([]byte, readMessages*controlSpace)}
	if s.gro {
		r.room, r.stride = groBytes, groBytes+skew
	}
	r.arena = make([]byte, readMessages*r.stride)
	for i := range r.messages {
		r.iovecs[i].Base = &r.arena[i*r.stride]
		r.iovecs[i].SetLen(r.room)
		h := &r.messages[i].Hdr
		h.Name = &r.names[i][0]
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		if s.gro {
			h.Control = &r.controls[i*controlSpace]
		}
	}
	r.renew(readMessages)
	r.read = r.tryRead
	r.look = func(fd uintptr) bool { r.tryRead(fd); return true }
	return r
}

// renew makes the first n messages ready to be read into again.
func (r *fastReceiver) renew(n int) {
	for i := range r.messages[:n] { // what reads have overwritten
		h := &r.messages[i].Hdr
		h.Namelen = rawAddress
		h.Flags = 0
		if r.socket.gro {
			h.SetControllen(controlSpace)
		}
	}
	r.held = 0
}

func (r *fastReceiver) receive() (int, error) {
	r.renew(r.held)
	return r.next(r.read)
}

// next reads behind what is held.
func (r *fastReceiver) next(try func(fd uintptr) bool) (int, error) {
	if err := r.socket.raw.Read(try); err != nil {
		return 0, err
	}
	r.held += r.n
	return r.n, r.err
}

func (r *fastReceiver) more(until time.Time) (int, error) {
	if r.held == readMessages {
		return 0, nil
	}
	// Most often it is there already, and a deadline costs more than a look.
	if n, err := r.next(r.look); n > 0 || err != nil {
		return n, err
	}
	if err := r.socket.conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	n, err := r.next(r.read)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, errors.Join(err, r.socket.conn.SetReadDeadline(time.Time{}))
}

// tryRead reports whether there is a result; else the runtime's poller waits
// until the socket is readable.
func (r *fastReceiver) tryRead(fd uintptr) bool {
	r.n, r.err = 0, nil
	free := r.messages[r.held:]
	for {
		n, _, errno := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&free[0])), uintptr(len(free)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.n = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			r.err = fmt.Errorf("reading the media socket: %w", errno)
			return true
		}
	}
}

func (r *fastReceiver) arrival(i int) arrival {
	m := &r.messages[i]
	n, at := int(m.Len), i*r.stride
	out := arrival{b: r.arena[at : at+n : at+n], segment: n, from: parseRawAddress(&r.names[i])}
	if r.socket.gro && m.Hdr.Controllen > 0 {
		out.segment = r.segmentSize(i, n)
	}
	return out
}

// segmentSize returns what UDP_GRO reports of message i; without such a
// report it is one datagram of n bytes.
func (r *fastReceiver) segmentSize(i, n int) int {
	control := r.controls[i*controlSpace:]
	header := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if header.Level != unix.IPPROTO_UDP || header.Type != unix.UDP_GRO {
		return n
	}
	if size := int(binary.NativeEndian.Uint32(control[unix.CmsgLen(0):])); size > 0 {
		return size
	}
	return n
}
