package media

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/seq"
)

// reception counts what arrived of one SSRC, for receiver reports (RFC 3550
// §6.4.1, appendices A.3 and A.8). What came again by RTX is not in it: the
// publisher is to know what its way loses.
type reception struct {
	numbers       seq.Unwrapper
	base, highest uint64 // extended sequence numbers; base 0: nothing came yet
	received      uint64
	transit       uint32  // of the last packet, in ticks
	jitter        float64 // in ticks

	expectedBefore, receivedBefore uint64 // at the last report

	reportNTP uint32 // middle of the last sender report's time; 0: none yet
	reportAt  time.Duration
}

// add notes a packet that arrived now.
func (r *reception) add(number uint16, timestamp uint32, now time.Duration, clockRate uint32) {
	n := r.numbers.Unwrap(number)
	if r.base == 0 {
		r.base = n
	}
	r.highest = max(r.highest, n)
	arrival := uint32(now.Microseconds() * int64(clockRate) / 1e6)
	transit := arrival - timestamp
	if r.received > 0 {
		d := float64(int32(transit - r.transit))
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit = transit
	r.received++
}

func (r *reception) senderReported(ntp uint64, now time.Duration) {
	r.reportNTP, r.reportAt = uint32(ntp>>16), now
}

// heard says whether anything came since the last report: only then is there
// another (RFC 3550 §6.4).
func (r *reception) heard() bool { return r.received > r.receivedBefore }

// report makes the block about everything since the one before.
func (r *reception) report(ssrc uint32, now time.Duration) rtcp.ReceptionReport {
	expected := r.highest - r.base + 1
	b := rtcp.ReceptionReport{
		SSRC: ssrc, LastSequenceNumber: uint32(r.highest - 1<<16), Jitter: uint32(r.jitter),
		TotalLost: uint32(min(max(int64(expected)-int64(r.received), 0), 1<<23-1)),
	}
	expectedNow, receivedNow := expected-r.expectedBefore, r.received-r.receivedBefore
	r.expectedBefore, r.receivedBefore = expected, r.received
	if expectedNow > receivedNow {
		b.FractionLost = uint8(min((expectedNow-receivedNow)<<8/expectedNow, 255))
	}
	if r.reportNTP != 0 {
		b.LastSenderReport = r.reportNTP
		b.Delay = uint32((now - r.reportAt) << 16 / time.Second)
	}
	return b
}
