package seq

// Newer says whether a comes after b, modulo 2^16 (RFC 1982; a number exactly
// half the range away counts as older).
func Newer(a, b uint16) bool { return int16(a-b) > 0 }

// Diff is the signed distance from b to a, modulo 2^16: -32768 to 32767.
func Diff(a, b uint16) int { return int(int16(a - b)) }

// Unwrapper extends sequence numbers to 64 bits. The first number gets 2^16
// added, so that older ones that come after it don't underflow. The zero value
// is ready.
type Unwrapper struct {
	highest uint64
	started bool
}

// Unwrap returns the extended form of n: the one nearest to the newest number
// seen.
func (u *Unwrapper) Unwrap(n uint16) uint64 {
	if !u.started {
		u.started = true
		u.highest = 1<<16 + uint64(n)
		return u.highest
	}
	extended := u.highest + uint64(int64(Diff(n, uint16(u.highest))))
	u.highest = max(u.highest, extended)
	return extended
}
