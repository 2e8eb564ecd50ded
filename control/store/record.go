package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// recordHeader is the length of what stands before a value in the file: its
// checksum, little-endian.
const recordHeader = 4

// castagnoli is CRC-32C (RFC 3720, appendix B.4): amd64 and arm64 have
// instructions for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the key too, and its length, so that a value that turns up
// under another key is noticed.
func checksum(key string, value []byte) uint32 {
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(key)))
	sum := crc32.Update(0, castagnoli, length[:])
	sum = crc32.Update(sum, castagnoli, []byte(key))
	return crc32.Update(sum, castagnoli, value)
}

// encodeRecord returns a value as it stands in the file.
func encodeRecord(key string, value []byte) []byte {
	out := make([]byte, recordHeader+len(value))
	binary.LittleEndian.PutUint32(out, checksum(key, value))
	copy(out[recordHeader:], value)
	return out
}

// decodeRecord returns the value of a stored record, which shares its memory,
// or ErrCorrupt.
func decodeRecord(key string, stored []byte) ([]byte, error) {
	if len(stored) < recordHeader {
		return nil, fmt.Errorf("%w: a record of %d bytes has no checksum", ErrCorrupt, len(stored))
	}
	value := stored[recordHeader:]
	if binary.LittleEndian.Uint32(stored) != checksum(key, value) {
		return nil, fmt.Errorf("%w: a record's checksum is wrong", ErrCorrupt)
	}
	return value, nil
}

// summary is count and digest of all records, kept in the file, so that a
// record that disappeared is noticed. The digest is the sum modulo 2^64 of a
// mix of the records' checksums: independent of their order, and adjusted in
// constant time by every write.
type summary struct {
	count  uint64
	digest uint64
}

func (s *summary) add(key string, stored []byte) {
	s.count++
	s.digest += mix(key, stored)
}

func (s *summary) remove(key string, stored []byte) {
	s.count--
	s.digest -= mix(key, stored)
}

// mix spreads a record's checksum and key over 64 bits (the finaliser of
// SplitMix64), because a sum of bare CRCs would let two errors cancel out.
func mix(key string, stored []byte) uint64 {
	z := uint64(crc32.Checksum(stored, castagnoli))<<32 | uint64(crc32.Checksum([]byte(key), castagnoli))
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s summary) encode() []byte {
	out := binary.LittleEndian.AppendUint64(nil, s.count)
	return binary.LittleEndian.AppendUint64(out, s.digest)
}

func decodeSummary(value []byte) (summary, error) {
	if len(value) != 16 {
		return summary{}, fmt.Errorf("%w: the summary has %d bytes", ErrCorrupt, len(value))
	}
	return summary{
		count:  binary.LittleEndian.Uint64(value),
		digest: binary.LittleEndian.Uint64(value[8:]),
	}, nil
}
