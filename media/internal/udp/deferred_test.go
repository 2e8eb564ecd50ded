package udp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

// later keeps what it is given until want datagrams came.
type later struct {
	want int
	held [][]byte
	runs chan [][]byte
}

func (l *later) Expects() bool { return len(l.held) > 0 && len(l.held) < l.want }

func (l *later) Run(*Batch) {
	var copies [][]byte
	for _, b := range l.held {
		copies = append(copies, bytes.Clone(b)) // valid until Run returns
	}
	if l.held = nil; copies != nil {
		l.runs <- copies
	}
}

// What is deferred stays valid while the reader waits for more, and is run
// with it; what doesn't come isn't waited for beyond flushAfter.
func TestReaderWaitsForTheRest(t *testing.T) {
	for name, cfg := range modes {
		t.Run(name, func(t *testing.T) {
			m := listenWith(t, cfg)
			work := &later{want: 3, runs: make(chan [][]byte, 8)}
			arrived := make(chan struct{}, 8)
			c := viewConn(t, m.View(handlerFunc(func(b []byte, _ netip.AddrPort, out *Batch) {
				out.Deferred = work
				work.held = append(work.held, b)
				arrived <- struct{}{}
			})), "alice")
			defer c.Close()
			client, from := dial(t, m)
			m.admit(c.group, from)
			packet := func(n byte) []byte { return append([]byte{0x80}, bytes.Repeat([]byte{n}, 99)...) }
			got := 0
			for _, n := range []byte{1, 2, 3} {
				send(t, client, packet(n))
				<-arrived
			}
			for got < 3 {
				select {
				case held := <-work.runs:
					for _, b := range held {
						got++
						if !bytes.Equal(b, packet(byte(got))) {
							t.Errorf("datagram %d was overwritten: %x", got, b[:3])
						}
					}
				case <-time.After(patience):
					t.Fatalf("%d of 3 were run", got)
				}
			}
		})
	}
}
