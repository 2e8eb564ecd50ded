package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
)

// Labels of the key derivation (RFC 3711 section 4.3.1).
const (
	labelKey  = 0x00
	labelAuth = 0x01
	labelSalt = 0x02

	authKeyLen = 20 // RFC 3711 section 5.2, for HMAC-SHA1
)

// session holds the session keys of one direction. It doesn't change and may
// be shared.
type session struct {
	profile Profile
	aead    cipher.AEAD  // GCM, else nil
	block   cipher.Block // CM, else nil
	auth    []byte       // CM
	salt    [cmSalt]byte // GCM uses 12 bytes
	id      [16]byte     // of the key, for the reuse check
}

// newSession derives the session keys. Errors: ErrProfile, ErrKeySize.
func newSession(p Profile, m Master) (*session, error) {
	if err := m.check(p); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(m.Key)
	if err != nil {
		return nil, ErrKeySize
	}
	key := derive(block, m.Salt, labelKey, len(m.Key))
	defer clear(key)
	return sessionOf(p, key, derive(block, m.Salt, labelAuth, authKeyLen), derive(block, m.Salt, labelSalt, len(m.Salt)))
}

// sessionOf makes a session of its session keys.
func sessionOf(p Profile, key, auth, salt []byte) (*session, error) {
	s := &session{profile: p, id: keyID(p, key)}
	copy(s.salt[:], salt)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrKeySize
	}
	if p == AES128CMSHA1 {
		s.block, s.auth = block, auth
		return s, nil
	}
	s.aead, err = cipher.NewGCM(block)
	return s, err
}

// derive is the pseudo-random function of RFC 3711 section 4.3.3 with a key
// derivation rate of 0: n bytes for the label. GCM's salt counts as padded with
// zeros (RFC 7714 section 11), AES-256 works alike (RFC 6188 section 3).
func derive(master cipher.Block, salt []byte, label byte, n int) []byte {
	var in [aes.BlockSize]byte
	copy(in[:cmSalt], salt)
	in[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		binary.BigEndian.PutUint16(in[cmSalt:], uint16(i/aes.BlockSize))
		master.Encrypt(out[i:], in[:])
	}
	return out[:n]
}

// keyID names a key without giving it away.
func keyID(p Profile, key []byte) (id [16]byte) {
	if !checked {
		return id
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint16([]byte("atrium srtp check"), uint16(p)))
	sum = sha256.Sum256(append(sum[:], key...))
	copy(id[:], sum[:])
	return id
}

// transform returns the cipher for one user of the session.
func (s *session) transform() transform {
	if s.aead != nil {
		g := &gcm{}
		g.init(s)
		return g
	}
	return newCM(s.block, s.auth, s.salt)
}
