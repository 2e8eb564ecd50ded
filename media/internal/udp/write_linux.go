package udp

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendPatience bounds how long one flush waits for room in the kernel's send
// buffer.
const sendPatience = 2 * time.Millisecond

// segmentSpace holds a UDP_SEGMENT control message, a uint16.
var segmentSpace = unix.CmsgSpace(2)

// fastSender writes with sendmmsg, and UDP_SEGMENT where the socket has it.
type fastSender struct {
	socket   *socket
	messages [batchRuns]unix.Mmsghdr
	iovecs   [batchSegments]unix.Iovec
	controls []byte // segmentSpace for each message

	// For runs that are sent again without GSO.
	plain [maxRunSegments]unix.Mmsghdr
	parts [maxRunSegments]unix.Iovec

	control func(fd uintptr) // one closure for life
	// sendmmsg is the system call; tests refuse in its place.
	sendmmsg func(fd uintptr, messages []unix.Mmsghdr) (int, syscall.Errno)

	// Of the flush under way.
	batch    *Batch
	tally    *tally
	deadline time.Time // zero until the kernel's buffer was found full
}

func newFastSender(s *socket) sender {
	w := &fastSender{socket: s, controls: make([]byte, batchRuns*segmentSpace), sendmmsg: sendmmsg}
	for i := range batchRuns {
		header := (*unix.Cmsghdr)(unsafe.Pointer(&w.controls[i*segmentSpace]))
		header.Level, header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		header.SetLen(unix.CmsgLen(2))
	}
	w.control = w.send
	return w
}

func sendmmsg(fd uintptr, messages []unix.Mmsghdr) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func (w *fastSender) flush(b *Batch, t *tally) {
	w.batch, w.tally, w.deadline = b, t, time.Time{}
	w.prepareAll(b)
	// Control, not Write: the latter lets one goroutine send at a time.
	if err := w.socket.raw.Control(w.control); err != nil {
		b.mux.stats.drops(connClosed, len(b.segments))
	}
	for i := range b.runs {
		w.messages[i].Hdr.Name = nil // keeps no destination alive
	}
	w.batch, w.tally = nil, nil
}

// prepareAll makes a message of each run.
func (w *fastSender) prepareAll(b *Batch) {
	used := 0
	for i := range b.runs {
		used = w.prepare(b, i, &b.runs[i], used)
	}
}

// prepare makes message i of run r, whose iovecs begin at used, and returns
// where the next one's begin. Neighbours in the arena share an iovec.
func (w *fastSender) prepare(b *Batch, i int, r *run, used int) int {
	first := used
	end, length := int32(none), 0
	for j := r.first; j != none; j = b.segments[j].next {
		s := &b.segments[j]
		if s.offset == end {
			length += int(s.size)
		} else {
			w.iovecs[used].Base = &b.arena[s.offset]
			used++
			length = int(s.size)
		}
		w.iovecs[used-1].SetLen(length)
		end = s.offset + s.size
	}
	h := &w.messages[i].Hdr
	h.Name, h.Namelen = &r.to.raw[0], r.to.length
	h.Iov = &w.iovecs[first]
	h.SetIovlen(used - first)
	h.Control = nil
	h.SetControllen(0)
	if r.count > 1 {
		control := w.controls[i*segmentSpace:]
		binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(r.size))
		h.Control = &control[0]
		h.SetControllen(segmentSpace)
	}
	return used
}

// send sends all runs. A message that the kernel doesn't take is skipped:
// sendmmsg stops before it, and reports why when it is the first.
func (w *fastSender) send(fd uintptr) {
	runs := w.batch.runs
	for at := 0; at < len(runs); {
		n, errno := w.sendmmsg(fd, w.messages[at:len(runs)])
		w.tally.sends++
		switch {
		case errno == 0 && n > 0:
			w.sent(runs[at : at+n])
			at += n
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			if !w.wait(fd) {
				w.drop(sendBufferFull, runs[at:])
				return
			}
		case runs[at].count > 1 && refusesGSO(errno):
			w.socket.refused(runs[at].to, fmt.Errorf("sendmmsg: %w", errno))
			w.batch.mux.stats.gsoRefused.Add(1)
			w.sendPlain(fd, at)
			at++
		default:
			w.drop(sendError, runs[at:at+1])
			at++
		}
	}
}

// refusesGSO: EIO without checksum offload or on an IPsec path, EINVAL and
// EMSGSIZE (since Linux 6.14) when a segment is larger than the path's MTU.
func refusesGSO(errno syscall.Errno) bool {
	switch errno {
	case unix.EIO, unix.EINVAL, unix.EMSGSIZE, unix.EOPNOTSUPP, unix.ENOPROTOOPT:
		return true
	}
	return false
}

func (w *fastSender) sent(runs []run) {
	for i := range runs {
		r := &runs[i]
		w.tally.packets += uint64(r.count)
		w.tally.bytes += uint64(r.bytes)
		if r.count > 1 {
			w.tally.gsoPackets += uint64(r.count)
			w.tally.gsoRuns++
			w.socket.accepted()
		}
	}
}

func (w *fastSender) drop(why reason, runs []run) {
	for i := range runs {
		w.batch.mux.stats.drops(why, int(runs[i].count))
	}
}

// sendPlain sends run i as a datagram for each segment.
func (w *fastSender) sendPlain(fd uintptr, i int) {
	b, r, n := w.batch, &w.batch.runs[i], 0
	for j := r.first; j != none; j = b.segments[j].next {
		s := &b.segments[j]
		w.parts[n].Base = &b.arena[s.offset]
		w.parts[n].SetLen(int(s.size))
		h := &w.plain[n].Hdr
		h.Name, h.Namelen, h.Iov = &r.to.raw[0], r.to.length, &w.parts[n]
		h.SetIovlen(1)
		n++
	}
	defer func() { clear(w.plain[:n]) }()
	for at := 0; at < n; {
		sent, errno := w.sendmmsg(fd, w.plain[at:n])
		w.tally.sends++
		switch {
		case errno == 0 && sent > 0:
			w.tally.packets += uint64(sent)
			for k := at; k < at+sent; k++ {
				w.tally.bytes += uint64(w.parts[k].Len)
			}
			at += sent
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			if !w.wait(fd) {
				b.mux.stats.drops(sendBufferFull, n-at)
				return
			}
		default:
			b.mux.stats.drop(sendError)
			at++
		}
	}
}

// wait waits until the socket takes more, and reports whether it may. All
// waits of one flush take sendPatience at most.
func (w *fastSender) wait(fd uintptr) bool {
	now := time.Now()
	if w.deadline.IsZero() {
		w.deadline = now.Add(sendPatience)
	}
	left := w.deadline.Sub(now)
	if left <= 0 {
		return false
	}
	poll := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	timeout := unix.NsecToTimespec(int64(left))
	_, err := unix.Ppoll(poll[:], &timeout, nil)
	return err == nil || err == unix.EINTR
}
