package srtp

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/pion/dtls/v3"
)

// Errors of the package. Those of the packet path are returned bare, so that
// refusing a packet costs no allocation.
var (
	// ErrAuth: the packet isn't from the holder of the key, or was changed.
	ErrAuth = errors.New("srtp: packet is not authentic")
	// ErrReplay: the packet was received before, or is older than the window.
	ErrReplay = errors.New("srtp: packet is repeated or too old")
	// ErrShort: the packet, or the header handed over with it, is too short.
	ErrShort = errors.New("srtp: packet is too short")
	// ErrTooManySSRCs: MaxSSRCs others were received on this transport.
	ErrTooManySSRCs = errors.New("srtp: too many SSRCs on one transport")
	// ErrReuse: the SSRC or the packet index was used before, or may have been.
	ErrReuse = errors.New("srtp: SSRC or packet index would be used twice")
	// ErrSSRC: the header is of another SSRC than the encryptor.
	ErrSSRC = errors.New("srtp: header has another SSRC")
	// ErrSpace: the buffer has no room for the protected packet.
	ErrSpace = errors.New("srtp: buffer is too small")
	// ErrExhausted: 2^48 packets were protected with the key (RFC 3711
	// section 9.2); the transport must be made anew.
	ErrExhausted = errors.New("srtp: all packet indexes are used")
	// ErrProfile: the profile isn't one of Profiles.
	ErrProfile = errors.New("srtp: unsupported protection profile")
	// ErrKeySize: a master key or salt isn't as long as the profile wants.
	ErrKeySize = errors.New("srtp: master key or salt has the wrong length")
)

// MaxSSRCs is how many SSRCs one transport may receive. A publisher of all
// sources with RTX has 14; the rest is for sources that it starts again.
const MaxSSRCs = 64

// Profile is an SRTP protection profile by its number in the IANA registry, as
// use_srtp carries it (RFC 5764 section 4.1.2).
type Profile uint16

// The profiles that browsers negotiate.
const (
	AES128CMSHA1 Profile = 0x0001 // AES128_CM_HMAC_SHA1_80, RFC 3711
	AES128GCM    Profile = 0x0007 // AEAD_AES_128_GCM, RFC 7714
	AES256GCM    Profile = 0x0008 // AEAD_AES_256_GCM, RFC 7714
)

// Profiles returns the supported profiles, best first: GCM costs a fraction of
// CM with SHA-1, and 128 bits a little less than 256.
func Profiles() []dtls.SRTPProtectionProfile {
	return []dtls.SRTPProtectionProfile{
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}
}

const (
	gcmTag    = 16
	gcmSalt   = 12
	sha1Tag   = 10
	cmSalt    = 14
	headerMin = 12 // RFC 3550 section 5.1
)

// sizes returns the lengths of master key and salt, in bytes.
func (p Profile) sizes() (key, salt int, err error) {
	switch p {
	case AES128CMSHA1:
		return 16, cmSalt, nil
	case AES128GCM:
		return 16, gcmSalt, nil
	case AES256GCM:
		return 32, gcmSalt, nil
	}
	return 0, 0, ErrProfile
}

// Overhead is how many bytes protection adds to an RTP packet; 0 for a profile
// that isn't supported.
func (p Profile) Overhead() int {
	switch p {
	case AES128CMSHA1:
		return sha1Tag
	case AES128GCM, AES256GCM:
		return gcmTag
	}
	return 0
}

// String returns the profile's name in the IANA registry.
func (p Profile) String() string {
	switch p {
	case AES128CMSHA1:
		return "SRTP_AES128_CM_HMAC_SHA1_80"
	case AES128GCM:
		return "SRTP_AEAD_AES_128_GCM"
	case AES256GCM:
		return "SRTP_AEAD_AES_256_GCM"
	}
	return fmt.Sprintf("SRTP profile 0x%04x", uint16(p))
}

// Master is the master key and salt of one direction. It prints as nothing
// that helps anybody.
type Master struct {
	Key  []byte // 16 or 32 bytes
	Salt []byte // 14 bytes, with GCM 12
}

// check says whether m fits p.
func (m Master) check(p Profile) error {
	key, salt, err := p.sizes()
	if err != nil {
		return err
	}
	if len(m.Key) != key || len(m.Salt) != salt {
		return ErrKeySize
	}
	return nil
}

// Wipe clears key and salt.
func (m Master) Wipe() {
	clear(m.Key)
	clear(m.Salt)
}

const redacted = "[srtp key]"

// Format keeps keys out of every printed form.
func (Master) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText keeps keys out of JSON.
func (Master) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps keys out of logs.
func (Master) LogValue() slog.Value { return slog.StringValue(redacted) }

// Keys are the master keys of one transport: what the DTLS client sends is
// protected with Client, what the server sends with Server.
//
// Lifetime: whoever gets them from [KeyTap.Keys] makes the contexts of the
// transport and calls Wipe, on the same goroutine, without storing them.
type Keys struct {
	Profile        Profile
	Client, Server Master
}

// Wipe clears all keys. What was made from them goes on working.
func (k *Keys) Wipe() {
	k.Client.Wipe()
	k.Server.Wipe()
}

// Format keeps keys out of every printed form.
func (k Keys) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(k.Profile.String() + " " + redacted))
}

// LogValue keeps keys out of logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.Profile.String() + " " + redacted) }
