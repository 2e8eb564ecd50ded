package auth

import (
	"crypto/ed25519"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Signature is made by Sign. It holds no secret.
type Signature struct {
	KeyID string `json:"key_id"`
	Key   []byte `json:"key"` // Ed25519 public key, 32 bytes
	Value []byte `json:"value"`
}

// Sign signs a message for a purpose with the key in use.
func (k *Keys) Sign(purpose string, message []byte) Signature {
	key := k.signing[0]
	return Signature{
		KeyID: key.id,
		Key:   key.private.Public().(ed25519.PublicKey),
		Value: ed25519.Sign(key.private, signed(purpose, message)),
	}
}

// VerifySignature says whether s is a signature of the message, for that
// purpose, by the key that s names. Whether to trust that key is another
// question: see Keys.Known.
func VerifySignature(purpose string, message []byte, s Signature) bool {
	return len(s.Key) == ed25519.PublicKeySize && ed25519.Verify(s.Key, signed(purpose, message), s.Value)
}

// Known says whether the signature's key is one of these.
func (k *Keys) Known(s Signature) bool {
	for _, key := range k.signing {
		if key.id == s.KeyID && key.private.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(s.Key)) {
			return true
		}
	}
	return false
}

// signed sets messages of one purpose apart from those of others, join tokens
// among them (which begin with a letter).
func signed(purpose string, message []byte) []byte {
	return append([]byte("\x00atrium "+purpose+"\x00"), message...)
}

// RotateKeys puts new keys for signing and sealing in front of those in the
// file. The old ones stay, to verify and open what they signed and sealed. A
// running server uses the new ones from its next start.
func RotateKeys(path string) error {
	data, err := readKeyFile(path)
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	f, err := decodeKeyFile(data)
	if err == nil {
		_, err = f.keys()
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	f.Signing = append([]keyEntry{newKeyEntry()}, f.Signing...)
	f.Sealing = append([]keyEntry{newKeyEntry()}, f.Sealing...)
	temporary, err := writeKeyFile(path, f)
	if err == nil {
		err = errors.Join(os.Rename(temporary, path), syncDir(filepath.Dir(path)))
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	return nil
}

// OperatorKey is the secret of who runs the deployment.
type OperatorKey struct{ digest [32]byte }

type operatorFile struct {
	OperatorKey string `json:"operator_key"`
}

// LoadOperatorKey reads the file of the operator key, creating it (mode 0600)
// when there is none, and returns the key's text too.
func LoadOperatorKey(path string) (OperatorKey, string, error) {
	data, err := readKeyFile(path)
	if errors.Is(err, os.ErrNotExist) {
		secret, _ := newToken(operatorPrefix)
		if err = createOperatorFile(path, operatorFile{secret}); err == nil {
			data, err = readKeyFile(path)
		}
	}
	if err != nil {
		return OperatorKey{}, "", fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	var f operatorFile
	if json.Unmarshal(data, &f) == nil {
		if digest, ok := OperatorDigest(f.OperatorKey); ok {
			return OperatorKey{digest}, f.OperatorKey, nil
		}
	}
	return OperatorKey{}, "", fmt.Errorf("%w %s: its contents are damaged: delete it and start again, which makes a new operator key", ErrKeyFile, path)
}

func createOperatorFile(path string, f operatorFile) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyFileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	return errors.Join(err, file.Sync(), file.Close(), syncDir(filepath.Dir(path)))
}

// Is says whether key is the operator's, in constant time.
func (o OperatorKey) Is(key string) bool {
	digest, ok := OperatorDigest(key)
	return ok && hmac.Equal(digest[:], o.digest[:])
}
