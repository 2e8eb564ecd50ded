package client

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// transportSequence numbers the packets of a transport
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
type transportSequence struct{ last atomic.Uint32 }

func (t *transportSequence) next() uint16 { return uint16(t.last.Add(1)) }

// encoding is one RTP stream that is sent, and its repair stream. It is pion's
// TrackLocal.
type encoding struct {
	of     *sender
	stream string
	rid    string
	layer  uint8
	clock  uint32
	number uint8 // of the source, in stamps
	twcc   *transportSequence

	mu        sync.Mutex
	out       webrtc.TrackLocalWriter // nil: not bound
	header    rtp.Header
	repair    rtp.Header // of RTX; PayloadType 0: not negotiated
	mid       string
	publisher uint64
	// The bytes of the header extensions that change with each packet.
	absSendTime, transport, level []byte

	base      uint32    // timestamp of the source's beginning
	started   time.Time // when the source began, for sender reports
	timestamp uint32
	picture   vp8.Descriptor
	frame     uint32
	cache     *sendCache
	rtt       time.Duration

	counts, before  SentStats
	packets, octets uint32 // since the beginning, for sender reports
	reportedPackets uint32 // in the last sender report
}

func newEncoding(of *sender, stream, rid string, layer uint8, twcc *transportSequence) *encoding {
	e := &encoding{
		of: of, stream: stream, rid: rid, layer: layer, twcc: twcc, clock: source.AudioClock,
		number: uint8(slices.Index([]string{
			message.SourceMicrophone, message.SourceCamera, message.SourceScreen, message.SourceScreenAudio,
		}, of.source)),
		base:        rand.Uint32(),
		absSendTime: make([]byte, 3), transport: make([]byte, 2), level: make([]byte, 1),
	}
	if of.video {
		e.clock = source.VideoClock
		e.cache = newSendCache()
	}
	// Encodings of one source have unrelated numbers, as a browser's have
	// (RFC 3550 section 5.1: random beginnings).
	e.picture.PictureID = uint16(rand.Uint32()) & 0x7fff
	e.picture.TL0 = uint8(rand.Uint32())
	e.header = rtp.Header{Version: 2, SequenceNumber: uint16(rand.Uint32())}
	e.repair = rtp.Header{Version: 2, SequenceNumber: uint16(rand.Uint32())}
	e.counts.Source, e.counts.RID = of.source, rid
	return e
}

// ID implements webrtc.TrackLocal: the encodings of a source share it.
func (e *encoding) ID() string { return e.of.source }

// RID implements webrtc.TrackLocal.
func (e *encoding) RID() string { return e.rid }

// StreamID implements webrtc.TrackLocal.
func (e *encoding) StreamID() string { return e.stream }

// Kind implements webrtc.TrackLocal.
func (e *encoding) Kind() webrtc.RTPCodecType {
	if e.of.video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}

// Bind implements webrtc.TrackLocal.
func (e *encoding) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	mime := webrtc.MimeTypeOpus
	if e.of.video {
		mime = webrtc.MimeTypeVP8
	}
	codecs := ctx.CodecParameters()
	i := slices.IndexFunc(codecs, func(c webrtc.RTPCodecParameters) bool { return strings.EqualFold(c.MimeType, mime) })
	if i < 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out = ctx.WriteStream()
	e.header.SSRC, e.header.PayloadType = uint32(ctx.SSRC()), uint8(codecs[i].PayloadType)
	e.repair.SSRC, e.repair.PayloadType = uint32(ctx.SSRCRetransmission()), 0
	for _, c := range codecs {
		if strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) && e.repair.SSRC != 0 {
			e.repair.PayloadType = uint8(c.PayloadType)
		}
	}
	return codecs[i], e.extendLocked(ctx.HeaderExtensions())
}

// extendLocked puts the negotiated extensions into the headers. The slices of
// those that change are kept, and written to for each packet.
func (e *encoding) extendLocked(negotiated []webrtc.RTPHeaderExtensionParameter) error {
	for _, ext := range negotiated {
		var both, media, repair []byte
		switch ext.URI {
		case midURI:
			both = []byte(e.mid)
		case absSendTimeURI:
			both = e.absSendTime
		case twccURI:
			both = e.transport
		case ridURI:
			media = []byte(e.rid)
		case rridURI:
			repair = []byte(e.rid)
		case audioLevelURI:
			media = e.level
		}
		for h, value := range map[*rtp.Header][][]byte{&e.header: {both, media}, &e.repair: {both, repair}} {
			for _, v := range value {
				if len(v) == 0 {
					continue
				}
				if err := h.SetExtension(uint8(ext.ID), v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Unbind implements webrtc.TrackLocal.
func (e *encoding) Unbind(webrtc.TrackLocalContext) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out = nil
	return nil
}

func (e *encoding) setMid(mid string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mid = mid
}

func (e *encoding) setPublisher(id uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.publisher = id
	e.started = time.Time{}
}

// sendFrame cuts a frame into packets and sends them; it was captured at, since
// the source began.
func (e *encoding) sendFrame(f *source.Frame, at time.Duration, began time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil || len(f.Data) == 0 {
		return nil
	}
	now := time.Now()
	e.beginLocked(at, began)
	d := &e.picture
	d.PictureID = (d.PictureID + 1) & 0x7fff
	if f.TID == 0 {
		d.TL0++
	}
	d.TID, d.Sync, d.NonRef = f.TID, f.Sync, f.NonRef
	count := vp8.Packets(len(f.Data))
	for i := range count {
		part := vp8.Cut(f.Data, i, count)
		e.header.SequenceNumber++
		slot := e.cache.next(e.header.SequenceNumber)
		slot.timestamp, slot.marker = e.timestamp, i == count-1
		d.Start = i == 0
		slot.payload = append(d.Append(slot.payload[:0]), part...)
		if f.Filler && len(part) >= stamp.Size+vp8.KeyHeaderSize {
			e.markLocked(slot.payload, i, now)
		}
		if err := e.writeLocked(slot.payload, slot.marker, now); err != nil {
			return err
		}
	}
	e.frame++
	e.counts.Frames++
	if f.Key {
		e.counts.KeyFrames++
	}
	return nil
}

// sendAudio sends an Opus packet, captured at, since the source began.
func (e *encoding) sendAudio(p *source.Packet, at time.Duration, began time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil {
		return nil
	}
	now := time.Now()
	e.beginLocked(at, began)
	e.header.SequenceNumber++
	e.level[0] = p.Level & 0x7f
	if p.Voice {
		e.level[0] |= 0x80
	}
	payload := p.Data
	if p.Filler && len(payload) > stamp.Size {
		e.markLocked(payload, 0, now)
	}
	e.frame++
	e.counts.Frames++
	return e.writeLocked(payload, p.Marker, now)
}

// beginLocked sets the timestamp of what was captured at, since the source began. A
// publication that begins again goes on in time, as a clock does. A source that
// gave time up began later: what is captured now has an earlier timestamp, and
// sender reports say so, or receivers would take its sound and picture apart.
func (e *encoding) beginLocked(at time.Duration, began time.Time) {
	units := uint32(uint64(at) * uint64(e.clock) / uint64(time.Second))
	if e.started.IsZero() && e.packets > 0 {
		// Far enough from the last one to be newer at any rate.
		e.base = e.timestamp + e.clock - units
	}
	e.started = began
	e.timestamp = e.base + units
}

func (e *encoding) markLocked(payload []byte, packet int, now time.Time) {
	stamp.Put(payload, stamp.Stamp{
		Publisher: e.publisher, Source: e.number, Layer: e.layer,
		Packet: uint16(packet), Frame: e.frame, Sent: now.UnixNano(),
	})
}

func (e *encoding) writeLocked(payload []byte, marker bool, now time.Time) error {
	e.header.Timestamp, e.header.Marker = e.timestamp, marker
	e.dateLocked(now)
	if _, err := e.out.WriteRTP(&e.header, payload); err != nil {
		return err
	}
	e.packets++
	e.octets += uint32(len(payload))
	e.counts.Packets++
	e.counts.Bytes += uint64(len(payload))
	return nil
}

// dateLocked fills in the extensions that change with each packet.
func (e *encoding) dateLocked(now time.Time) {
	// abs-send-time: 24 bits of NTP time, 6 of them whole seconds.
	t := ntp(now) >> 14
	e.absSendTime[0], e.absSendTime[1], e.absSendTime[2] = byte(t>>16), byte(t>>8), byte(t)
	binary.BigEndian.PutUint16(e.transport, e.twcc.next())
}

// resend sends packets again on the repair stream (RFC 4588): what is asked for
// and still known.
func (e *encoding) resend(numbers []uint16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts.NACKs += uint64(len(numbers))
	if e.out == nil || e.cache == nil || e.repair.PayloadType == 0 {
		return
	}
	now := time.Now()
	for _, number := range numbers {
		payload, ok := e.cache.repair(number, now, e.rtt)
		if !ok {
			continue
		}
		e.repair.SequenceNumber++
		slot := e.cache.at(number)
		e.repair.Timestamp, e.repair.Marker = slot.timestamp, slot.marker
		e.dateLocked(now)
		if _, err := e.out.WriteRTP(&e.repair, payload); err != nil {
			return // the transport is gone
		}
		e.counts.RTX++
	}
}

// ntp is the 64 bit time of RFC 3550 section 4.
func ntp(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
