package srtp

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
	"github.com/pion/webrtc/v4"
)

// Errors of KeyTap.Keys. The transport works all the same, through pion.
var (
	// ErrNoKeys: the handshake hasn't come so far, the peer is the DTLS server,
	// or the tap was wiped.
	ErrNoKeys = errors.New("srtp: no keys were captured")
	// ErrCipherSuite: it isn't known how the DTLS cipher suite exports keys.
	ErrCipherSuite = errors.New("srtp: unknown DTLS cipher suite")
	// ErrRekeyed: the handshake was repeated or resumed, so that keys might
	// come a second time.
	ErrRekeyed = errors.New("srtp: DTLS handshake was repeated or resumed")
)

const (
	exporterLabel = "EXTRACTOR-dtls_srtp" // RFC 5764 section 4.2
	keyLogLabel   = "CLIENT_RANDOM"       // NSS key log, as TLS 1.2 uses it
	masterLen     = 48                    // RFC 5246 section 8.1
)

// KeyTap captures the SRTP keys of one PeerConnection that is the DTLS server.
// The zero value is ready; it is for one handshake and safe for concurrent use.
//
// It combines what two public hooks of pion tell: the key log (client random,
// master secret: the extended one of RFC 7627 where that was negotiated) and
// the server hello (server random, cipher suite, profile).
type KeyTap struct {
	mu           sync.Mutex
	clientRandom []byte
	serverRandom []byte
	master       []byte
	suite        dtls.CipherSuiteID
	profile      Profile
	mki          bool
	rekeyed      bool
	wiped        bool
}

// Install sets engine's hooks, DTLS role (server) and protection profiles. The
// engine must be used for one PeerConnection only, and its hooks not be set
// again.
func (t *KeyTap) Install(engine *webrtc.SettingEngine) error {
	engine.SetDTLSKeyLogWriter(keyLog{t})
	engine.SetDTLSServerHelloMessageHook(t.serverHello)
	engine.SetSRTPProtectionProfiles(Profiles()...)
	return engine.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
}

// Keys exports the keys (RFC 5705, RFC 5764 section 4.2). They are there before
// the handshake ends: use them only once the DTLS transport is connected, which
// is when the peer's certificate and Finished message have been verified. The
// caller wipes what it gets. An ICE restart leaves the keys as they are.
//
// Errors: ErrNoKeys, ErrCipherSuite, ErrProfile, ErrRekeyed.
func (t *KeyTap) Keys() (Keys, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rekeyed {
		return Keys{}, ErrRekeyed
	}
	if t.master == nil || t.serverRandom == nil {
		return Keys{}, ErrNoKeys
	}
	key, salt, err := t.profile.sizes()
	if err != nil || t.mki {
		return Keys{}, ErrProfile
	}
	prfHash, err := suiteHash(t.suite)
	if err != nil {
		return Keys{}, err
	}
	seed := append(append([]byte(exporterLabel), t.clientRandom...), t.serverRandom...)
	material, err := prf.PHash(t.master, seed, 2*(key+salt), prfHash)
	if err != nil {
		return Keys{}, ErrNoKeys
	}
	defer clear(material)
	next := func(n int) []byte {
		part := bytes.Clone(material[:n])
		clear(material[:n])
		material = material[n:]
		return part
	}
	k := Keys{Profile: t.profile}
	k.Client.Key, k.Server.Key = next(key), next(key)
	k.Client.Salt, k.Server.Salt = next(salt), next(salt)
	return k, nil
}

// Wipe clears what was captured, and the tap stays empty from then on. Call it
// when the contexts are made, and when the handshake failed. (pion itself keeps
// the master secret as long as the connection lives.)
func (t *KeyTap) Wipe() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.master)
	t.master, t.wiped = nil, true
}

// suiteHash returns the hash of the pseudo-random function of a cipher suite
// that browsers and pion negotiate with certificates (RFC 5246 section 5, RFC
// 5289). A suite that isn't listed is refused: a wrong guess would only show as
// silence.
func suiteHash(suite dtls.CipherSuiteID) (func() hash.Hash, error) {
	switch suite {
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM, dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8:
		return sha256.New, nil
	case dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384, nil
	}
	return nil, ErrCipherSuite
}

// serverHello notes what the server answers with, and passes it on unchanged.
func (t *KeyTap) serverHello(m handshake.MessageServerHello) handshake.Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	random := m.Random.MarshalFixed()
	// pion makes the message once per handshake. A session id means that a
	// session store is in use: then pion may resume, and logs its own random
	// as the client's.
	if len(m.SessionID) > 0 || t.serverRandom != nil && !bytes.Equal(t.serverRandom, random[:]) {
		t.rekeyed = true
	}
	t.serverRandom = random[:]
	if m.CipherSuiteID != nil {
		t.suite = dtls.CipherSuiteID(*m.CipherSuiteID)
	}
	t.profile, t.mki = 0, false
	for _, e := range m.Extensions {
		if use, ok := e.(*extension.UseSRTP); ok && len(use.ProtectionProfiles) == 1 {
			t.profile, t.mki = Profile(use.ProtectionProfiles[0]), len(use.MasterKeyIdentifier) > 0
		}
	}
	return &m
}

// keyLog is the writer that pion logs secrets to, a line per write.
type keyLog struct{ tap *KeyTap }

// Write never fails: a line that can't be used leaves the tap without keys.
func (l keyLog) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != keyLogLabel {
		return len(line), nil
	}
	random, master := make([]byte, handshake.RandomLength), make([]byte, masterLen)
	if len(fields[1]) != 2*len(random) || len(fields[2]) != 2*len(master) {
		return len(line), nil
	}
	_, errRandom := hex.Decode(random, fields[1])
	_, errMaster := hex.Decode(master, fields[2])
	if errRandom == nil && errMaster == nil {
		l.tap.secret(random, master)
	}
	return len(line), nil
}

// secret notes the client random and the master secret.
func (t *KeyTap) secret(clientRandom, master []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wiped {
		clear(master)
		return
	}
	if t.master != nil && !(bytes.Equal(t.master, master) && bytes.Equal(t.clientRandom, clientRandom)) {
		t.rekeyed = true
	}
	clear(t.master)
	t.clientRandom, t.master = clientRandom, master
}
