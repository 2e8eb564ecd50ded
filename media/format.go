package media

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// format is what an m-line of an offer says of its packets: payload types,
// feedback and header extensions, as far as the server takes them.
type format struct {
	media, rtx uint8           // payload types of VP8 or Opus and of its RTX; 0: none
	extensions []lineExtension // that the server knows, in order of the offer
	feedback   []string        // of media, that the server knows

	resends []uint8    // payload types that are RTX
	apts    [][2]uint8 // payload type, of which it resends
	offered []lineFeedback
}

// lineExtension is a header extension of a line (RFC 8285 §5).
type lineExtension struct {
	id  uint8
	uri string // one of ours, no piece of the offer
}

type lineFeedback struct {
	pt   string // "*": any
	what string // one of ours
}

// What the server takes, in order of importance. The dependency descriptor is
// left out on purpose: with it Chromium strips picture id, TL0 and temporal id
// from VP8's descriptor.
var (
	audioExtensions = []string{sdp.SDESMidURI, audioLevelURI, sdp.TransportCCURI, absSendTimeURI}
	videoExtensions = []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI, sdp.SDESRepairRTPStreamIDURI, sdp.TransportCCURI, absSendTimeURI}
	audioFeedback   = []string{"transport-cc"}
	videoFeedback   = []string{"transport-cc", "ccm fir", "nack", "nack pli"}
)

// opusParameters are what the server wants of Opus: resilience to loss.
const opusParameters = "minptime=10;useinbandfec=1"

// attribute takes in one line of an m-section.
func (f *format) attribute(text string, video bool) {
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return
	}
	id, rest, _ := strings.Cut(value, " ")
	switch name {
	case "a=rtpmap":
		f.codec(payloadType(id), strings.ToLower(rest), video)
	case "a=fmtp":
		if apt, ok := strings.CutPrefix(rest, "apt="); ok && len(f.apts) < maxCodecs {
			apt, _, _ = strings.Cut(apt, ";")
			f.apts = append(f.apts, [2]uint8{payloadType(id), payloadType(apt)})
		}
	case "a=rtcp-fb":
		known := audioFeedback
		if video {
			known = videoFeedback
		}
		if i := slices.Index(known, strings.TrimSpace(rest)); i >= 0 && len(f.offered) < maxCodecs*len(known) {
			f.offered = append(f.offered, lineFeedback{id, known[i]})
		}
	case "a=extmap":
		f.extension(id, rest, video)
	}
}

// payloadType is 0 for what is none, and for 0, which is PCMU's (RFC 3551 §6).
func payloadType(text string) uint8 {
	n, err := strconv.ParseUint(text, 10, 7)
	if err != nil {
		return 0
	}
	return uint8(n)
}

func (f *format) codec(pt uint8, name string, video bool) {
	want := "opus/48000"
	if video {
		want = "vp8/90000"
	}
	switch {
	case f.media == 0 && strings.HasPrefix(name, want):
		f.media = pt
	case video && strings.HasPrefix(name, "rtx/90000") && len(f.resends) < maxCodecs:
		f.resends = append(f.resends, pt)
	}
}

func (f *format) extension(id, uri string, video bool) {
	known := audioExtensions
	if video {
		known = videoExtensions
	}
	id, _, _ = strings.Cut(id, "/") // its direction
	uri, _, _ = strings.Cut(uri, " ")
	i := slices.Index(known, uri)
	n, err := strconv.ParseUint(id, 10, 8)
	if i < 0 || err != nil || n == 0 || f.extensionID(known[i]) != 0 {
		return
	}
	f.extensions = append(f.extensions, lineExtension{uint8(n), known[i]})
}

// extensionID is 0 for an extension that isn't offered.
func (f *format) extensionID(uri string) uint8 {
	for _, e := range f.extensions {
		if e.uri == uri {
			return e.id
		}
	}
	return 0
}

// choose settles what can only be told at the end of the section.
func (f *format) choose() {
	for _, a := range f.apts {
		if f.rtx == 0 && a[0] != 0 && a[1] == f.media && slices.Contains(f.resends, a[0]) {
			f.rtx = a[0]
		}
	}
	pt := strconv.Itoa(int(f.media))
	for _, fb := range f.offered {
		if (fb.pt == pt || fb.pt == "*") && !slices.Contains(f.feedback, fb.what) {
			f.feedback = append(f.feedback, fb.what)
		}
	}
	f.resends, f.apts, f.offered = nil, nil, nil
}

// lineFormat is what must stay the same in a later offer for one transport.
type lineFormat struct {
	mid        string
	media, rtx uint8
	extensions [5]uint8 // by their place in videoExtensions or audioExtensions
}

func (o *offer) formats() []lineFormat {
	out := make([]lineFormat, len(o.lines))
	for i := range o.lines {
		l, known := &o.lines[i], audioExtensions
		if l.video {
			known = videoExtensions
		}
		out[i] = lineFormat{mid: l.mid, media: l.format.media, rtx: l.format.rtx}
		for j, uri := range known {
			out[i].extensions[j] = l.format.extensionID(uri)
		}
	}
	return out
}
