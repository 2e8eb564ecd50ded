package udp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/pion/ice/v4"
)

// ErrFragmentInUse is returned by GetConn for a username fragment that belongs
// to another View.
var ErrFragmentInUse = errors.New("udp: the username fragment belongs to another agent")

// Handler takes the media of one participant.
type Handler interface {
	// HandleMedia gets one SRTP or SRTCP datagram (first byte 128 to 191, RFC
	// 7983) from a source that the participant's ICE agent validated. It runs
	// on the goroutine that read it: it must neither wait nor panic. b is the
	// handler's during the call, and of what it puts into out.Deferred until
	// that was run; it may be changed in place, not beyond its length. What is
	// written to out leaves when all that was read together has been handled. Calls may come from several goroutines at
	// once (readers, relays, TCP), each with its own out.
	HandleMedia(b []byte, from netip.AddrPort, out *Batch)
}

// isMedia demultiplexes by the first byte (RFC 7983 §7).
func isMedia(b []byte) bool { return len(b) > 0 && b[0]&0xC0 == 0x80 }

// View is the ice.UDPMux of one PeerConnection: media that its agents, one
// after each other when ICE restarts, have validated the source of goes to its
// handler; STUN and DTLS go to the agent.
type View struct {
	mux     *Mux
	handler Handler
}

var _ ice.UDPMux = (*View)(nil)

// View returns a View whose media h gets; nil: it is queued for the agent too.
func (m *Mux) View(h Handler) *View { return &View{mux: m, handler: h} }

// GetConn is Mux.GetConn for this view's agent.
// Errors: io.ErrClosedPipe, ErrFragmentInUse.
func (v *View) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	return v.mux.getConn(ufrag, addr, v)
}

// Pass gives a datagram that the handler got to the agent after all: SRTCP,
// where pion reads that. It copies b; from is as the handler got it.
func (v *View) Pass(b []byte, from netip.AddrPort) {
	why := unknownSource
	if g := v.mux.sourceOf(from); g != nil && g.view == v {
		why = v.mux.enqueue(g, b, from)
	}
	if why != passed {
		v.mux.stats.drop(why)
	}
}

// RemoveConnByUfrag closes the Conns of an agent of this view.
func (v *View) RemoveConnByUfrag(ufrag string) {
	v.closeConns(func(g *group) bool { return g.ufrag == ufrag })
}

// GetListenAddresses is Mux.GetListenAddresses.
func (v *View) GetListenAddresses() []net.Addr { return v.mux.GetListenAddresses() }

// Close closes the view's Conns. The mux stays. After a Barrier that follows,
// HandleMedia isn't called any more.
func (v *View) Close() error {
	v.closeConns(func(*group) bool { return true })
	return nil
}

func (v *View) closeConns(which func(*group) bool) {
	v.mux.mu.RLock()
	var conns []*Conn
	for _, g := range v.mux.byUfrag {
		if g.view == v && which(g) {
			conns = append(conns, g.conns...)
		}
	}
	v.mux.mu.RUnlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// getConn opens a Conn for an agent of v, nil for an agent without a view.
func (m *Mux) getConn(ufrag string, addr net.Addr, v *View) (net.PacketConn, error) {
	local, ok := addr.(*net.UDPAddr)
	if !ok || ufrag == "" {
		return nil, fmt.Errorf("udp: no conn for the fragment %q on a %T", ufrag, addr)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, io.ErrClosedPipe
	}
	g := m.byUfrag[ufrag]
	if g == nil {
		g = &group{ufrag: ufrag, view: v}
		m.byUfrag[ufrag] = g
	}
	if g.view != v {
		return nil, ErrFragmentInUse
	}
	c := &Conn{mux: m, group: g, local: local, v6: local.IP.To4() == nil, in: newQueue()}
	g.conns = append(g.conns, c)
	g.electLocked()
	return c, nil
}
