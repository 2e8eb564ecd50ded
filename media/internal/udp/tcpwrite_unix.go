//go:build unix

package udp

import "golang.org/x/sys/unix"

// pump writes what waits until nothing does, or the connection fails. Each
// packet is written from the queue, under the lock, as far as the kernel takes
// it: so what is in hand can be recalled as well.
func (s *tcpStream) pump() (err error) {
	closed := s.raw.Write(func(fd uintptr) (done bool) {
		for {
			var more bool
			if more, done, err = s.writeOne(int(fd)); !more {
				return done
			}
		}
	})
	if err != nil {
		return err
	}
	return closed
}

// writeOne writes of the first packet what the kernel takes. more: at once
// again; done: not again when there is room.
func (s *tcpStream) writeOne(fd int) (more, done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.running = false
		return false, true, nil
	}
	n, err := unix.Write(fd, s.waiting[0].buf[s.written:s.waiting[0].n])
	switch err {
	case nil:
		s.advanceLocked(n)
		return true, false, nil
	case unix.EINTR:
		return true, false, nil
	case unix.EAGAIN:
		return false, false, nil
	}
	return false, true, err
}
