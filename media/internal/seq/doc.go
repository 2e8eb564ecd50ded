// Package seq holds arithmetic on RTP sequence numbers and timestamps, which
// wrap: [Newer] and [Diff] compare, [Unwrapper] extends to 64 bits, and
// [Rewriter] gives one receiver a continuous stream from sources that change
// and of which packets are left out.
//
// The one contract to know: what the SFU itself leaves out never shows as a
// hole (SE-11), what was lost on the way to the SFU does, so that the receiver
// asks for it.
package seq
