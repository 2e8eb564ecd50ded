package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// transform protects and opens packets of one profile with one key. It keeps
// working memory, so that packets cost no allocation, and is therefore not safe
// for concurrent use.
type transform interface {
	// seal protects a packet whose header is out[:headerLen]: it fills the
	// rest of out, which has exactly room for payload and tag. payload lies
	// where its cipher text goes, or apart from out.
	seal(out []byte, headerLen int, payload []byte, ssrc uint32, index uint64)
	// open decrypts a packet that has room for header and tag, in place, and
	// says whether it is authentic. If not, its content is lost.
	open(packet []byte, headerLen int, ssrc uint32, index uint64) bool
}

// gcm is AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714).
type gcm struct {
	aead cipher.AEAD
	salt [gcmSalt]byte
	iv   [gcmSalt]byte
}

func (g *gcm) init(s *session) { g.aead, g.salt = s.aead, [gcmSalt]byte(s.salt[:gcmSalt]) }

// nonce fills the IV (RFC 7714 section 8.1): two zero bytes, SSRC, ROC,
// sequence number, all XORed with the salt.
func (g *gcm) nonce(ssrc uint32, index uint64) []byte {
	g.iv[0], g.iv[1] = g.salt[0], g.salt[1]
	binary.BigEndian.PutUint32(g.iv[2:], binary.BigEndian.Uint32(g.salt[2:])^ssrc)
	binary.BigEndian.PutUint32(g.iv[6:], binary.BigEndian.Uint32(g.salt[6:])^uint32(index>>16))
	binary.BigEndian.PutUint16(g.iv[10:], binary.BigEndian.Uint16(g.salt[10:])^uint16(index))
	return g.iv[:]
}

func (g *gcm) seal(out []byte, headerLen int, payload []byte, ssrc uint32, index uint64) {
	g.aead.Seal(out[headerLen:headerLen], g.nonce(ssrc, index), payload, out[:headerLen])
}

func (g *gcm) open(packet []byte, headerLen int, ssrc uint32, index uint64) bool {
	_, err := g.aead.Open(packet[headerLen:headerLen], g.nonce(ssrc, index), packet[headerLen:], packet[:headerLen])
	return err == nil
}

// cm is AES128_CM_HMAC_SHA1_80 (RFC 3711 sections 4.1.1 and 4.2.1).
type cm struct {
	block cipher.Block
	mac   hash.Hash
	salt  [cmSalt]byte

	counter [aes.BlockSize]byte
	// stream is 8 blocks of key stream. crypto/cipher's CTR is faster, but
	// copies the key schedule to the heap for each packet.
	stream [8 * aes.BlockSize]byte
	sum    [sha1.Size]byte
	roc    [4]byte
}

func newCM(block cipher.Block, auth []byte, salt [cmSalt]byte) *cm {
	c := &cm{block: block, mac: hmac.New(sha1.New, auth), salt: salt}
	c.mac.Reset() // keeps the state after the key, which later resets reuse
	return c
}

// crypt XORs src with the key stream of a packet into dst. Both are equally
// long, and the same or apart.
func (c *cm) crypt(dst, src []byte, ssrc uint32, index uint64) {
	copy(c.counter[:4], c.salt[:4])
	binary.BigEndian.PutUint32(c.counter[4:], binary.BigEndian.Uint32(c.salt[4:])^ssrc)
	binary.BigEndian.PutUint32(c.counter[8:], binary.BigEndian.Uint32(c.salt[8:])^uint32(index>>16))
	binary.BigEndian.PutUint16(c.counter[12:], binary.BigEndian.Uint16(c.salt[12:])^uint16(index))
	for block := uint16(0); len(src) > 0; {
		n := min(len(c.stream), (len(src)+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
		for i := 0; i < n; i += aes.BlockSize {
			binary.BigEndian.PutUint16(c.counter[cmSalt:], block)
			c.block.Encrypt(c.stream[i:], c.counter[:])
			block++
		}
		n = subtle.XORBytes(dst, src, c.stream[:n])
		dst, src = dst[n:], src[n:]
	}
}

// tag returns the authentication tag of a packet in cipher text (RFC 3711
// section 4.2: the ROC follows the packet). It is good until the next call.
func (c *cm) tag(packet []byte, index uint64) []byte {
	c.mac.Reset()
	c.mac.Write(packet)
	binary.BigEndian.PutUint32(c.roc[:], uint32(index>>16))
	c.mac.Write(c.roc[:])
	return c.mac.Sum(c.sum[:0])[:sha1Tag]
}

func (c *cm) seal(out []byte, headerLen int, payload []byte, ssrc uint32, index uint64) {
	end := headerLen + len(payload)
	c.crypt(out[headerLen:end], payload, ssrc, index)
	copy(out[end:], c.tag(out[:end], index))
}

func (c *cm) open(packet []byte, headerLen int, ssrc uint32, index uint64) bool {
	end := len(packet) - sha1Tag
	if subtle.ConstantTimeCompare(c.tag(packet[:end], index), packet[end:]) != 1 {
		return false
	}
	c.crypt(packet[headerLen:end], packet[headerLen:end], ssrc, index)
	return true
}
