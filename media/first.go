//go:build !srtpcheck

package media

// firstNumbers are the sequence number and timestamp that a slot begins with.
// A start well below the wrap keeps the first roll-over (SE-11) away from the
// first seconds, where a lost packet would make it ambiguous.
func firstNumbers(seed uint32) (number uint16, timestamp uint32) {
	return uint16(seed>>16) & 0x3fff, seed
}
