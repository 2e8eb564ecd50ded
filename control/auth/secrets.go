package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const (
	apiKeyPrefix     = "atk_" // so that scanners of source code can recognise a leaked one
	apiKeyBytes      = 32
	linkBytes        = 18 // 144 bits: 24 characters without padding
	visitTokenPrefix = "atv_"
	visitTokenBytes  = 24
	maxPasted        = 512 // bytes of what may be pasted as a link, address included
)

// newSecret returns n random bytes in base64url. crypto/rand never fails
// (since Go 1.24 it ends the process rather).
func newSecret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewAPIKey makes an API key: what its owner sends, and the digest to keep.
func (k *Keys) NewAPIKey() (secret string, digest [32]byte) {
	secret = apiKeyPrefix + newSecret(apiKeyBytes)
	return secret, sha256.Sum256([]byte(secret))
}

// NewLink makes the secret of a link, and the digest to keep for looking it
// up.
func (k *Keys) NewLink() (secret string, digest [32]byte) {
	secret = newSecret(linkBytes)
	return secret, sha256.Sum256([]byte(secret))
}

// APIKeyDigest returns the digest to look an API key up by; ok is false when
// secret can't be one.
func APIKeyDigest(secret string) (digest [32]byte, ok bool) {
	body, found := strings.CutPrefix(secret, apiKeyPrefix)
	if !found || !secretOf(body, apiKeyBytes) {
		return digest, false
	}
	return sha256.Sum256([]byte(secret)), true
}

// LinkDigest returns the digest to look a link up by. link is the secret or
// the whole address that ends in #secret, as people paste it, with white
// space around it. ok is false when it can't be a link.
func LinkDigest(link string) (digest [32]byte, ok bool) {
	if len(link) > maxPasted {
		return digest, false
	}
	link = strings.TrimSpace(link)
	if i := strings.LastIndexByte(link, '#'); i >= 0 {
		link = link[i+1:]
	}
	if !secretOf(link, linkBytes) {
		return digest, false
	}
	return sha256.Sum256([]byte(link)), true
}

// secretOf says whether s is the one encoding of n bytes.
func secretOf(s string, n int) bool {
	if len(s) != base64.RawURLEncoding.EncodedLen(n) {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == n
}

// NewVisitToken makes what a guest proves their visit with, and the digest to
// keep.
func (k *Keys) NewVisitToken() (secret string, digest [32]byte) {
	secret = visitTokenPrefix + newSecret(visitTokenBytes)
	return secret, sha256.Sum256([]byte(secret))
}

// VisitTokenDigest returns the digest to look a visit up by; ok is false when
// secret can't be a visit token.
func VisitTokenDigest(secret string) (digest [32]byte, ok bool) {
	body, found := strings.CutPrefix(secret, visitTokenPrefix)
	if !found || !secretOf(body, visitTokenBytes) {
		return digest, false
	}
	return sha256.Sum256([]byte(secret)), true
}
