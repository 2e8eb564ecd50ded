package udp

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// streamPair is a connection accepted through our listener, and the remote's
// end, which takes little before it reads.
func streamPair(t *testing.T) (*Mux, *tcpStream, *net.TCPConn) {
	t.Helper()
	m := listen(t)
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := m.TCPListener(inner)
	t.Cleanup(func() { _ = l.Close() })
	c, err := net.Dial("tcp4", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	remote := c.(*net.TCPConn)
	if err := remote.SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	return m, accepted.(*tcpStream), remote
}

// A connection that never says whom it is for doesn't hold up the end: with the
// listener the accepted connections close, and a mux doesn't wait for its
// timeout.
func TestListenerEndsConnections(t *testing.T) {
	m := listen(t)
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := m.TCPListener(inner)
	c, err := net.Dial("tcp4", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := accepted.Read(make([]byte, 1))
		waits <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-waits:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("a read goes on")
		_ = accepted.Close()
	}
	if m.stream(unmap(c.LocalAddr().(*net.TCPAddr).AddrPort())) != nil {
		t.Error("the connection is remembered")
	}
}

// media is an RTP packet of 1000 bytes of a frame, filled with mark.
func media(ssrc, timestamp uint32, mark byte) []byte {
	b := make([]byte, 1000)
	for i := range b {
		b[i] = mark
	}
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b
}

// stall pushes frames until the remote, which doesn't read, and the queue are
// full for good, and returns how many packets were taken.
func stall(t *testing.T, s *tcpStream) (taken int) {
	t.Helper()
	timestamp := uint32(0)
	for refused := 0; refused < 200; timestamp++ {
		for range 5 {
			if s.push(media(1, timestamp, 'o'), true) == passed {
				taken++
				refused = 0
			}
		}
		refused++
		runtime.Gosched()
		if refused > 100 {
			<-time.After(100 * time.Microsecond) // the kernel may still move something
		}
	}
	return taken
}

// framesUntil reads what comes, in frames of RFC 4571, until the one that ends
// with mark.
func framesUntil(t *testing.T, c *net.TCPConn, mark byte) (all [][]byte) {
	t.Helper()
	var head [2]byte
	for {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, head[:]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
		if b[len(b)-1] == mark {
			return all
		}
	}
}

// queued is how many packets and bytes wait.
func queued(s *tcpStream) (packets, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting), s.bytes
}

// A remote that doesn't read costs nobody time, and bounded memory: not the 4
// MB that the kernel would let it grow to.
func TestTCPStalledRemoteIsBounded(t *testing.T) {
	_, s, _ := streamPair(t)
	taken := stall(t, s)
	if held := taken * 1000; held > 256<<10 || held < tcpQueueBytes/2 {
		t.Errorf("%d kB wait for a remote that doesn't read; want at most 256", held>>10)
	}
	if packets, bytes := queued(s); packets > tcpQueue || bytes > tcpQueueBytes {
		t.Errorf("%d packets, %d bytes in the queue", packets, bytes)
	}
	if why := s.push(make([]byte, packetSize), true); why != oversize {
		t.Errorf("oversize: %v", why)
	}
	// A check of pion's has its place still.
	if n, err := s.Write([]byte{0, 2, 1, 1}); n != 4 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// What finds no room takes the rest of its frame with it, of its SSRC alone.
func TestTCPDropsToTheEndOfTheFrame(t *testing.T) {
	_, s, _ := streamPair(t)
	stall(t, s)
	if why := s.push(media(1, 9000, 'x'), true); why != tcpQueueFull {
		t.Fatalf("taken when full: %v", why)
	}
	s.discardMedia()
	rows := []struct {
		name            string
		ssrc, timestamp uint32
		want            reason
	}{
		{"the rest of the frame", 1, 9000, tcpQueueFull},
		{"another SSRC", 2, 9000, passed},
		{"the next frame", 1, 9001, passed},
		{"and its rest", 1, 9001, passed},
	}
	for _, r := range rows {
		if why := s.push(media(r.ssrc, r.timestamp, 'x'), true); why != r.want {
			t.Errorf("%s: %v; want %v", r.name, why, r.want)
		}
	}
}

// R-GC-7: what waits for a TCP remote that doesn't read is dropped by Discard:
// none of it follows when it reads again, but for what the kernel has; a packet
// that the kernel has in part is finished with zeros. Checks and DTLS stay.
func TestTCPDiscardRecalls(t *testing.T) {
	_, s, remote := streamPair(t)
	taken := stall(t, s)
	check := []byte{0, 3, 22, 1, 2} // of DTLS, framed
	if _, err := s.Write(check); err != nil {
		t.Fatal(err)
	}
	recalled := s.discardMedia()
	if recalled == 0 {
		t.Fatal("nothing waited: the test shows nothing")
	}
	if why := s.push(media(1, 1, 'n'), true); why != passed {
		t.Fatal(why)
	}
	old, cut, checks := 0, 0, 0
	for _, b := range framesUntil(t, remote, 'n') { // TCP keeps the order: it is the last
		switch {
		case len(b) == 3:
			checks++
		case b[len(b)-1] == 'o':
			old++
		case b[len(b)-1] == 0:
			cut++
		}
	}
	if old != taken-recalled || checks != 1 || cut > 1 {
		t.Errorf("%d of before, %d cut, %d checks; want the %d that the kernel had, at most 1, 1", old, cut, checks, taken-recalled)
	}
}

// A connection that ends takes nothing any more, and is forgotten.
func TestTCPStreamEnds(t *testing.T) {
	m, s, remote := streamPair(t)
	stall(t, s)
	_ = remote.Close()
	_ = s.Close()
	if why := s.push(media(1, 1, 'n'), true); why != tcpGone {
		t.Errorf("taken after the end: %v", why)
	}
	if _, err := s.Write([]byte{0, 1, 22}); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if packets, _ := queued(s); m.stream(s.remote) != nil || packets != 0 {
		t.Error("not forgotten")
	}
}
