package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

const childDisk = "ATRIUM_STORE_TEST_DISK"

// R-SE-13: on a disk that is really full writes fail with ErrFull, reads go
// on, and writes succeed again once there is room. The disk is a tmpfs that a
// child mounts in a mount namespace of its own, which ends with it.
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDisk+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 { // may mount in a user namespace, where those are allowed
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if os.Geteuid() != 0 && (errors.Is(err, syscall.EPERM) || bytes.Contains(out, []byte(noMount))) {
		t.Skipf("needs root, or user namespaces, to mount a small disk: %v", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const noMount = "mounting the disk"

// childOnDisk is the test inside the namespace.
func childOnDisk(dir string) int {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		fmt.Println(noMount, err)
		return 1
	}
	if err := fillDisk(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func fillDisk(dir string) error {
	path, ballast := filepath.Join(dir, "data"), filepath.Join(dir, "ballast")
	b, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		return err
	}
	written := 0
	for ; err == nil; written++ {
		if written > 1000 {
			return errors.New("the disk doesn't get full")
		}
		err = putNumbered(b, written)
	}
	if written--; !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("a write to the full disk: %w, want ErrFull", err)
	}
	// Whoever comes together gets the same answer, and leaves nothing.
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = putNumbered(b, written+i) })
	}
	wg.Wait()
	for _, err := range errs {
		if !errors.Is(err, store.ErrFull) {
			return fmt.Errorf("a write beside others to the full disk: %w, want ErrFull", err)
		}
	}
	if got, err := records(b); err != nil || len(got) != written {
		return fmt.Errorf("reading on the full disk: %d records, %w; want %d", len(got), err, written)
	}
	if _, err := b.BackupFile(context.Background(), filepath.Join(dir, "backup")); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("a backup onto the full disk: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	for end := written + 20; written < end; written++ {
		if err := putNumbered(b, written); err != nil {
			return fmt.Errorf("a write after there was room again: %w", err)
		}
	}
	if err := b.Close(); err != nil {
		return err
	}
	if report, err := store.Check(path); err != nil || report.Records != uint64(written) {
		return fmt.Errorf("afterwards: %d records, %w; want %d", report.Records, err, written)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		return fmt.Errorf("the failed backup left something: %v, %w", entries, err)
	}
	return nil
}

func putNumbered(s store.Store, i int) error {
	return s.Update(context.Background(), func(tx store.Tx) error {
		return tx.Put(fmt.Sprintf("%06d", i), make([]byte, 30<<10))
	})
}
