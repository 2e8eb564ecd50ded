package media

import (
	"net/netip"
	"time"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// Connection is how the transport of somebody in a room does, as of the last
// two seconds: for statistics, sampled every now and then.
type Connection struct {
	Participant, Room string
	Score             QualityScore
	// Loss is the share of packets lost for good, of the worse direction, 0 to 1.
	Loss float64
	// RTT is the round trip that receiver reports tell; 0 before the first.
	RTT time.Duration
	// Jitter is the largest that the receiver reported of what it is shown
	// (RFC 3550 section 6.4.1).
	Jitter time.Duration
	// Freezes counts, since the transport began, how often the receiver asked
	// for a new key frame of a picture that it had: its decoder had lost it.
	Freezes uint64
	// Relayed says that it goes through the TURN server.
	Relayed bool
}

// Connections returns how everybody in a room does whose transport was up at
// least once. It asks every room's loop: not for every packet.
func (e *Engine) Connections() []Connection {
	e.mu.Lock()
	rooms := make([]*Room, 0, len(e.rooms))
	for _, r := range e.rooms {
		rooms = append(rooms, r)
	}
	e.mu.Unlock()
	now := e.now()
	var list []Connection
	for _, r := range rooms {
		r.ask(func() {
			for _, m := range r.members {
				if c, ok := m.connection(now); ok {
					list = append(list, c)
				}
			}
		})
	}
	return list
}

// connection is owned by the room's loop, as member is.
func (m *member) connection(now time.Duration) (Connection, bool) {
	t := m.p.currentTransport()
	if t == nil || !t.joined.Load() || m.quality.Score == "" {
		return Connection{}, false
	}
	c := Connection{
		Participant: m.p.id, Score: m.quality.Score, Loss: m.loss,
		RTT: time.Duration(t.roundTrip.Load()), Jitter: t.jitter(now), Freezes: t.freezes.Load(), Relayed: t.relayed(),
	}
	if r := m.p.Room(); r != nil {
		c.Room = r.id
	}
	return c, true
}

// jitter is the largest that was reported lately.
func (t *transport) jitter(now time.Duration) time.Duration {
	var most time.Duration
	for _, s := range t.slots {
		s.mu.Lock()
		if s.cur != nil && s.remote.at > 0 && now-s.remote.at < 2*qualityInterval {
			most = max(most, s.remote.jitter)
		}
		s.mu.Unlock()
	}
	return most
}

// relayed says whether the selected pair's other end is a pipe of ours.
func (t *transport) relayed() bool {
	pair, err := t.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return false
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	return err == nil && udp.IsRelay(addr)
}

// duration is a number of ticks of the line's RTP clock.
func (l line) duration(ticks uint32) time.Duration {
	rate := int64(audioClock)
	if l.video {
		rate = videoClock
	}
	return time.Duration(int64(ticks) * int64(time.Second) / rate)
}
