package media

import "github.com/pion/webrtc/v4"

// A seat is kept for Config.Seat from the moment that either the signalling
// (Detach) or the transport is lost, and is given up unless both are back.

// Detach says that o, the participant's observer, is gone: the seat is kept
// for Config.Seat and then the participant closes with CloseSeatExpired. It
// does nothing when o is not, or no longer, the observer.
func (p *Participant) Detach(o Observer) {
	p.mu.Lock()
	if p.closed || p.observer != o {
		p.mu.Unlock()
		return
	}
	p.detached = true // the observer stays for Closed: see notify
	p.keepSeatLocked()
	p.mu.Unlock()
	p.touch()
	p.touchAttached()
}

// Attach makes o the observer, in the place of whoever was, and tells it where
// the participant is. Error: ErrClosed.
func (p *Participant) Attach(o Observer) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.observer, p.detached = o, false
	p.takeSeatLocked()
	r := p.room
	p.mu.Unlock()
	if r == nil || !r.do(func() { r.reintroduce(p) }) {
		p.notify(p.parkedEvent())
		p.notifyParkedLayers()
	}
	return nil
}

// keepSeatLocked starts the seat's time, unless it runs.
func (p *Participant) keepSeatLocked() {
	if p.seat != nil || p.closed {
		return
	}
	p.seatTurn++
	turn := p.seatTurn
	p.seat = p.engine.clock.AfterFunc(p.engine.cfg.Seat, func() {
		p.mu.Lock()
		expired := p.seat != nil && p.seatTurn == turn
		p.mu.Unlock()
		if expired {
			p.Close(CloseSeatExpired)
		}
	})
}

// takeSeatLocked stops the seat's time when nothing is missing any more.
func (p *Participant) takeSeatLocked() {
	lost := p.state == TransportDisconnected || p.state == TransportFailed
	if p.seat != nil && !p.detached && !lost {
		p.seat.Stop()
		p.seat = nil
	}
}

// transportChanged follows the state of the participant's current transport.
func (p *Participant) transportChanged(t *transport, s webrtc.PeerConnectionState) {
	p.mu.Lock()
	if p.closed || p.transport != t {
		p.mu.Unlock()
		return
	}
	before := p.state
	switch s {
	case webrtc.PeerConnectionStateConnected:
		p.state = TransportConnected
		if t.joined.CompareAndSwap(false, true) {
			p.engine.counters.joins.Add(1)
		}
	case webrtc.PeerConnectionStateDisconnected:
		p.state = TransportDisconnected
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		p.state = TransportFailed
	default:
		p.mu.Unlock()
		return
	}
	state := p.state
	if state != TransportConnected {
		p.keepSeatLocked()
	}
	p.takeSeatLocked()
	p.mu.Unlock()
	if state == before {
		return
	}
	p.notify(TransportChanged{State: state})
	p.touch()
	p.touchAttached()
}
