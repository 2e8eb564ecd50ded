package signal

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// R-GC-6: how soon the authority knows that a moderator is absent, whose
// connection was closed, or whose network vanished without a word just after an
// answered ping.
func BenchmarkAbsence(b *testing.B) {
	for name, lose := range map[string]func(*peer, *freezer){
		"closed":   func(p *peer, _ *freezer) { _ = p.conn.CloseNow() },
		"vanished": func(_ *peer, f *freezer) { f.freeze() },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, func(c *Config) { *c = DefaultConfig() })
			var sum, most time.Duration
			for b.Loop() {
				f := &freezer{frozen: make(chan struct{}), closed: make(chan struct{})}
				p := w.dialWith(b, &http.Client{Transport: &http.Transport{DialContext: f.dial}}, nil)
				p.send(&message.Join{Token: w.authority.inviteModerator("m", "r")})
				want[*message.Welcome](p)
				read := make(chan struct{})
				go func() {
					defer close(read)
					for { // to the end of the connection; answers pings
						if _, _, err := p.conn.Read(context.WithoutCancel(b.Context())); err != nil {
							return
						}
					}
				}()
				eventually(b, "present", func() bool { return strings.HasSuffix(w.authority.reported(), "m present") })
				began := time.Now()
				lose(p, f)
				eventually(b, "absent", func() bool { return strings.HasSuffix(w.authority.reported(), "m absent") })
				took := time.Since(began)
				sum, most = sum+took, max(most, took)
				w.engine.get(b, "m").Close(media.CloseLeft)
				w.authority.wantLeft(b, "m left")
				_ = p.conn.CloseNow()
				<-read
				w.authority.forget()
			}
			b.ReportMetric(sum.Seconds()*1e3/float64(b.N), "mean-ms")
			b.ReportMetric(most.Seconds()*1e3, "max-ms")
		})
	}
}

// freezer makes connections that can fall silent.
type freezer struct {
	net.Conn
	frozen, closed chan struct{}
	once           sync.Once
}

func (f *freezer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	f.Conn = conn
	return f, err
}

func (f *freezer) freeze() { close(f.frozen) }

// Read loses what comes once the connection is frozen.
func (f *freezer) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	select {
	case <-f.frozen:
		<-f.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (f *freezer) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}
