package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Beginnings of tokens, so that scanners of source code can recognise a leaked
// one.
const (
	apiKeyPrefix   = "atk_"
	sessionPrefix  = "ats_"
	visitPrefix    = "atv_"
	operatorPrefix = "ato_"
)

const (
	apiKeyBytes = 32
	tokenBytes  = 32  // of sessions, visits, the operator
	linkBytes   = 18  // 144 bits: 24 characters without padding
	maxPasted   = 512 // bytes of what may be pasted as a link, address included
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

// NewSessionToken makes the token of a staff session, and the digest to keep.
func (k *Keys) NewSessionToken() (secret string, digest [32]byte) { return newToken(sessionPrefix) }

// NewVisitToken makes what a guest proves their visit with, and the digest to
// keep.
func (k *Keys) NewVisitToken() (secret string, digest [32]byte) { return newToken(visitPrefix) }

// SessionDigest returns the digest to look a session up by; ok is false when
// token can't be one's.
func SessionDigest(token string) (digest [32]byte, ok bool) { return tokenDigest(sessionPrefix, token) }

// VisitTokenDigest returns the digest to look a visit up by; ok is false when
// token can't be a visit's.
func VisitTokenDigest(token string) (digest [32]byte, ok bool) {
	return tokenDigest(visitPrefix, token)
}

// OperatorDigest returns the digest to compare an operator key by; ok is false
// when key can't be one.
func OperatorDigest(key string) (digest [32]byte, ok bool) { return tokenDigest(operatorPrefix, key) }

func newToken(prefix string) (secret string, digest [32]byte) {
	secret = prefix + newSecret(tokenBytes)
	return secret, sha256.Sum256([]byte(secret))
}

func tokenDigest(prefix, token string) (digest [32]byte, ok bool) {
	body, found := strings.CutPrefix(token, prefix)
	if !found || !secretOf(body, tokenBytes) {
		return digest, false
	}
	return sha256.Sum256([]byte(token)), true
}
