package turn

import (
	"bytes"
	"net"
	"time"

	"github.com/pion/stun/v3"
)

const (
	stunHeader = 20
	// maxReplyRatio bounds the answer to an unauthenticated request (SE-2).
	maxReplyRatio = 3
	// The first byte tells STUN (0–3) from ChannelData: 64–79 (RFC 8656 §12),
	// up to 127 from clients of RFC 5766 §11.
	stunLast                  = 3
	channelFirst, channelLast = 64, 127

	protocolUDP = 17 // in REQUESTED-TRANSPORT (RFC 8656 §18.7)
	familyIPv4  = 1  // in REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.8)

	// reserveNext asks, in EVEN-PORT, for the next port too (RFC 8656 §18.6).
	reserveNext = 0x80

	codeForbidden  stun.ErrorCode = 403
	codeFamily     stun.ErrorCode = 440
	codeWrongUser  stun.ErrorCode = 441
	codeTransport  stun.ErrorCode = 442
	codeNoCapacity stun.ErrorCode = 508
)

// guard stands between a transport and pion: it decides what reaches pion and
// which of its answers leave. It belongs to the one goroutine that reads the
// transport and in which pion answers requests.
type guard struct {
	server *Server
	// allowance is how many bytes may still be answered to the request being
	// handled; negative when it is authenticated, so that nothing is bounded.
	allowance int
}

// verdict is what becomes of an inbound message.
type verdict struct {
	pass  bool
	reply []byte // to be sent instead of passing it on; may be nil
}

// inbound judges a message of client. b isn't changed or kept.
func (g *guard) inbound(b []byte, client net.Addr) verdict {
	switch {
	case len(b) >= 4 && b[0] >= channelFirst && b[0] <= channelLast:
		return verdict{pass: true} // pion knows the client's channels
	case len(b) < stunHeader || b[0] > stunLast:
		return g.refuse(refusedBadMessage)
	}
	// MessageIntegrity.Check writes to the message while it works.
	m := &stun.Message{Raw: bytes.Clone(b)}
	if err := m.Decode(); err != nil {
		return g.refuse(refusedBadMessage)
	}
	switch m.Type.Class {
	case stun.ClassIndication:
		if m.Type.Method == stun.MethodSend {
			return verdict{pass: true} // only to peers with a permission
		}
	case stun.ClassRequest:
		return g.request(m, client)
	}
	return g.refuse(refusedBadMessage)
}

func (g *guard) refuse(why refusal) verdict {
	g.server.stats.refuse(why)
	return verdict{}
}

// request judges a request. Authenticated ones that ask for what there isn't
// are answered here, for pion answers some of them wrongly or grants them.
func (g *guard) request(m *stun.Message, client net.Addr) verdict {
	participant, key, ok := g.authenticate(m)
	if !ok {
		if m.Contains(stun.AttrMessageIntegrity) {
			g.server.stats.refuse(refusedUnauthorized)
		}
		if !g.server.limiter.allow(sourceOf(client), g.server.now()) {
			return g.refuse(refusedRateLimited)
		}
		g.allowance = maxReplyRatio * len(m.Raw)
		return verdict{pass: true}
	}
	g.allowance = -1
	code, why := g.policy(m, participant, client)
	if code == 0 {
		return verdict{pass: true}
	}
	g.server.stats.refuse(why)
	reply, err := stun.Build(&stun.Message{TransactionID: m.TransactionID},
		stun.NewType(m.Type.Method, stun.ClassErrorResponse), stun.ErrorCodeAttribute{Code: code}, key)
	if err != nil {
		return verdict{}
	}
	return verdict{reply: reply.Raw}
}

// authenticate checks user name and MESSAGE-INTEGRITY. The nonce is left to
// pion.
func (g *guard) authenticate(m *stun.Message) (participant string, key stun.MessageIntegrity, ok bool) {
	var username stun.Username
	if !m.Contains(stun.AttrMessageIntegrity) || username.GetFrom(m) != nil {
		return "", nil, false
	}
	participant, raw, ok := g.server.grants.key(username.String())
	if !ok {
		return "", nil, false
	}
	key = stun.MessageIntegrity(raw)
	return participant, key, key.Check(m) == nil
}

// policy returns the error code of an authenticated request that is refused,
// 0 for one that isn't.
func (g *guard) policy(m *stun.Message, participant string, client net.Addr) (stun.ErrorCode, refusal) {
	switch m.Type.Method {
	case stun.MethodAllocate:
		if v, err := m.Get(stun.AttrRequestedTransport); err == nil && len(v) > 0 && v[0] != protocolUDP {
			return codeTransport, refusedTCPRelay
		}
		even, err := m.Get(stun.AttrEvenPort)
		if m.Contains(stun.AttrReservationToken) || err == nil && (len(even) == 0 || even[0]&reserveNext != 0) {
			return codeNoCapacity, refusedReservedPort
		}
		if v, err := m.Get(stun.AttrRequestedAddressFamily); err == nil && (len(v) == 0 || v[0] != familyIPv4) {
			return codeFamily, refusedFamily
		}
	case stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
		if owner := g.server.allocations.owner(client); owner != "" && owner != participant {
			return codeWrongUser, refusedWrongUser
		}
		if m.Type.Method != stun.MethodRefresh && !g.peersAllowed(m) {
			return codeForbidden, refusedPeer
		}
	}
	return 0, 0
}

// peersAllowed says whether every peer that m names is a media address (SE-1).
func (g *guard) peersAllowed(m *stun.Message) bool {
	err := m.ForEach(stun.AttrXORPeerAddress, func(m *stun.Message) error {
		var peer stun.XORMappedAddress
		if err := peer.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
			return err
		}
		if !g.server.mediaIP(peer.IP) {
			return errNoPeer
		}
		return nil
	})
	return err == nil
}

// outbound says whether an answer of pion's may leave. Relayed data, which
// other goroutines send, always may.
func (g *guard) outbound(b []byte) bool {
	if len(b) < stunHeader || b[0] > stunLast || !isResponse(b) || g.allowance < 0 {
		return true
	}
	// One answer, and a small one (SE-2).
	if len(b) > g.allowance {
		g.server.stats.refuse(refusedReplySize)
		return false
	}
	g.allowance = 0
	return true
}

// isResponse: the class bit 0x0100 is set in success and error responses
// (RFC 8489 §5).
func isResponse(b []byte) bool { return b[0]&1 != 0 }

// guardedSocket is the UDP transport.
type guardedSocket struct {
	net.PacketConn
	guard guard
}

// ReadFrom returns the next datagram that may reach pion.
func (c *guardedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			if c.guard.server.closing() {
				return n, from, err
			}
			// pion would stop serving at an error that passes.
			select {
			case <-c.guard.server.done:
			case <-time.After(readPause):
			}
			continue
		}
		v := c.guard.inbound(b[:n], from)
		if v.pass {
			return n, from, nil
		}
		if v.reply != nil {
			_, _ = c.PacketConn.WriteTo(v.reply, from) // as lossy as the network
		}
	}
}

// WriteTo sends what may leave; what may not counts as sent.
func (c *guardedSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	if !c.guard.outbound(b) {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}
