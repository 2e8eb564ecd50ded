package layer

// Encoding is one simulcast encoding of a source.
type Encoding struct {
	RID string
	// Width and Height in pixels; 0: not known yet.
	Width, Height int
	// Active says that packets of it arrive.
	Active bool
}

// The size an encoder is assumed to have been given as long as no key frame
// told; its encodings are the full, the half and the quarter of it.
const (
	assumedWidth  = 1280
	assumedHeight = 720
)

// An encoding covers a wanted size from 90 % of it on: scaling up by a tenth
// isn't seen, the next encoding costs three times as much. Going down asks for
// the whole, so that a tile whose size wavers doesn't switch to and fro.
const (
	coverNumerator   = 9
	coverDenominator = 10
)

// None is the index that means no encoding.
const None = -1

// Select returns the index of the encoding, in encodings ordered lowest first,
// for a receiver that shows wantWidth × wantHeight pixels and now gets the one
// at current (None: nothing). It is the smallest active one that covers the
// wanted height (the width, when the height is 0); when none does, the largest
// active one; None when none is active. With nothing wanted (both 0) it is the
// smallest active one. It stays with current, if that covers, unless a smaller
// one covers the whole.
func Select(encodings []Encoding, current int, wantWidth, wantHeight int) int {
	best := None
	for i := range encodings {
		if !encodings[i].Active {
			continue
		}
		best = i
		if covers(encodings, i, wantWidth, wantHeight, coverNumerator) {
			break
		}
	}
	if current <= best || current >= len(encodings) || !encodings[current].Active {
		return best
	}
	// A step down from current, which covers as best does.
	for i := best; i < current; i++ {
		if encodings[i].Active && covers(encodings, i, wantWidth, wantHeight, coverDenominator) {
			return i
		}
	}
	return current
}

// covers compares with tenths of the wanted size.
func covers(encodings []Encoding, i, wantWidth, wantHeight, tenths int) bool {
	width, height := size(encodings, i)
	if wantHeight > 0 {
		return height*coverDenominator >= wantHeight*tenths
	}
	return width*coverDenominator >= wantWidth*tenths
}

// size of the encoding i, assumed by its place when it isn't known.
func size(encodings []Encoding, i int) (width, height int) {
	if e := encodings[i]; e.Width > 0 && e.Height > 0 {
		return e.Width, e.Height
	}
	halvings := len(encodings) - 1 - i
	switch encodings[i].RID {
	// The screen's two encodings are q and f, with nothing between.
	case "q":
		halvings = 2
	case "h":
		halvings = 1
	case "f":
		halvings = 0
	}
	return assumedWidth >> min(halvings, 8), assumedHeight >> min(halvings, 8)
}

// MaxTemporal is the highest temporal id of an L1T3 stream.
const MaxTemporal = 2

// assumedFPS of a source that wasn't measured yet.
const assumedFPS = 30

// TemporalLimit returns the highest temporal id to forward of an L1T3 stream
// of sourceFPS frames a second (≤ 0: not known, taken for 30) to a receiver
// that shows wantFPS (≤ 0: all). Layer 0 carries a quarter of the frames,
// layers 0 and 1 half. Within 10 % counts as enough.
func TemporalLimit(wantFPS, sourceFPS int) uint8 {
	if wantFPS <= 0 {
		return MaxTemporal
	}
	if sourceFPS <= 0 {
		sourceFPS = assumedFPS
	}
	for tid := range uint8(MaxTemporal) {
		fps := sourceFPS * coverDenominator
		if fps >= wantFPS*coverNumerator<<(MaxTemporal-tid) {
			return tid
		}
	}
	return MaxTemporal
}
