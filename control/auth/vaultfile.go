package auth

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// OpenVault opens the file, creating it (mode 0600) when there is none; its
// directory must exist. All keys are free until Keep says otherwise. Errors
// are ErrKeyFile with what to do; a file that is refused isn't altered.
func OpenVault(path string) (*Vault, error) {
	v, err := openVault(path)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrKeyFile, path, err)
	}
	return v, nil
}

func openVault(path string) (*Vault, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, vaultMode)
	if err != nil {
		return nil, err
	}
	v := &Vault{file: file, sync: file.Sync}
	if err := errors.Join(v.read(), syncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return v, nil
}

func (v *Vault) read() error {
	info, err := v.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file; give the path of a file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others may use it (mode %04o): chmod 600 it", info.Mode().Perm())
	}
	if info.Size() == 0 {
		header := make([]byte, vaultHeader)
		copy(header, vaultMagic)
		if _, err := v.file.WriteAt(header, 0); err != nil {
			return err
		}
		return v.grow()
	}
	data, err := io.ReadAll(io.NewSectionReader(v.file, 0, info.Size()))
	if err != nil {
		return err
	}
	if len(data) < vaultHeader || string(data[:len(vaultMagic)]) != vaultMagic {
		return errors.New("it is no key file of Atrium's: move it away to begin with an empty one; " +
			"guests' details that are still kept can then not be shown any more")
	}
	return v.readSlots(data[vaultHeader:])
}

// readSlots takes over the keys. One that is damaged, as by a power cut in the
// middle of its overwriting, is overwritten; a half slot at the end is that of
// a growth which nobody has used.
func (v *Vault) readSlots(data []byte) error {
	damaged := false
	for len(data) >= vaultSlot {
		entry, ok := decodeSlot(data[:vaultSlot])
		if !ok {
			entry, damaged = newVaultEntry(), true
			if err := v.write(uint32(len(v.slots)), entry); err != nil {
				return err
			}
		}
		v.free = append(v.free, uint32(len(v.slots)))
		v.slots = append(v.slots, entry)
		data = data[vaultSlot:]
	}
	if damaged {
		return v.sync()
	}
	return nil
}

func newVaultEntry() vaultEntry {
	var e vaultEntry
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(e.key[:])
	e.id = binary.BigEndian.Uint64(id[:])
	return e
}

func encodeSlot(e vaultEntry) []byte {
	out := make([]byte, vaultSlot)
	binary.BigEndian.PutUint64(out, e.id)
	copy(out[8:], e.key[:])
	binary.BigEndian.PutUint32(out[8+vaultKey:], crc32.Checksum(out[:8+vaultKey], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

func decodeSlot(data []byte) (vaultEntry, bool) {
	var e vaultEntry
	sum := crc32.Checksum(data[:8+vaultKey], crc32.MakeTable(crc32.Castagnoli))
	if binary.BigEndian.Uint32(data[8+vaultKey:]) != sum {
		return e, false
	}
	e.id = binary.BigEndian.Uint64(data)
	copy(e.key[:], data[8:])
	return e, true
}

func (v *Vault) write(slot uint32, e vaultEntry) error {
	_, err := v.file.WriteAt(encodeSlot(e), vaultHeader+int64(slot)*vaultSlot)
	return err
}

// grow makes keys in advance, so that Reserve needs no sync of its own. The
// caller has disk.
func (v *Vault) grow() error {
	v.mu.Lock()
	first := len(v.slots)
	v.mu.Unlock()
	entries := make([]vaultEntry, vaultGrowth)
	data := make([]byte, 0, vaultGrowth*vaultSlot)
	for i := range entries {
		entries[i] = newVaultEntry()
		data = append(data, encodeSlot(entries[i])...)
	}
	if _, err := v.file.WriteAt(data, vaultHeader+int64(first)*vaultSlot); err != nil {
		return err
	}
	if err := v.sync(); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.slots = append(v.slots, entries...)
	for slot := len(v.slots) - 1; slot >= first; slot-- {
		v.free = append(v.free, uint32(slot))
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
