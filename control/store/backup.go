package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Backup writes the last committed state to w: a data file by itself, which
// Open opens and Check checks. Transactions go on meanwhile, but the data file
// grows by what they write, as nothing that the copy needs is written over:
// give ctx a deadline where w may be slow. On an error the copy is incomplete;
// WriteBackup notices that on the receiver's side.
func (b *Bolt) Backup(ctx context.Context, w io.Writer) error {
	if err := b.usable(); err != nil {
		return err
	}
	out := &contextWriter{ctx: ctx, w: w}
	err := b.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(out)
		return err
	})
	if out.err != nil {
		return out.err // bbolt quotes it without wrapping it
	}
	return translate(err)
}

// BackupFile makes a backup at path by WriteBackup.
func (b *Bolt) BackupFile(ctx context.Context, path string) (Report, error) {
	own, err := os.Stat(b.path)
	if err != nil {
		return Report{}, fmt.Errorf("back up %s: %w", b.path, errors.Unwrap(err))
	}
	if there, err := os.Stat(path); err == nil && os.SameFile(own, there) {
		return Report{}, fmt.Errorf("back up %s: that is the data file itself; give the backup another name", path)
	}
	return WriteBackup(path, func(w io.Writer) error { return b.Backup(ctx, w) })
}

// WriteBackup makes a file (mode 0600) of what write writes, which is what
// Bolt.Backup wrote, perhaps on another machine. It is checked like a data
// file and appears under its name complete, sound and durable or not at all;
// a regular file of that name is replaced.
func WriteBackup(path string, write func(io.Writer) error) (Report, error) {
	report, err := writeBackup(path, write)
	if err != nil {
		return Report{}, fmt.Errorf("write backup %s: %w", path, err)
	}
	return report, nil
}

func writeBackup(path string, write func(io.Writer) error) (report Report, err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return Report{}, errors.New("it exists and is not a regular file; give another name")
	}
	dir := filepath.Dir(path)
	// The dot keeps a draft that a crash left from being taken for a backup.
	draft, err := os.CreateTemp(dir, ".atrium-backup-*")
	if err != nil {
		return Report{}, fmt.Errorf("%w (its directory must exist and be writable by this user)", errors.Unwrap(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(draft.Name())
		}
	}()
	report, err = fillBackup(draft, write)
	if err = errors.Join(err, draft.Close()); err != nil {
		return Report{}, err
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return Report{}, err
	}
	return report, syncDir(dir)
}

func fillBackup(draft *os.File, write func(io.Writer) error) (Report, error) {
	if err := write(draft); err != nil {
		return Report{}, err
	}
	if err := draft.Sync(); err != nil {
		return Report{}, err
	}
	info, err := draft.Stat()
	if err != nil {
		return Report{}, err
	}
	return verify(draft, info.Size())
}

// contextWriter fails when its context has ended, and keeps its error.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (c *contextWriter) Write(p []byte) (n int, err error) {
	if c.err = c.ctx.Err(); c.err == nil {
		n, c.err = c.w.Write(p)
	}
	return n, c.err
}
