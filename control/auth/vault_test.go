package auth

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func openTestVault(t testing.TB, path string) *Vault {
	t.Helper()
	v, err := OpenVault(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func reserve(t testing.TB, v *Vault) KeyRef {
	t.Helper()
	ref, err := v.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func keep(t testing.TB, v *Vault, inUse func(uint32) bool) {
	t.Helper()
	if err := v.Keep(inUse); err != nil {
		t.Fatal(err)
	}
}

// R-PV-1: once its key is overwritten nothing opens what it sealed, neither
// this process nor the next, and the file doesn't hold the old key any more.
func TestVaultErases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guests.keys")
	v := openTestVault(t, path)
	ref, other := reserve(t, v), reserve(t, v)
	key := v.slots[ref.Slot].key
	sealed, err := v.Seal(ref, []byte("Zoë, 1950-02-03"), "visit/1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(ref, sealed, "visit/1"); err != nil || string(got) != "Zoë, 1950-02-03" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := v.Open(ref, sealed, "visit/2"); !errors.Is(err, ErrUnsealed) {
		t.Fatalf("for another purpose: %v", err)
	}
	if _, err := v.Open(other, sealed, "visit/1"); !errors.Is(err, ErrUnsealed) {
		t.Fatalf("by another key: %v", err)
	}
	if err := v.Erase(ref); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(ref, sealed, "visit/1"); !errors.Is(err, ErrErased) {
		t.Fatalf("after erasing: %v", err)
	}
	if err := v.Erase(ref); err != nil {
		t.Fatalf("erasing again: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, key[:]) {
		t.Fatal("the file still holds the key")
	}
	next := openTestVault(t, path)
	keep(t, next, func(slot uint32) bool { return slot == ref.Slot || slot == other.Slot })
	if _, err := next.Open(ref, sealed, "visit/1"); !errors.Is(err, ErrErased) {
		t.Fatalf("in the next process: %v", err)
	}
}

// What Keep names survives a restart; the rest is given out again.
func TestVaultKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guests.keys")
	v := openTestVault(t, path)
	refs := make([]KeyRef, vaultGrowth+10) // it grows on the way
	sealed := make([][]byte, len(refs))
	for i := range refs {
		refs[i] = reserve(t, v)
		var err error
		if sealed[i], err = v.Seal(refs[i], []byte{byte(i)}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	next := openTestVault(t, path)
	keep(t, next, func(slot uint32) bool { return slot%2 == 0 })
	given := make(map[uint32]bool)
	for range refs {
		given[reserve(t, next).Slot] = true
	}
	for i, ref := range refs {
		kept := ref.Slot%2 == 0
		if given[ref.Slot] && kept {
			t.Fatalf("slot %d was given out twice", ref.Slot)
		}
		if !kept {
			continue
		}
		if got, err := next.Open(ref, sealed[i], "x"); err != nil || got[0] != byte(i) {
			t.Fatalf("slot %d: %v, %v", ref.Slot, got, err)
		}
	}
}

// A slot that a power cut left half written costs its own details only; a
// half growth costs nothing.
func TestVaultDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guests.keys")
	v := openTestVault(t, path)
	a, b := reserve(t, v), reserve(t, v)
	sealedA, _ := v.Seal(a, []byte("a"), "x")
	sealedB, _ := v.Seal(b, []byte("b"), "x")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[vaultHeader+int(a.Slot)*vaultSlot+20] ^= 1
	data = append(data, 1, 2, 3)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	next := openTestVault(t, path)
	keep(t, next, func(slot uint32) bool { return slot == a.Slot || slot == b.Slot })
	if _, err := next.Open(a, sealedA, "x"); !errors.Is(err, ErrErased) {
		t.Fatalf("the damaged one: %v", err)
	}
	if got, err := next.Open(b, sealedB, "x"); err != nil || string(got) != "b" {
		t.Fatalf("its neighbour: %q, %v", got, err)
	}
}

func TestVaultRefuses(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, bytes.Repeat([]byte("no vault "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{foreign, open, dir, filepath.Join(dir, "none", "x")} {
		if _, err := OpenVault(path); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if data, err := os.ReadFile(foreign); err != nil || !bytes.HasPrefix(data, []byte("no vault ")) {
		t.Fatalf("a refused file was altered: %v", err)
	}
}

// Against a model: whatever is reserved, released, erased and reopened, what is
// kept opens and what was erased doesn't.
func TestVaultModel(t *testing.T) {
	type sealedValue struct {
		ref    KeyRef
		sealed []byte
	}
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		path := filepath.Join(dir, string(rune('a'+run%26))+"-"+idOf(uint64(run)))
		v := openTestVault(t, path)
		live, dead := map[KeyRef]sealedValue{}, map[KeyRef]sealedValue{}
		rt.Repeat(map[string]func(*rapid.T){
			"reserve": func(rt *rapid.T) {
				ref, err := v.Reserve()
				if err != nil {
					rt.Fatal(err)
				}
				if _, twice := live[ref]; twice {
					rt.Fatalf("%v was given out twice", ref)
				}
				sealed, err := v.Seal(ref, []byte(ref.ID), "x")
				if err != nil {
					rt.Fatal(err)
				}
				live[ref] = sealedValue{ref, sealed}
			},
			"erase": func(rt *rapid.T) {
				for ref, value := range live {
					if err := v.Erase(ref); err != nil {
						rt.Fatal(err)
					}
					delete(live, ref)
					dead[ref] = value
					return
				}
			},
			"reopen": func(rt *rapid.T) {
				_ = v.Close()
				v = openTestVault(t, path)
				keep(t, v, func(slot uint32) bool {
					for ref := range live {
						if ref.Slot == slot {
							return true
						}
					}
					return false
				})
			},
			"": func(rt *rapid.T) {
				for ref, value := range live {
					if got, err := v.Open(ref, value.sealed, "x"); err != nil || string(got) != ref.ID {
						rt.Fatalf("%v: %q, %v", ref, got, err)
					}
				}
				for ref, value := range dead {
					if _, err := v.Open(ref, value.sealed, "x"); !errors.Is(err, ErrErased) {
						rt.Fatalf("%v opens after its end: %v", ref, err)
					}
				}
			},
		})
		_ = v.Close()
	})
}

func TestVaultConcurrent(t *testing.T) {
	v := openTestVault(t, filepath.Join(t.TempDir(), "guests.keys"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				ref, err := v.Reserve()
				if err != nil {
					t.Error(err)
					return
				}
				sealed, err := v.Seal(ref, []byte("x"), "p")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := v.Open(ref, sealed, "p"); err != nil {
					t.Error(err)
				}
				if err := v.Erase(ref); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if len(v.free) != len(v.slots) {
		t.Fatalf("%d of %d keys are free again", len(v.free), len(v.slots))
	}
}

// PF-10: whoever reads and reserves keys doesn't wait while others are made or
// overwritten on a slow disk; what is being erased can't be read any more.
func TestVaultReadsWhileTheDiskIsBusy(t *testing.T) {
	v := openTestVault(t, filepath.Join(t.TempDir(), "guests.keys"))
	kept, gone := reserve(t, v), reserve(t, v)
	sealed, err := v.Seal(kept, []byte("kept"), "x")
	if err != nil {
		t.Fatal(err)
	}
	old, err := v.Seal(gone, []byte("gone"), "x")
	if err != nil {
		t.Fatal(err)
	}
	busy, free, erased := make(chan struct{}), make(chan struct{}), make(chan error)
	sync := v.sync
	v.sync = func() error {
		close(busy)
		<-free
		return sync()
	}
	go func() { erased <- v.Erase(gone) }()
	<-busy
	if got, err := v.Open(kept, sealed, "x"); err != nil || string(got) != "kept" {
		t.Errorf("another's key: %q, %v", got, err)
	}
	if _, err := v.Open(gone, old, "x"); !errors.Is(err, ErrErased) {
		t.Errorf("the key that is being erased: %v", err)
	}
	for range vaultGrowth - 2 { // all that are left
		reserve(t, v)
	}
	v.sync = sync // nobody else calls it before Erase has ended
	close(free)
	if err := <-erased; err != nil {
		t.Fatal(err)
	}
	if ref := reserve(t, v); ref.Slot != gone.Slot || ref.ID == gone.ID {
		t.Errorf("what was erased is given out again as %+v, it was %+v", ref, gone)
	}
	reserve(t, v) // of others that are made now
}

// An erasure that failed isn't forgotten: the key is in use until another call
// succeeds.
func TestVaultErasesAfterAFailure(t *testing.T) {
	v := openTestVault(t, filepath.Join(t.TempDir(), "guests.keys"))
	ref := reserve(t, v)
	sealed, err := v.Seal(ref, []byte("x"), "x")
	if err != nil {
		t.Fatal(err)
	}
	sync := v.sync
	v.sync = func() error { return errors.New("the disk is on fire") }
	if err := v.Erase(ref); err == nil {
		t.Error("erased on a disk that fails")
	}
	v.sync = sync
	if err := v.Erase(ref); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(ref, sealed, "x"); !errors.Is(err, ErrErased) {
		t.Errorf("after the second call: %v", err)
	}
	if len(v.free) != len(v.slots) {
		t.Errorf("%d of %d keys are free", len(v.free), len(v.slots))
	}
}
