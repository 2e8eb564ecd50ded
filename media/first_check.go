//go:build srtpcheck

package media

// firstNumbers are the sequence number and timestamp that a slot begins with:
// in this debug build the numbers wrap after 2,000 to 3,000 packets, and the
// timestamps within 30 s of video or a minute of audio, for tests that are to
// go through it (SE-11).
func firstNumbers(seed uint32) (number uint16, timestamp uint32) {
	return ^uint16(0) - 2000 - uint16(seed%1000), ^uint32(0) - 30*90_000 + seed%90_000
}
