package poll

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// outMessages is how many messages one sendmmsg takes: the frames of three
	// encodings are fewer.
	outMessages = 32
	// outBytes holds a key frame of each encoding.
	outBytes = 256 << 10
	// runSegments and runBytes bound a run sent as one (UDP_SEGMENT): the
	// kernel's UDP_MAX_SEGMENTS, and an IP datagram.
	runSegments = 64
	runBytes    = 65000
)

// outbox collects what one socket sends, to send it by one system call.
type outbox struct {
	mu     sync.Mutex
	of     *Socket // nil: nothing is being collected
	plain  bool    // the kernel refuses UDP_SEGMENT
	to     netip.AddrPort
	buffer []byte
	used   int
	runs   []outRun

	name     unix.RawSockaddrAny
	length   uint32 // of name
	messages [outMessages]message
	parts    [outMessages]unix.Iovec
	controls [outMessages][32]byte
}

// outRun is a number of datagrams of one size, of which the last may be shorter.
type outRun struct {
	offset, bytes int
	size, count   int
	ended         bool
}

// together runs f, and then sends by one system call what f sent through s.
func (s *Socket) together(f func()) {
	o := &s.poller.out
	o.mu.Lock()
	o.of = s
	o.mu.Unlock()
	f()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
	o.of = nil
}

// take queues a datagram of s, if its datagrams are being collected.
func (o *outbox) take(s *Socket, b []byte, to netip.AddrPort) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of != s || len(b) == 0 || len(b) > runBytes {
		return false
	}
	if o.used > 0 && (to != o.to || o.used+len(b) > len(o.buffer)) {
		o.flush()
	}
	if o.buffer == nil {
		o.buffer = make([]byte, outBytes)
	}
	offset := o.used
	o.used += copy(o.buffer[offset:], b)
	o.to = to
	if n := len(o.runs); n > 0 && !o.plain {
		r := &o.runs[n-1]
		if !r.ended && len(b) <= r.size && r.count < runSegments && r.bytes+len(b) <= runBytes {
			r.bytes += len(b)
			r.count++
			r.ended = len(b) < r.size
			return true
		}
	}
	if len(o.runs) == outMessages {
		o.used = offset
		o.flush()
		o.used = copy(o.buffer, b)
		offset = 0
	}
	o.runs = append(o.runs, outRun{offset: offset, bytes: len(b), size: len(b), count: 1})
	return true
}

// flush sends what was collected. Like any UDP socket it loses what the kernel
// doesn't take.
func (o *outbox) flush() {
	runs := o.runs
	o.runs, o.used = o.runs[:0], 0
	if len(runs) == 0 {
		return
	}
	o.length = encode(&o.name, o.to, o.of.address.IP.To4() != nil)
	o.of.mu.RLock()
	defer o.of.mu.RUnlock()
	if o.of.fd < 0 || o.length == 0 {
		return
	}
	for i, r := range runs {
		o.prepare(i, r)
	}
	for at := 0; at < len(runs); {
		// It never waits, so that the scheduler needn't know of it.
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(o.of.fd),
			uintptr(unsafe.Pointer(&o.messages[at])), uintptr(len(runs)-at), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			at += int(n)
		case errno == unix.EINTR:
		case runs[at].count > 1 && refusesRuns(errno):
			o.plain = true
			o.apart(runs[at])
			at++
		default:
			at++
		}
	}
}

// refusesRuns: no checksum offload, a path MTU that is too small, an old kernel.
func refusesRuns(errno error) bool {
	return errors.Is(errno, unix.EIO) || errors.Is(errno, unix.EINVAL) || errors.Is(errno, unix.EMSGSIZE)
}

// apart sends a run's datagrams one by one.
func (o *outbox) apart(r outRun) {
	for end := r.offset + r.bytes; r.offset < end; r.offset += r.size {
		part := outRun{offset: r.offset, bytes: min(r.size, end-r.offset), count: 1}
		// The first message has been sent.
		o.prepare(0, part)
		_, _, _ = unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(o.of.fd), uintptr(unsafe.Pointer(&o.messages[0])), 1, unix.MSG_DONTWAIT, 0, 0)
	}
}

// prepare makes message i of a run.
func (o *outbox) prepare(i int, r outRun) {
	o.parts[i].Base = &o.buffer[r.offset]
	o.parts[i].SetLen(r.bytes)
	h := &o.messages[i].header
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&o.name)), o.length
	h.Iov = &o.parts[i]
	h.SetIovlen(1)
	h.Control = nil
	h.SetControllen(0)
	if r.count > 1 {
		c := &o.controls[i]
		header := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
		header.Level, header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		header.SetLen(unix.CmsgLen(2))
		binary.NativeEndian.PutUint16(c[unix.CmsgLen(0):], uint16(r.size))
		h.Control = &c[0]
		h.SetControllen(unix.CmsgSpace(2))
	}
}

// encode writes an address as the kernel wants it, and returns its length; 0:
// the socket, of IPv4 or IPv6, can't send there.
func encode(sa *unix.RawSockaddrAny, to netip.AddrPort, four bool) uint32 {
	port := func(p *uint16) {
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], to.Port())
	}
	if four {
		if !to.Addr().Unmap().Is4() {
			return 0
		}
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*in = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().Unmap().As4()}
		port(&in.Port)
		return unix.SizeofSockaddrInet4
	}
	in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
	*in = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.Addr().As16()}
	port(&in.Port)
	return unix.SizeofSockaddrInet6
}
