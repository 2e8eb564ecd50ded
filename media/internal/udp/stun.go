package udp

import (
	"bytes"
	"encoding/binary"
)

// STUN (RFC 8489 §5, §14, §18.3): what routing needs of it, and no more. The
// agent parses the message again, in full.
const (
	stunHeader           = 20
	stunCookie           = 0x2112A442
	stunBindingRequest   = 0x0001
	stunBindingSuccess   = 0x0101
	stunAttrHeader       = 4
	stunUsername         = 0x0006
	stunMessageIntegrity = 0x0008
	stunIntegritySize    = 20
	// stunUsernameMax is 509 bytes (RFC 8489 §14.3: less than 509); ICE allows
	// two fragments of 256 characters and a colon (RFC 8839 §5.4).
	stunUsernameMax = 513
	// stunFirstByteMax: RFC 7983 §7, a first byte of 0–3 is STUN.
	stunFirstByteMax = 3
)

// looksLikeSTUN demultiplexes by the first byte (RFC 7983 §7).
func looksLikeSTUN(b []byte) bool { return len(b) > 0 && b[0] <= stunFirstByteMax }

// stunType returns the message type; ok is false unless b has a complete and
// consistent STUN header.
func stunType(b []byte) (typ uint16, ok bool) {
	if len(b) < stunHeader || binary.BigEndian.Uint32(b[4:]) != stunCookie {
		return 0, false
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	if size%4 != 0 || stunHeader+size != len(b) {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), looksLikeSTUN(b)
}

// stunTransaction returns the transaction id of b, which has a valid header.
func stunTransaction(b []byte) [12]byte { return [12]byte(b[8:stunHeader]) }

// checkUfrag returns the receiver's username fragment of a connectivity check
// (RFC 8445 §7.2.2: USERNAME is "<receiver's>:<sender's>"), as a part of b.
// ok is false when b, whose header is valid, isn't a well-formed check: an
// attribute overruns the message, or USERNAME or MESSAGE-INTEGRITY is missing.
func checkUfrag(b []byte) (ufrag []byte, ok bool) {
	var username []byte
	for rest := b[stunHeader:]; len(rest) >= stunAttrHeader; {
		typ := binary.BigEndian.Uint16(rest)
		size := int(binary.BigEndian.Uint16(rest[2:]))
		padded := stunAttrHeader + (size+3)&^3
		if padded > len(rest) {
			return nil, false
		}
		value := rest[stunAttrHeader : stunAttrHeader+size]
		switch {
		case typ == stunUsername && username == nil:
			username = value
		case typ == stunMessageIntegrity:
			// What follows isn't covered by it, and doesn't count (RFC 8489 §14.5).
			if size != stunIntegritySize || len(username) == 0 || len(username) > stunUsernameMax {
				return nil, false
			}
			ufrag, _, ok = bytes.Cut(username, []byte{':'})
			return ufrag, ok && len(ufrag) > 0
		}
		rest = rest[padded:]
	}
	return nil, false
}
