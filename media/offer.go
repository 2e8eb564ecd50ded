package media

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// OfferError says what is wrong with a client's offer. Code is stable:
// offer_too_big, offer_malformed, offer_lines or offer_codecs.
type OfferError struct{ Code, Message string }

// Error implements error.
func (e *OfferError) Error() string { return e.Code + ": " + e.Message }

const (
	// maxLines and maxCodecs bound an offer before pion parses it: an uncut
	// offer of 37 lines takes 150 ms of CPU, a cut one 5.
	maxLines  = 64
	maxCodecs = 8
	maxRIDs   = 3
	maxSSRCs  = 2 * maxRIDs
)

// offer is what the server has to know of an SDP offer before it goes to pion.
// It holds copies: a participant that kept a piece of the text would keep all
// of it.
type offer struct {
	fingerprint string // of the client's DTLS certificate
	bundled     int    // lines that are to share one transport
	lines       []offerLine
}

// offerLine is one m-line of an offer.
type offerLine struct {
	video  bool
	mid    string
	codecs int
	vp8    bool
	opus   bool
	sends  bool
	gets   bool
	rids   []string
	paused []bool          // of rids: the client doesn't send them for now
	ssrcs  []uint32        // that it declares
	again  map[uint32]bool // those of them that are RTX
	format format
}

// parseOffer reads the m-lines of an SDP offer (RFC 8866, JSEP RFC 9429),
// within the given size, and checks them against the pool.
func parseOffer(sdp string, maxBytes int, pool Pool) (offer, error) {
	if len(sdp) > maxBytes {
		return offer{}, &OfferError{"offer_too_big", fmt.Sprintf("the offer has %d bytes; cut its codec lists to VP8, its RTX and Opus to get below %d", len(sdp), maxBytes)}
	}
	if !strings.HasPrefix(sdp, "v=0") {
		return offer{}, &OfferError{"offer_malformed", "the offer does not begin with v=0"}
	}
	o, err := scanOffer(sdp)
	if err != nil {
		return offer{}, err
	}
	return o, o.check(pool)
}

func scanOffer(sdp string) (offer, error) {
	var o offer
	var cur *offerLine
	for text := range strings.Lines(sdp) {
		text = strings.TrimRight(text, "\r\n")
		if strings.HasPrefix(text, "m=") {
			if len(o.lines) == maxLines {
				return o, &OfferError{"offer_lines", fmt.Sprintf("the offer has more than %d m-lines", maxLines)}
			}
			f := strings.Fields(text[2:])
			if len(f) < 4 || (f[0] != "audio" && f[0] != "video") {
				return o, &OfferError{"offer_malformed", "every m-line is to be audio or video with at least one payload type: no data channels"}
			}
			o.lines = append(o.lines, offerLine{video: f[0] == "video", codecs: len(f) - 3, sends: true, gets: true})
			cur = &o.lines[len(o.lines)-1]
			continue
		}
		if v, ok := strings.CutPrefix(text, "a=fingerprint:"); ok && o.fingerprint == "" {
			o.fingerprint = strings.Clone(v)
		}
		if v, ok := strings.CutPrefix(text, "a=group:BUNDLE "); ok && cur == nil {
			o.bundled = len(strings.Fields(v))
		}
		if cur != nil {
			cur.attribute(text)
			cur.format.attribute(text, cur.video)
		}
	}
	for i := range o.lines {
		o.lines[i].format.choose()
	}
	return o, nil
}

func (l *offerLine) attribute(text string) {
	switch {
	case strings.HasPrefix(text, "a=mid:"):
		l.mid = strings.Clone(text[len("a=mid:"):])
	case strings.HasPrefix(text, "a=rtpmap:"):
		_, codec, _ := strings.Cut(text, " ")
		codec = strings.ToLower(codec)
		l.vp8 = l.vp8 || strings.HasPrefix(codec, "vp8/90000")
		l.opus = l.opus || strings.HasPrefix(codec, "opus/48000")
	case strings.HasPrefix(text, "a=rid:"):
		rid, dir, _ := strings.Cut(text[len("a=rid:"):], " ")
		if strings.HasPrefix(dir, "send") {
			l.rids, l.paused = append(l.rids, strings.Clone(rid)), append(l.paused, false)
		}
	case strings.HasPrefix(text, "a=simulcast:"):
		l.pause(text[len("a=simulcast:"):])
	case strings.HasPrefix(text, "a=ssrc:"):
		l.declare(text[len("a=ssrc:"):])
	case strings.HasPrefix(text, "a=ssrc-group:FID "):
		l.pair(strings.Fields(text[len("a=ssrc-group:FID "):]))
	case text == "a=sendonly":
		l.gets = false
	case text == "a=recvonly":
		l.sends = false
	case text == "a=inactive":
		l.sends, l.gets = false, false
	}
}

// pause notes which of the rids before it are offered as paused (RFC 8853 §5.1).
func (l *offerLine) pause(value string) {
	for _, rid := range strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		if name, ok := strings.CutPrefix(rid, "~"); ok {
			if i := slices.Index(l.rids, name); i >= 0 {
				l.paused[i] = true
			}
		}
	}
}

// declare notes an SSRC of the line (RFC 5576 §4.1).
func (l *offerLine) declare(value string) {
	id, _, _ := strings.Cut(value, " ")
	ssrc, err := strconv.ParseUint(id, 10, 32)
	if err == nil && len(l.ssrcs) < maxSSRCs && !slices.Contains(l.ssrcs, uint32(ssrc)) {
		l.ssrcs = append(l.ssrcs, uint32(ssrc))
	}
}

// pair notes which SSRC sends another's packets again (RFC 5576 §4.2).
func (l *offerLine) pair(ids []string) {
	if len(ids) != 2 || len(l.again) == maxSSRCs {
		return
	}
	if ssrc, err := strconv.ParseUint(ids[1], 10, 32); err == nil {
		if l.again == nil {
			l.again = make(map[uint32]bool)
		}
		l.again[uint32(ssrc)] = true
	}
}

// check compares the offer with the lines that the pool prescribes.
func (o offer) check(pool Pool) error {
	want := pool.lines()
	if len(o.lines) != len(want) {
		return &OfferError{"offer_lines", fmt.Sprintf("the offer has %d m-lines; welcome.policy prescribes %d", len(o.lines), len(want))}
	}
	if o.fingerprint == "" {
		return &OfferError{"offer_malformed", "the offer has no a=fingerprint"}
	}
	if o.bundled < len(o.lines) {
		return &OfferError{"offer_lines", "a=group:BUNDLE is to name every m-line: there is one transport for all"}
	}
	mids := make(map[string]bool, len(want))
	for i, l := range o.lines {
		if err := l.check(i, want[i]); err != nil {
			return err
		}
		if mids[l.mid] {
			return &OfferError{"offer_malformed", fmt.Sprintf("two m-lines have the mid %.16q", l.mid)}
		}
		mids[l.mid] = true
	}
	return nil
}

func (l offerLine) check(i int, want line) error {
	fail := func(code, format string, args ...any) error {
		return &OfferError{code, fmt.Sprintf("m-line %d: ", i) + fmt.Sprintf(format, args...)}
	}
	switch {
	case l.video != want.video:
		return fail("offer_lines", "audio and video are not in the order of PROTOCOL.md")
	case l.mid == "" || len(l.mid) > 16:
		return fail("offer_malformed", "a=mid is missing or longer than 16 characters")
	case want.send != "" && !l.sends, want.send == "" && !l.gets:
		return fail("offer_lines", "the direction is not that of PROTOCOL.md")
	case l.codecs > maxCodecs:
		return fail("offer_codecs", "%d payload types; keep to VP8, its RTX and Opus (at most %d)", l.codecs, maxCodecs)
	case l.video && !l.vp8:
		return fail("offer_codecs", "VP8 is missing")
	case !l.video && !l.opus:
		return fail("offer_codecs", "Opus is missing")
	case l.format.media == 0:
		return fail("offer_codecs", "the payload type of VP8 or Opus is not between 1 and 127")
	case len(l.rids) > maxRIDs:
		return fail("offer_lines", "%d simulcast encodings; at most %d", len(l.rids), maxRIDs)
	}
	return nil
}
