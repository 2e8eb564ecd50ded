package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// This file reads bbolt's file format by itself, with bounds on everything,
// because bbolt trusts its file: a damaged one makes it panic in goroutines
// that nobody can guard, recurse without end, fault on memory that is mapped
// beyond the file's end, or silently lose what a damaged pointer led to.
// Format: bbolt's internal/common (page.go, meta.go, bucket.go), version 2,
// in the byte order of the machine; ours are all little-endian.

const (
	pageHeader  = 16 // id u64, flags u16, count u16, overflow u32
	element     = 16 // of branch and leaf pages alike
	metaLength  = 64
	metaSummed  = 56 // bytes of the meta covered by its checksum
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10

	leafBucket  = 0x01 // flag of a leaf element that holds a bucket
	noFreelist  = ^uint64(0)
	maxDepth    = 32 // of a tree; a page holds ≥ 2 keys, so 2^32 pages at least
	maxFileSize = 1 << 40
)

var order = binary.LittleEndian

// meta is what the valid of the two first pages says.
type meta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	pages    uint64 // high-water mark: pages in use are below it
	txid     uint64
}

// pageReader walks the trees of a file. visited tells pages that are reached
// twice: cycles, and pages that are both used and free.
type pageReader struct {
	file    io.ReaderAt
	meta    meta
	visited map[uint64]bool
}

// openPages reads both meta pages and checks the file's size. Both must be
// valid: if the later one is not, bbolt would go on from the earlier one and
// the last acknowledged transaction would be lost in silence. (A meta fits in
// one disk sector, so that a crash doesn't leave half of one.)
func openPages(file io.ReaderAt, size int64) (*pageReader, error) {
	if size == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrCorrupt)
	}
	if size > maxFileSize {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrForeign, size)
	}
	first, firstErr := readMeta(file, 0)
	pageSizes := []int64{4096, 8192, 16384, 32768, 65536, 1024, 2048, 512}
	if firstErr == nil {
		pageSizes = []int64{int64(first.pageSize)}
	}
	for _, pageSize := range pageSizes {
		second, err := readMeta(file, pageSize)
		if err != nil {
			continue
		}
		if firstErr != nil {
			return nil, fmt.Errorf("%w: its first page is damaged", ErrCorrupt)
		}
		newest := first
		if second.txid > first.txid {
			newest = second
		}
		if newest.pages < 2 || newest.pages > uint64(size)/uint64(newest.pageSize) {
			return nil, fmt.Errorf("%w: it is cut short: %d pages of %d bytes don't fit in %d bytes",
				ErrCorrupt, newest.pages, newest.pageSize, size)
		}
		return &pageReader{file: file, meta: newest, visited: make(map[uint64]bool)}, nil
	}
	if firstErr != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, firstErr)
	}
	return nil, fmt.Errorf("%w: its second page is damaged or missing", ErrCorrupt)
}

func readMeta(file io.ReaderAt, at int64) (meta, error) {
	buf := make([]byte, pageHeader+metaLength)
	if _, err := file.ReadAt(buf, at); err != nil {
		return meta{}, fmt.Errorf("no meta page: %w", err)
	}
	flags, b := order.Uint16(buf[8:]), buf[pageHeader:]
	if order.Uint32(b) != boltMagic || flags != flagMeta || (order.Uint64(buf) == 0) != (at == 0) {
		return meta{}, fmt.Errorf("no meta page: wrong magic number")
	}
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSummed])
	if sum.Sum64() != order.Uint64(b[metaSummed:]) {
		return meta{}, fmt.Errorf("no meta page: wrong checksum")
	}
	m := meta{
		pageSize: order.Uint32(b[8:]),
		root:     order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]),
		pages:    order.Uint64(b[40:]),
		txid:     order.Uint64(b[48:]),
	}
	if v := order.Uint32(b[4:]); v != boltVersion {
		return meta{}, fmt.Errorf("no meta page: format version %d", v)
	}
	if m.pageSize < 512 || m.pageSize > 65536 || m.pageSize&(m.pageSize-1) != 0 {
		return meta{}, fmt.Errorf("no meta page: page size %d", m.pageSize)
	}
	return m, nil
}

// page reads page id with its overflow pages, checks its header and marks it
// visited.
func (r *pageReader) page(id uint64) ([]byte, error) {
	if id < 2 || id >= r.meta.pages {
		return nil, fmt.Errorf("%w: page %d is out of range", ErrCorrupt, id)
	}
	size := int64(r.meta.pageSize)
	head := make([]byte, pageHeader)
	if _, err := r.file.ReadAt(head, int64(id)*size); err != nil {
		return nil, fmt.Errorf("read page %d: %w", id, err)
	}
	overflow := uint64(order.Uint32(head[12:]))
	if order.Uint64(head) != id || id+overflow >= r.meta.pages {
		return nil, fmt.Errorf("%w: page %d has a damaged header", ErrCorrupt, id)
	}
	for p := id; p <= id+overflow; p++ {
		if r.visited[p] {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrCorrupt, p)
		}
		r.visited[p] = true
	}
	buf := make([]byte, (overflow+1)*uint64(size))
	if _, err := r.file.ReadAt(buf, int64(id)*size); err != nil {
		return nil, fmt.Errorf("read page %d: %w", id, err)
	}
	return buf, nil
}

// item is one entry of a leaf: a record, or a bucket.
type item struct {
	key, value []byte
	bucket     bool
}

// walk visits the items of the tree at page id in order, each key greater
// than the one before.
func (r *pageReader) walk(id uint64, visit func(item) error) error {
	return r.walkPage(id, 0, ordered(visit))
}

// ordered refuses an item whose key isn't greater than the one before.
func ordered(visit func(item) error) func(item) error {
	var last []byte
	first := true
	return func(it item) error {
		if !first && string(it.key) <= string(last) {
			return fmt.Errorf("%w: keys are out of order", ErrCorrupt)
		}
		first, last = false, it.key
		return visit(it)
	}
}

func (r *pageReader) walkPage(id uint64, depth int, visit func(item) error) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: a tree is too deep", ErrCorrupt)
	}
	page, err := r.page(id)
	if err != nil {
		return err
	}
	if order.Uint16(page[8:]) != flagBranch {
		return walkLeaf(page, visit)
	}
	count := int(order.Uint16(page[10:]))
	if count == 0 || pageHeader+count*element > len(page) {
		return fmt.Errorf("%w: branch page %d is damaged", ErrCorrupt, id)
	}
	for i := range count {
		at := pageHeader + i*element
		e := page[at:]
		separator, ok := within(page, at, order.Uint32(e), order.Uint32(e[4:]))
		if !ok {
			return fmt.Errorf("%w: branch page %d is damaged", ErrCorrupt, id)
		}
		// A separator that isn't the least key below it makes look-ups miss
		// records that a walk still finds.
		least := true
		err := r.walkPage(order.Uint64(e[8:]), depth+1, func(it item) error {
			if least && string(it.key) < string(separator) || i+1 < count && !r.below(page, i+1, it.key) {
				return fmt.Errorf("%w: branch page %d doesn't fit its leaves", ErrCorrupt, id)
			}
			least = false
			return visit(it)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// below says whether key sorts before the separator of branch element i.
func (r *pageReader) below(page []byte, i int, key []byte) bool {
	at := pageHeader + i*element
	separator, ok := within(page, at, order.Uint32(page[at:]), order.Uint32(page[at+4:]))
	return ok && string(key) < string(separator)
}

// walkLeaf visits the items of a leaf page; buf is the page, or an inline
// one.
func walkLeaf(buf []byte, visit func(item) error) error {
	if len(buf) < pageHeader || order.Uint16(buf[8:]) != flagLeaf {
		return fmt.Errorf("%w: a leaf page is damaged", ErrCorrupt)
	}
	count := int(order.Uint16(buf[10:]))
	if pageHeader+count*element > len(buf) {
		return fmt.Errorf("%w: a leaf page is damaged", ErrCorrupt)
	}
	for i := range count {
		at := pageHeader + i*element
		e := buf[at:]
		flags, pos := order.Uint32(e), order.Uint32(e[4:])
		klen, vlen := order.Uint32(e[8:]), order.Uint32(e[12:])
		key, ok := within(buf, at, pos, klen)
		value, ok2 := within(buf, at, pos+klen, vlen)
		if !ok || !ok2 || flags&^leafBucket != 0 || pos+klen < pos {
			return fmt.Errorf("%w: a leaf page is damaged", ErrCorrupt)
		}
		if err := visit(item{key: key, value: value, bucket: flags == leafBucket}); err != nil {
			return err
		}
	}
	return nil
}

// within returns length bytes that begin pos after at.
func within(buf []byte, at int, pos, length uint32) ([]byte, bool) {
	from := uint64(at) + uint64(pos)
	to := from + uint64(length)
	if to > uint64(len(buf)) {
		return nil, false
	}
	return buf[from:to], true
}

// walkBucket visits the items of a bucket, given its item in the tree above.
func (r *pageReader) walkBucket(b item, visit func(item) error) error {
	if !b.bucket || len(b.value) < 16 {
		return fmt.Errorf("%w: a bucket is damaged", ErrCorrupt)
	}
	if root := order.Uint64(b.value); root != 0 {
		return r.walk(root, visit)
	}
	return walkLeaf(b.value[16:], ordered(visit)) // small buckets stand inline
}

// checkFreelist reads the list of free pages: in range, in order and none of
// them in use; bbolt would write over a live page otherwise. It returns how many
// there are.
func (r *pageReader) checkFreelist() (free uint64, err error) {
	if r.meta.freelist == noFreelist {
		return 0, nil // bbolt then finds the free pages by itself
	}
	page, err := r.page(r.meta.freelist)
	if err != nil {
		return 0, err
	}
	count, ids := uint64(order.Uint16(page[10:])), page[pageHeader:]
	if count == 0xFFFF { // the true count is the first entry
		count, ids = order.Uint64(ids), ids[8:]
	}
	if order.Uint16(page[8:]) != flagFreelist || count > uint64(len(ids)/8) {
		return 0, fmt.Errorf("%w: the list of free pages is damaged", ErrCorrupt)
	}
	last := uint64(1)
	for i := range count {
		id := order.Uint64(ids[i*8:])
		if id <= last || id >= r.meta.pages || r.visited[id] {
			return 0, fmt.Errorf("%w: the list of free pages is damaged", ErrCorrupt)
		}
		last = id
	}
	return count, nil
}
