//go:build !unix

package udp

// pump writes what waits until nothing does, or the connection fails. What is
// in hand can't be recalled here.
func (s *tcpStream) pump() error {
	for {
		s.mu.Lock()
		if len(s.waiting) == 0 {
			s.running = false
			s.mu.Unlock()
			return nil
		}
		b := append([]byte(nil), s.waiting[0].bytes()...)
		s.written = 1 // in hand
		s.mu.Unlock()
		if _, err := s.Conn.Write(b); err != nil {
			return err
		}
		s.mu.Lock()
		if len(s.waiting) > 0 {
			s.advanceLocked(len(b))
		}
		s.mu.Unlock()
	}
}
