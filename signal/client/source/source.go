package source

import "time"

// Rates of the RTP clocks (RFC 7741 section 4.1, RFC 7587 section 4.1).
const (
	VideoClock = 90_000
	AudioClock = 48_000
)

// PacketTime is how much sound an Opus packet of an [Audio] holds.
const PacketTime = 20 * time.Millisecond

// Video makes the pictures of a camera or a screen, in one or more encodings.
// One goroutine calls it.
type Video interface {
	// RIDs names the encodings that Capture may make, lowest first.
	RIDs() []string
	// Capture encodes the picture that is due now into p, whose slices it may
	// reuse. io.EOF says that there is none any more; any other error ends the
	// publication too.
	Capture(p *Picture, req Request) error
}

// Request says what a Capture is wanted for.
type Request struct {
	// Key asks for a key frame in every encoding.
	Key bool
	// Active says whether anybody wants an encoding; the others may be left
	// out of the picture.
	Active func(rid string) bool
}

// Picture is one captured picture.
type Picture struct {
	// At is when it was captured, and Next when the following one is due, both
	// since the first picture.
	At, Next time.Duration
	// Frames are its encodings, at most one for each rid. An encoder that
	// drops a frame leaves it out.
	Frames []Frame
}

// Frame is one encoded VP8 frame.
type Frame struct {
	RID string
	// Data is the VP8 frame (RFC 6386), without any RTP. It is only valid
	// until the next Capture.
	Data []byte
	Key  bool
	// TID is the temporal layer, 0 to 3. Sync says that the frame depends on
	// layer 0 only, NonRef that no frame depends on it.
	TID          uint8
	Sync, NonRef bool
	// Filler says that Data means nothing after its header, so that stamps may
	// be written into it.
	Filler bool
}

// Audio makes the Opus packets of a microphone. One goroutine calls it, every
// PacketTime.
type Audio interface {
	// Next makes the next packet, reusing p's buffer. io.EOF says that there
	// is none any more; any other error ends the publication too.
	Next(p *Packet) error
}

// Packet is PacketTime of sound.
type Packet struct {
	// Data is the Opus packet (RFC 6716); empty: nothing is to be sent (DTX).
	// It is only valid until the next call.
	Data []byte
	// Level is the loudness in −dBov, 0 (loudest) to 127 (silence), and Voice
	// says that somebody speaks (RFC 6464).
	Level uint8
	Voice bool
	// Marker is set on the first packet after silence (RFC 7587 section 4.1).
	Marker bool
	// Filler says that Data means nothing after its first byte.
	Filler bool
}
