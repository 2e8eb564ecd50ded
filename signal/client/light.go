package client

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/internal/poll"
)

// Light reads the sockets of many clients (see [Options]) on one goroutine, and
// sends what they publish from it: some 200,000 packets a second fit on a core.
// It is for Linux.
type Light struct{ poller *poll.Poller }

// NewLight starts the goroutine. Errors: errors.ErrUnsupported, and those of
// the kernel.
func NewLight() (*Light, error) {
	p, err := poll.New()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Light{p}, nil
}

// Close ends the goroutine. The clients must have ended.
func (l *Light) Close() error { return l.poller.Close() }

// listenLight gives a light client its socket; nil for others.
func (c *Client) listenLight(s *webrtc.SettingEngine) (*poll.Socket, error) {
	if c.o.Light == nil {
		return nil, nil //nolint:nilnil // no socket is what is meant
	}
	ip, err := localAddress(c.address)
	if err != nil {
		return nil, fmt.Errorf("client: find the local address: %w", err)
	}
	socket, err := c.o.Light.poller.Listen(ip, c.receiver.glance)
	if err != nil {
		return nil, err
	}
	kind := webrtc.NetworkTypeUDP6
	if ip.Is4() {
		kind = webrtc.NetworkTypeUDP4
	}
	s.SetICEUDPMux(socket)
	s.SetNetworkTypes([]webrtc.NetworkType{kind})
	return socket, nil
}

// localAddress is the address from which this host reaches a URL's host: media
// goes the same way.
func localAddress(address string) (netip.Addr, error) {
	u, err := url.Parse(address)
	if err != nil {
		return netip.Addr{}, err
	}
	// Connecting a UDP socket sends nothing; any port does.
	conn, err := net.Dial("udp", net.JoinHostPort(u.Hostname(), "9"))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close() //nolint:errcheck // it was never used
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

const (
	// inspectEvery is which share of the packets is decrypted.
	inspectEvery = 64
	// rtpHeader is the size of an RTP header without extensions (RFC 3550
	// section 5.1), authTag that of what AES-GCM adds (RFC 7714 section 12).
	rtpHeader, authTag = 12, 16
)

// glance judges a packet as it is on the wire, and says whether pion is to
// have it: what isn't RTP, and RTP whose content is wanted.
func (r *receiver) glance(packet []byte, at time.Time) (pass bool) {
	h, ssrc, ok := readHeader(packet)
	if !ok {
		return true
	}
	r.mu.Lock()
	l, known := r.lanes[ssrc]
	if !known || l.rtx {
		r.mu.Unlock()
		return true // counted when it is decrypted
	}
	out := l.slot.stream.Glance(h, at)
	r.hearLocked(l.slot, at)
	pass = r.all || h.Sequence%inspectEvery == uint16(ssrc)%inspectEvery || !l.slot.stream.Settled()
	pass = pass && out.New
	if pass {
		r.arrivals.note(ssrc, h.Sequence, at)
	}
	r.mu.Unlock()
	if out.Gap {
		select {
		case r.wake <- struct{}{}:
		default: // it is awake already
		}
	}
	return pass
}

// InspectAll has a light client check the content of every packet, or end that.
// It is for the time around a move that the caller knows of: where media of the
// new room is faster than the message that tells of it, the key frame that it
// begins with would be left out, and another isn't due.
func (c *Client) InspectAll(all bool) {
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	c.receiver.all = all
}

// readHeader reads the header of an SRTP packet. It is false for what isn't
// one: STUN, DTLS, SRTCP (RFC 7983, RFC 5761 section 4), or malformed.
func readHeader(packet []byte) (h check.Header, ssrc uint32, ok bool) {
	if len(packet) < rtpHeader+authTag || packet[0]>>6 != 2 || (packet[1] >= 192 && packet[1] <= 223) {
		return h, 0, false
	}
	size := rtpHeader + 4*int(packet[0]&0x0f)
	if packet[0]&0x10 != 0 {
		if len(packet) < size+4 {
			return h, 0, false
		}
		size += 4 + 4*int(binary.BigEndian.Uint16(packet[size+2:]))
	}
	if len(packet) < size+authTag {
		return h, 0, false
	}
	return check.Header{
		Sequence: binary.BigEndian.Uint16(packet[2:]), Timestamp: binary.BigEndian.Uint32(packet[4:]),
		Marker: packet[1]&0x80 != 0, Size: len(packet) - size - authTag,
	}, binary.BigEndian.Uint32(packet[8:]), true
}

// arrivals remembers when packets came that pion decrypts: on its goroutines
// they are late, by as much as the generator has to do.
type arrivals [64]struct {
	ssrc   uint32
	number uint16
	at     time.Time
}

func (a *arrivals) note(ssrc uint32, number uint16, at time.Time) {
	e := &a[(ssrc^uint32(number))%uint32(len(a))]
	e.ssrc, e.number, e.at = ssrc, number, at
}

// of is when a packet came; otherwise when that isn't known any more.
func (a *arrivals) of(ssrc uint32, number uint16, otherwise time.Time) time.Time {
	e := &a[(ssrc^uint32(number))%uint32(len(a))]
	if e.ssrc == ssrc && e.number == number && !e.at.IsZero() {
		return e.at
	}
	return otherwise
}
