package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Names in the file. bucketSelf says what the file is, bucketRecords holds
// the records.
const (
	bucketSelf    = "atrium"
	bucketRecords = "records"

	keyFormat  = "format"
	keySchema  = "schema"
	keySummary = "summary"

	formatName = "atrium data"
	// schemaVersion numbers the layout of the records. A release that changes
	// it converts older files in Open.
	schemaVersion = 1
)

// Report says what a sound data file holds.
type Report struct {
	Schema  int    // version of the records' layout
	Records uint64 // how many
	Bytes   int64  // of keys and values, without the checksums
	Used    int64  // bytes of the file that are in use; the rest is room to grow
	Free    int64  // bytes of Used that deleted and replaced records left
	Version uint64 // number of the last commit, as in Change
}

// Check reads a whole data file, or backup, that no process has open, and says
// whether it holds what was written. It alters nothing and needs leave to read
// only. Errors as those of Open.
func Check(path string) (Report, error) {
	report, err := check(path)
	if err != nil {
		return Report{}, explain("check", path, err)
	}
	return report, nil
}

func check(path string) (Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, errors.Unwrap(err)
	}
	if err := regular(info); err != nil {
		return Report{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return Report{}, errors.Unwrap(err)
	}
	defer func() { _ = file.Close() }() // which releases the lock
	return verifyLocked(file, syscall.LOCK_SH, defaultLockTimeout)
}

// verify reads a whole file and says whether it holds what was written. It
// writes nothing and maps nothing into memory.
func verify(file io.ReaderAt, size int64) (Report, error) {
	pages, err := openPages(file, size)
	if err != nil {
		return Report{}, err
	}
	report, err := verifyPages(pages)
	if err != nil {
		return Report{}, err
	}
	free, err := pages.checkFreelist()
	if err != nil {
		return Report{}, err
	}
	report.Version = pages.meta.txid
	report.Used = int64(pages.meta.pages) * int64(pages.meta.pageSize)
	report.Free = int64(free) * int64(pages.meta.pageSize)
	return report, nil
}

// verifyPages checks the trees.
func verifyPages(pages *pageReader) (Report, error) {
	buckets := make(map[string]item)
	err := pages.walk(pages.meta.root, func(it item) error {
		buckets[string(it.key)] = it
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	self, ok := buckets[bucketSelf]
	records, ok2 := buckets[bucketRecords]
	if !ok || !ok2 || len(buckets) != 2 {
		return Report{}, fmt.Errorf("%w: it is the file of another program", ErrForeign)
	}
	want, err := verifySelf(pages, self)
	if err != nil {
		return Report{}, err
	}
	report := Report{Schema: schemaVersion}
	var have summary
	err = pages.walkBucket(records, func(it item) error {
		if it.bucket {
			return fmt.Errorf("%w: a record is damaged", ErrCorrupt)
		}
		value, err := decodeRecord(string(it.key), it.value)
		if err != nil {
			return err
		}
		report.Bytes += int64(len(it.key) + len(value))
		have.add(string(it.key), it.value)
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	if have != want {
		return Report{}, fmt.Errorf("%w: it holds %d records and should hold %d, or their contents differ",
			ErrCorrupt, have.count, want.count)
	}
	report.Records = have.count
	return report, nil
}

// verifySelf checks what the file says of itself and returns the summary of
// its records.
func verifySelf(pages *pageReader, self item) (summary, error) {
	values := make(map[string]string)
	err := pages.walkBucket(self, func(it item) error {
		value, err := decodeRecord(string(it.key), it.value)
		if err != nil {
			return err
		}
		values[string(it.key)] = string(value)
		return nil
	})
	if err != nil {
		return summary{}, err
	}
	if values[keyFormat] != formatName {
		return summary{}, fmt.Errorf("%w: it is the file of another program", ErrForeign)
	}
	version, err := strconv.Atoi(values[keySchema])
	if err != nil {
		return summary{}, fmt.Errorf("%w: schema version %q", ErrCorrupt, values[keySchema])
	}
	if version != schemaVersion {
		return summary{}, fmt.Errorf("%w %d, this release knows %d: use the release that wrote it, or a newer one",
			ErrSchema, version, schemaVersion)
	}
	return decodeSummary([]byte(values[keySummary]))
}

// explain adds to an error of doing something with path what to do next.
func explain(doing, path string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, ErrLocked):
		advice = "stop the other atrium process, or give this one its own data file"
	case errors.Is(err, ErrCorrupt):
		advice = restoreAdvice(path)
	case errors.Is(err, ErrForeign):
		advice = "give the path of an Atrium data file, or of one that doesn't exist yet; if it once was one, " + restoreAdvice(path)
	}
	if advice == "" {
		return fmt.Errorf("%s data file %s: %w", doing, path, err)
	}
	return fmt.Errorf("%s data file %s: %w (%s)", doing, path, err, advice)
}

// restoreAdvice says how to go on with a corrupt file.
func restoreAdvice(path string) string {
	backup := newestBackup(path)
	if backup == "" {
		return "it was not altered: move it away, then put in its place a copy of a backup made by `atrium backup`, " +
			"or begin with an empty one"
	}
	return fmt.Sprintf("it was not altered: move it away, then put in its place a copy of the newest backup beside it, %s, "+
		"if `atrium store check %s` finds that sound", backup, backup)
}

// newestBackup returns the path of the latest regular file beside path that
// has "backup" in its name, "" if there is none.
func newestBackup(path string) string {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	newest := ""
	var latest int64
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || name == filepath.Base(path) || !strings.Contains(strings.ToLower(name), "backup") {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if at := info.ModTime().UnixNano(); newest == "" || at >= latest {
			newest, latest = filepath.Join(dir, name), at
		}
	}
	return newest
}
