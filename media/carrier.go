package media

import (
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// carrier takes a transport's media off the wire and puts it there: by SRTP
// contexts of our own, run to completion on the goroutine that reads the socket
// (direct), or through pion's (indirect). All else is the same for both.
type carrier interface {
	// prepare sets what the PeerConnection is made with.
	prepare(se *webrtc.SettingEngine, inbound *interceptor.Registry) error
	// offered is what pion is to read of an offer.
	offered(o *offer, sdp string) string
	// begin is called once the PeerConnection is made.
	begin(pc *webrtc.PeerConnection)
	// lines gives the slots their lines, once pion has read the first offer.
	lines(o *offer) error
	// answered makes the answer for the client of pion's.
	answered(o *offer, sdp string) string
	// up is called whenever ICE and DTLS are connected, down when they are
	// not any more: nothing is sent then (RFC 7675).
	up() error
	down()
	// send sends RTCP. It fails only while the transport isn't up, when there
	// is nobody to tell.
	send(packets []rtcp.Packet) error
	// reports are the receiver reports and bandwidth feedback that are due.
	reports(now time.Duration) []rtcp.Packet
	// discard drops what was written and still waits to be sent, but for what
	// indirect can't recall. What is in a batch, the mux's barrier waits for.
	discard()
	close() error
}

// rtpWriter encrypts and sends one RTP packet. out is the batch of what was
// read together with it; nil sends at once. payload isn't kept after the call.
type rtpWriter interface {
	writeRTP(out *udp.Batch, header rtpHeader, payload []byte) (int, error)
	// ready says that the transport is up: else a packet isn't given a number,
	// for a stream may not skip many (SE-11).
	ready() bool
}

// rtpHeader is what differs between the headers that slots send; none has CSRCs
// or an extension.
type rtpHeader struct {
	ssrc, timestamp uint32
	sequence        uint16
	payloadType     uint8
	marker          bool
}

// newCarrier makes the carrier that is configured.
func newCarrier(t *transport) carrier {
	if t.owner.engine.cfg.SRTP == SRTPPion {
		return &indirect{t: t}
	}
	return newDirect(t)
}
