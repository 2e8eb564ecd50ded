package srtp

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/srtp/v3"
)

const (
	rtcpHeaderLen = 8 // RFC 3711 section 3.4: what stays in the clear
	rtcpIndexLen  = 4
	rtcpIndexMask = 1<<31 - 1
)

// RTCPDecryptor opens the SRTCP packets that one transport receives. It is not
// safe for concurrent use.
type RTCPDecryptor struct {
	context  *srtp.Context
	overhead int // bytes that protection adds
	indexAt  int // where the index is, from the packet's end
	streams  map[uint32]*window
}

// NewRTCPDecryptor makes the RTCPDecryptor of a transport whose peer sends with
// m. m isn't kept. pion's session may go on reading the same packets. Errors:
// ErrProfile, ErrKeySize.
func NewRTCPDecryptor(p Profile, m Master) (*RTCPDecryptor, error) {
	context, err := rtcpContext(p, m)
	if err != nil {
		return nil, err
	}
	d := &RTCPDecryptor{
		context: context, overhead: p.Overhead() + rtcpIndexLen, indexAt: rtcpIndexLen, streams: map[uint32]*window{},
	}
	if p == AES128CMSHA1 {
		d.indexAt += sha1Tag // which comes last there, with GCM before the index
	}
	return d, nil
}

func rtcpContext(p Profile, m Master) (*srtp.Context, error) {
	if err := m.check(p); err != nil {
		return nil, err
	}
	context, err := srtp.CreateContext(m.Key, m.Salt, srtp.ProtectionProfile(p))
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return context, nil
}

// Decrypt authenticates and decrypts a compound packet, at most once each. The
// result is in dst's memory if that has the capacity, else in new memory; dst
// may be packet itself. After an error the content of both is undefined.
//
// Replay is checked here rather than by pion, whose table of SSRCs has no
// bound. Errors: ErrShort, ErrReplay, ErrAuth, ErrTooManySSRCs.
func (d *RTCPDecryptor) Decrypt(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderLen+d.overhead {
		return nil, ErrShort
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	index := uint64(binary.BigEndian.Uint32(packet[len(packet)-d.indexAt:]) & rtcpIndexMask)
	w := d.streams[ssrc]
	if w == nil && len(d.streams) >= MaxSSRCs {
		return nil, ErrTooManySSRCs
	}
	if w != nil && !w.fresh(index) {
		return nil, ErrReplay
	}
	plain, err := d.context.DecryptRTCP(dst, packet, nil)
	if err != nil {
		return nil, ErrAuth
	}
	if w == nil {
		w = &window{}
		d.streams[ssrc] = w
	}
	w.add(index)
	return plain, nil
}

// RTCPEncryptor protects the SRTCP packets that one transport sends. It counts
// the index of each SSRC from 1, as pion's session does: where one is made,
// pion's session must never write RTCP with the same keys (no interceptor that
// writes, no PeerConnection.WriteRTCP, no RTPSender reports), neither before
// nor after, and there must not be a second one. It is not safe for concurrent
// use.
type RTCPEncryptor struct {
	context *srtp.Context
}

// NewRTCPEncryptor makes the RTCPEncryptor of a transport that sends with m. m
// isn't kept. Errors: ErrProfile, ErrKeySize.
func NewRTCPEncryptor(p Profile, m Master) (*RTCPEncryptor, error) {
	context, err := rtcpContext(p, m)
	if err != nil {
		return nil, err
	}
	return &RTCPEncryptor{context: context}, nil
}

// Encrypt protects a compound packet, at least 8 bytes. The result is in dst's
// memory if that has the capacity, else in new memory; dst may be packet
// itself. Errors: ErrShort, and pion's where packet isn't RTCP or 2^31 packets
// were sent.
func (e *RTCPEncryptor) Encrypt(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderLen {
		return nil, ErrShort
	}
	out, err := e.context.EncryptRTCP(dst, packet, nil)
	if err != nil {
		return nil, fmt.Errorf("srtp: rtcp: %w", err)
	}
	return out, nil
}
