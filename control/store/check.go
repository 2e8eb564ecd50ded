package store

import (
	"errors"
	"fmt"
	"io"
	"strconv"
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

// verify reads a whole file and says whether it holds what was written. It
// writes nothing and maps nothing into memory.
func verify(file io.ReaderAt, size int64) error {
	pages, err := openPages(file, size)
	if err != nil {
		return err
	}
	buckets := make(map[string]item)
	err = pages.walk(pages.meta.root, func(it item) error {
		buckets[string(it.key)] = it
		return nil
	})
	if err != nil {
		return err
	}
	self, ok := buckets[bucketSelf]
	records, ok2 := buckets[bucketRecords]
	if !ok || !ok2 || len(buckets) != 2 {
		return fmt.Errorf("%w: it is the file of another program", ErrForeign)
	}
	want, err := verifySelf(pages, self)
	if err != nil {
		return err
	}
	var have summary
	err = pages.walkBucket(records, func(it item) error {
		if it.bucket {
			return fmt.Errorf("%w: a record is damaged", ErrCorrupt)
		}
		if _, err := decodeRecord(string(it.key), it.value); err != nil {
			return err
		}
		have.add(string(it.key), it.value)
		return nil
	})
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("%w: it holds %d records and should hold %d, or their contents differ",
			ErrCorrupt, have.count, want.count)
	}
	return pages.checkFreelist()
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

// explain adds to an error of opening path what to do next.
func explain(path string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, ErrLocked):
		advice = "stop the other atrium process, or give this one its own data file"
	case errors.Is(err, ErrCorrupt):
		advice = "restore a backup of it, or move it away to begin with an empty one; it was not altered"
	case errors.Is(err, ErrForeign):
		advice = "give the path of an Atrium data file, or of one that doesn't exist yet; it was not altered"
	}
	if advice == "" {
		return fmt.Errorf("open data file %s: %w", path, err)
	}
	return fmt.Errorf("open data file %s: %w (%s)", path, err, advice)
}
