package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Options of Open. The zero value is usable.
type Options struct {
	// LockTimeout is how long to wait for another process to release the
	// file. 0: one second.
	LockTimeout time.Duration
	// MaxSize bounds the file, in bytes; writes then fail with ErrFull. 0: by
	// the disk only.
	MaxSize int
}

const (
	defaultLockTimeout = time.Second
	lockPoll           = 20 * time.Millisecond // flock has no waiting with a limit
	fileMode           = 0o600
	// mapSize is how much of the address space the file gets at once (no memory
	// is used for it). While the file outgrows its map, bbolt keeps writers
	// waiting for every View that is running, and new Views for the writer.
	mapSize = 1 << 30
	// growth is by how many bytes the file grows at a time.
	growth = 1 << 20
)

// Open opens the data file, creating it (mode 0600) when there is none; its
// directory must exist. The whole file is read and checked first. Errors:
// ErrLocked, ErrCorrupt, ErrForeign, ErrSchema, and those of the file system;
// each is one sentence that says what to do. A file that is refused is not
// altered.
func Open(path string, o Options) (*Bolt, error) {
	if o.LockTimeout <= 0 {
		o.LockTimeout = defaultLockTimeout
	}
	b, err := open(path, o)
	if err != nil {
		return nil, explain("open", path, err)
	}
	return b, nil
}

func open(path string, o Options) (*Bolt, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := create(path); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, errors.Unwrap(err) // without the path, which explain says
	default:
		if err := regular(info); err != nil {
			return nil, err
		}
	}
	if err := verifyAlone(path, o.LockTimeout); err != nil {
		return nil, err
	}
	initial := mapSize
	if o.MaxSize > 0 {
		initial = min(initial, o.MaxSize)
	}
	db, err := openBolt(path, &bbolt.Options{
		Timeout:         o.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initial,
		MaxSize:         o.MaxSize,
	})
	if err != nil {
		return nil, err
	}
	return &Bolt{db: db, path: path, write: (*bbolt.Tx).Commit}, nil
}

// regular refuses what isn't a regular file.
func regular(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("it is a directory; give the path of a file")
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file; give the path of a file")
	}
	return nil
}

// verifyAlone verifies the file while nobody else has it open. The lock is
// given back, because bbolt takes its own: a process that opens the file in
// between holds it, and bbolt then reports that.
func verifyAlone(path string, timeout time.Duration) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w (it must be readable and writable by this user)", errors.Unwrap(err))
	}
	defer func() { _ = file.Close() }() // which releases the lock
	_, err = verifyLocked(file, syscall.LOCK_EX, timeout)
	return err
}

// verifyLocked takes a lock (LOCK_SH or LOCK_EX), which ends with the file,
// and verifies it.
func verifyLocked(file *os.File, lock int, timeout time.Duration) (Report, error) {
	deadline := time.Now().Add(timeout)
	for {
		err := syscall.Flock(int(file.Fd()), lock|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return Report{}, fmt.Errorf("lock it: %w", err)
		}
		wait := min(lockPoll, time.Until(deadline))
		if wait <= 0 {
			return Report{}, ErrLocked
		}
		<-time.After(wait)
	}
	info, err := file.Stat()
	if err != nil {
		return Report{}, err
	}
	return verify(file, info.Size())
}

// openBolt turns bbolt's panics into errors: verify leaves it no cause to
// panic that we know of, but a library that trusts its input is not to end
// this process.
func openBolt(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	db, err = bbolt.Open(path, fileMode, o)
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = growth
	return db, nil
}

// create makes an empty data file. It appears under its name complete and
// durable or not at all; when another process created it meanwhile, that one
// stays.
func create(path string) error {
	dir := filepath.Dir(path)
	temp, err := os.MkdirTemp(dir, ".atrium-new-*")
	if err != nil {
		return fmt.Errorf("create it: %w (its directory must exist and be writable by this user)", errors.Unwrap(err))
	}
	defer func() { _ = os.RemoveAll(temp) }()
	draft := filepath.Join(temp, "data")
	if err := fill(draft); err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	// A link, as a rename would replace a file created meanwhile.
	if err := os.Link(draft, path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("create it: %w", err)
	}
	return syncDir(dir)
}

// fill writes a new file that says what it is and holds no record.
func fill(path string) error {
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket([]byte(bucketRecords)); err != nil {
			return err
		}
		self, err := tx.CreateBucket([]byte(bucketSelf))
		if err != nil {
			return err
		}
		for key, value := range map[string][]byte{
			keyFormat:  []byte(formatName),
			keySchema:  []byte(strconv.Itoa(schemaVersion)),
			keySummary: summary{}.encode(),
		} {
			if err := self.Put([]byte(key), encodeRecord(key, value)); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// syncDir makes a new directory entry durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
