package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
)

// ErrErased: the key that sealed a value was overwritten (R-PV-1).
var ErrErased = errors.New("the sealed value was erased")

// The vault's file: a header, then slots, each a random key that seals what
// belongs to one visit, link or appointment. A slot is as long as a power of
// two, so that none lies across two sectors and an overwrite is one write.
const (
	vaultMagic  = "atrium vault 1\n\x00" // the header's beginning
	vaultSlot   = 64                     // bytes: id 8, key 32, CRC-32C of both 4, zeros
	vaultHeader = vaultSlot
	vaultGrowth = 256 // slots that are made, and synced, at once
	vaultLow    = 64  // with so many free ones left more are made, while others take those
	vaultKey    = 32  // AES-256
	vaultMode   = 0o600
)

// KeyRef names a key of a Vault: a slot, and which of the keys that were in it
// one after another.
type KeyRef struct {
	Slot uint32 `json:"slot"`
	ID   string `json:"id"` // 16 hexadecimal digits; not secret
}

// Vault is the file of the keys that are to be forgotten: one for each visit,
// link or appointment that holds a guest's details. The data file only ever
// holds what they sealed, so that overwriting 64 bytes here erases the details
// there, and in every backup of it (R-PV-1). The file itself belongs in no
// backup. It may be used concurrently, by one process (the data file's lock
// stands for both).
type Vault struct {
	// disk is held by whoever writes keys and syncs them. It is taken before
	// mu, which nobody holds meanwhile: reading keys doesn't wait for the disk.
	disk sync.Mutex
	file *os.File
	sync func() error // of file; a test can make it wait

	mu    sync.Mutex
	slots []vaultEntry // grows only, under both
	free  []uint32     // never used, or overwritten since
}

type vaultEntry struct {
	id   uint64
	key  [vaultKey]byte
	used bool
}

// Keep says which keys the data file still refers to. The others are
// overwritten and free: a crash may have come before what they sealed was
// committed, and left some of it on the disk. It is called once, before
// anything is reserved.
func (v *Vault) Keep(inUse func(slot uint32) bool) error {
	v.disk.Lock()
	defer v.disk.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.free = v.free[:0]
	for slot := range v.slots {
		if v.slots[slot].used = inUse(uint32(slot)); v.slots[slot].used {
			continue
		}
		v.slots[slot] = newVaultEntry()
		v.free = append(v.free, uint32(slot))
		if err := v.write(uint32(slot), v.slots[slot]); err != nil {
			return fmt.Errorf("overwrite keys that nothing needs: %w", err)
		}
	}
	if err := v.sync(); err != nil {
		return fmt.Errorf("overwrite keys that nothing needs: %w", err)
	}
	return nil
}

// Reserve gives out a key that is on disk already. One that turns out not to
// be needed goes back with Release.
func (v *Vault) Reserve() (KeyRef, error) {
	for {
		ref, left, ok := v.take()
		if ok && left < vaultLow && v.disk.TryLock() {
			if v.left() < vaultLow {
				_ = v.grow() // where it fails, it does again when none is left
			}
			v.disk.Unlock()
		}
		if ok {
			return ref, nil
		}
		if err := v.refill(); err != nil {
			return KeyRef{}, fmt.Errorf("make keys for guests' details: %w", err)
		}
	}
}

// take gives out a key, if there is a free one, and says how many are left.
func (v *Vault) take() (ref KeyRef, left int, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	left = len(v.free) - 1
	if left < 0 {
		return KeyRef{}, 0, false
	}
	slot := v.free[left]
	v.free = v.free[:left]
	v.slots[slot].used = true
	return KeyRef{Slot: slot, ID: idOf(v.slots[slot].id)}, left, true
}

func (v *Vault) left() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.free)
}

// refill makes keys where there are none.
func (v *Vault) refill() error {
	v.disk.Lock()
	defer v.disk.Unlock()
	if v.left() > 0 { // somebody else has, meanwhile
		return nil
	}
	return v.grow()
}

// Release gives keys back with which nothing that was stored is sealed.
func (v *Vault) Release(refs ...KeyRef) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, ref := range refs {
		if v.currentLocked(ref) {
			v.slots[ref.Slot].used = false
			v.free = append(v.free, ref.Slot)
		}
	}
}

func idOf(id uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], id)
	return hex.EncodeToString(b[:])
}

// currentLocked says whether ref's key is still there, and given out.
func (v *Vault) currentLocked(ref KeyRef) bool {
	return int64(ref.Slot) < int64(len(v.slots)) && v.slots[ref.Slot].used && idOf(v.slots[ref.Slot].id) == ref.ID
}

// Seal encrypts plaintext (AES-256-GCM, random nonce) so that Open reads it
// with the same key and purpose, until the key is erased.
func (v *Vault) Seal(ref KeyRef, plaintext []byte, purpose string) ([]byte, error) {
	aead, err := v.aead(ref)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plaintext, []byte(purpose)), nil
}

// Open decrypts what Seal returned. ErrErased: its key is no more; ErrUnsealed:
// it is another's, or was altered.
func (v *Vault) Open(ref KeyRef, sealed []byte, purpose string) ([]byte, error) {
	aead, err := v.aead(ref)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.Overhead() {
		return nil, ErrUnsealed
	}
	plaintext, err := aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, ErrUnsealed
	}
	return plaintext, nil
}

func (v *Vault) aead(ref KeyRef) (cipher.AEAD, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.currentLocked(ref) {
		return nil, ErrErased
	}
	block, err := aes.NewCipher(v.slots[ref.Slot].key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Erase overwrites keys and returns when that is on disk. Keys that are gone
// already are none to erase. After an error it must be called again.
func (v *Vault) Erase(refs ...KeyRef) error {
	v.disk.Lock()
	defer v.disk.Unlock()
	slots := v.retire(refs)
	if len(slots) == 0 {
		return nil
	}
	fresh, err := v.overwrite(slots)
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, slot := range slots {
		if err != nil {
			v.slots[slot].used = true // to be erased by another call
			continue
		}
		v.slots[slot] = fresh[i]
		v.free = append(v.free, slot)
	}
	if err != nil {
		return fmt.Errorf("overwrite a key of a guest's details: %w", err)
	}
	return nil
}

// retire takes keys out of use: nobody reads them any more, nor gets them.
func (v *Vault) retire(refs []KeyRef) []uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	var slots []uint32
	for _, ref := range refs {
		if v.currentLocked(ref) {
			v.slots[ref.Slot].used = false
			slots = append(slots, ref.Slot)
		}
	}
	return slots
}

// overwrite puts other keys into slots and returns them once they are on disk;
// they are read back, as that is what counts.
func (v *Vault) overwrite(slots []uint32) ([]vaultEntry, error) {
	fresh := make([]vaultEntry, len(slots))
	for i, slot := range slots {
		fresh[i] = newVaultEntry()
		if err := v.write(slot, fresh[i]); err != nil {
			return nil, err
		}
	}
	if err := v.sync(); err != nil {
		return nil, err
	}
	data := make([]byte, vaultSlot)
	for i, slot := range slots {
		if _, err := v.file.ReadAt(data, vaultHeader+int64(slot)*vaultSlot); err != nil {
			return nil, fmt.Errorf("read it back: %w", err)
		}
		if entry, ok := decodeSlot(data); !ok || entry != fresh[i] {
			return nil, errors.New("it reads back wrong: the disk is failing")
		}
	}
	return fresh, nil
}

// Close closes the file.
func (v *Vault) Close() error {
	v.disk.Lock()
	defer v.disk.Unlock()
	return v.file.Close()
}
