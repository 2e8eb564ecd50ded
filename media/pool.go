package media

import "strconv"

// Pool is the shape of a participant's offer: how many receive lines it has.
// The send lines are always the same four (microphone, camera, screen, the
// screen's sound).
type Pool struct {
	// Pairs of an audio and a video line. Those of the pool of small calls belong
	// together (lip-sync), as does pair 0, the stage, of every pool; so those who
	// meet in a room of up to seven seats are better off with that.
	Pairs int
	// Videos are further video lines, for the gallery of a group.
	Videos int
	// Screen adds an audio and a video line for a shared screen.
	Screen bool
}

const sendLines = 4

// SmallPool fits every call of up to seven people: 18 lines.
func SmallPool() Pool { return Pool{Pairs: 6, Screen: true} }

// GroupPool fits groups: a stage and 24 tiles, 37 lines.
func GroupPool() Pool { return Pool{Pairs: 6, Videos: 19, Screen: true} }

// Lines is the number of m-lines of an offer for this pool.
func (p Pool) Lines() int {
	n := sendLines + 2*p.Pairs + p.Videos
	if p.Screen {
		n += 2
	}
	return n
}

// line is what one m-line of an offer is for.
type line struct {
	video  bool
	send   SourceKind // what the client sends on it; "" for a slot
	stream string     // media stream that a slot belongs to
	pair   int        // pair of a slot; -1 for extra videos and the screen
	screen bool
}

// lines lists what every m-line is for, in order.
func (p Pool) lines() []line {
	ls := make([]line, 0, p.Lines())
	for _, k := range []SourceKind{Microphone, Camera, Screen, ScreenAudio} {
		ls = append(ls, line{video: k.Video(), send: k, pair: -1})
	}
	for i := range p.Pairs {
		voice, picture := p.streams(i)
		ls = append(ls, line{stream: voice, pair: i}, line{video: true, stream: picture, pair: i})
	}
	for i := range p.Videos {
		ls = append(ls, line{video: true, stream: "video-" + strconv.Itoa(i), pair: -1})
	}
	if p.Screen {
		ls = append(ls, line{stream: "screen", pair: -1, screen: true},
			line{video: true, stream: "screen", pair: -1, screen: true})
	}
	return ls
}

// streams are the media streams of a pair. Browsers hold back whichever of a
// stream's sound and picture is early. In a group the sound of all pairs but the
// stage is of whoever is loud, not of whom the picture shows: there a picture
// would wait for the jitter of somebody else's sound, by up to 0.2 s after a few
// moves.
func (p Pool) streams(pair int) (voice, picture string) {
	n := strconv.Itoa(pair)
	if pair > 0 && p.Videos > 0 {
		return "voice-" + n, "tile-" + n
	}
	return "pair-" + n, "pair-" + n
}
