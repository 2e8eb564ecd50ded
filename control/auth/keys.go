package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrKeyFile: the key file can't be used. The error says why and what to do.
var ErrKeyFile = errors.New("key file")

// ErrUnsealed: a sealed value was not sealed by these keys, or for another
// purpose, or was altered.
var ErrUnsealed = errors.New("the sealed value can't be opened")

const (
	keyFileVersion = 1
	keyFileLimit   = 64 << 10 // bytes; hundreds of keys
	keyFileMode    = 0o600
)

// Keys holds the keys of a deployment. It doesn't change once loaded and may
// be used concurrently.
type Keys struct {
	signing []signingKey // the first one signs, all verify
	sealing []sealingKey // the first one seals, all open
	lookup  []byte       // for Digest
}

type signingKey struct {
	id      string
	private ed25519.PrivateKey
}

type sealingKey struct {
	id   string
	aead cipher.AEAD
}

// keyFile is the file's form. The lists let keys rotate: put a new one in
// front, drop the old one when nothing needs it any more.
type keyFile struct {
	Version int        `json:"version"`
	Signing []keyEntry `json:"signing"` // Key: seed of an Ed25519 key, 32 bytes
	Sealing []keyEntry `json:"sealing"` // Key: AES-256, 32 bytes
}

type keyEntry struct {
	ID  string `json:"id"`
	Key []byte `json:"key"` // base64
}

// NewKeys makes keys that live as long as the process.
func NewKeys() (*Keys, error) { return newKeyFile().keys() }

func newKeyFile() keyFile {
	return keyFile{
		Version: keyFileVersion,
		Signing: []keyEntry{newKeyEntry()},
		Sealing: []keyEntry{newKeyEntry()},
	}
}

func newKeyEntry() keyEntry {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return keyEntry{ID: newSecret(9), Key: key}
}

// LoadKeys reads the key file, creating it with new keys (mode 0600, in one
// step) when there is none; its directory must exist. A file that others may
// read, or that is damaged, is refused with ErrKeyFile and not altered.
func LoadKeys(path string) (*Keys, error) {
	data, err := readKeyFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := createKeyFile(path); err != nil {
			return nil, fmt.Errorf("%w %s: create it: %w (its directory must exist and be writable by this user)",
				ErrKeyFile, path, err)
		}
		data, err = readKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	keys, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w (restore it from where you keep it; without it links and stored answers can't be shown again)",
			ErrKeyFile, path, err)
	}
	return keys, nil
}

// ReadKeys reads a key file that must be there already.
func ReadKeys(path string) (*Keys, error) {
	data, err := readKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	keys, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	return keys, nil
}

func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file; give the path of a file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may use it (mode %04o): chmod 600 it", info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, keyFileLimit+1))
	if err == nil && len(data) > keyFileLimit {
		err = errors.New("it is too long for a key file")
	}
	return data, err
}

func createKeyFile(path string) error {
	temporary, err := writeKeyFile(path, newKeyFile())
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }()
	// A link, as a rename would replace keys that were created meanwhile.
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeKeyFile writes f to a new file beside path, synced, and returns its
// name.
func writeKeyFile(path string, f keyFile) (string, error) {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".atrium-keys-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Chmod(keyFileMode), file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

func parseKeyFile(data []byte) (*Keys, error) {
	f, err := decodeKeyFile(data)
	if err != nil {
		return nil, err
	}
	return f.keys()
}

func decodeKeyFile(data []byte) (keyFile, error) {
	var f keyFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return f, errors.New("its contents are damaged") // the parser's words may quote a key
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("its contents are damaged")
	}
	return f, nil
}

func (f keyFile) keys() (*Keys, error) {
	if f.Version != keyFileVersion {
		return nil, fmt.Errorf("version %d is unknown to this release", f.Version)
	}
	if len(f.Signing) == 0 || len(f.Sealing) == 0 {
		return nil, errors.New("a key is missing")
	}
	keys := &Keys{}
	seen := make(map[string]bool)
	for _, e := range append(append([]keyEntry{}, f.Signing...), f.Sealing...) {
		if e.ID == "" || len(e.ID) > 64 || seen[e.ID] || len(e.Key) != 32 {
			return nil, errors.New("a key is damaged")
		}
		seen[e.ID] = true
	}
	for _, e := range f.Signing {
		keys.signing = append(keys.signing, signingKey{id: e.ID, private: ed25519.NewKeyFromSeed(e.Key)})
	}
	for _, e := range f.Sealing {
		block, err := aes.NewCipher(e.Key)
		if err != nil {
			return nil, errors.New("a key is damaged")
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, errors.New("a key is damaged")
		}
		keys.sealing = append(keys.sealing, sealingKey{id: e.ID, aead: aead})
	}
	// From the oldest key, so that a digest stays the same when keys rotate.
	oldest := f.Sealing[len(f.Sealing)-1].Key
	var err error
	if keys.lookup, err = hkdf.Key(sha256.New, oldest, nil, "atrium lookup digest", sha256.Size); err != nil {
		return nil, errors.New("a key is damaged")
	}
	return keys, nil
}

// Seal encrypts plaintext (AES-256-GCM, random nonce) so that only Open with
// the same purpose reads it. purpose binds it to its place; it isn't secret.
func (k *Keys) Seal(plaintext []byte, purpose string) []byte {
	key := k.sealing[0]
	out := append([]byte{byte(len(key.id))}, key.id...)
	return key.aead.Seal(out, nil, plaintext, []byte(purpose))
}

// Open decrypts what Seal returned, or returns ErrUnsealed.
func (k *Keys) Open(sealed []byte, purpose string) ([]byte, error) {
	if len(sealed) == 0 || len(sealed) < 1+int(sealed[0]) {
		return nil, ErrUnsealed
	}
	id, body := string(sealed[1:1+sealed[0]]), sealed[1+sealed[0]:]
	for _, key := range k.sealing {
		if key.id != id {
			continue
		}
		if len(body) < key.aead.Overhead() {
			return nil, ErrUnsealed
		}
		plaintext, err := key.aead.Open(nil, nil, body, []byte(purpose))
		if err != nil {
			return nil, ErrUnsealed
		}
		return plaintext, nil
	}
	return nil, ErrUnsealed
}

// Digest returns HMAC-SHA-256 of a value, by a key that is derived for it: to
// find a value by that mustn't stand in the data file, and that could be
// guessed from a plain hash (an e-mail address). The same value has another
// digest for another purpose.
func (k *Keys) Digest(purpose, value string) []byte {
	mac := hmac.New(sha256.New, k.lookup)
	_, _ = mac.Write([]byte(purpose + "\x00" + value)) // never fails
	return mac.Sum(nil)
}
