package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

const nobody = 65534

func TestOpenWithoutPermission(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		// Root may open everything: as root, this thread (which ends with the
		// goroutine, as it stays locked) becomes nobody to the file system.
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
		}
		_, err := store.Open(path, store.Options{})
		done <- err
	}()
	if err := <-done; !errors.Is(err, os.ErrPermission) {
		t.Errorf("Open of a file that others own: %v", err)
	}
}
