package bench

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrScenario is wrapped by every error about what a run was asked to do.
var ErrScenario = errors.New("bad scenario")

// Layout is what each participant looks at.
type Layout string

// Layouts of a room.
const (
	// LayoutGallery is a stage in full size and up to 24 small tiles.
	LayoutGallery Layout = "gallery"
	// LayoutStage is the stage alone.
	LayoutStage Layout = "stage"
	// LayoutWebinar shows the publishers and nobody else: a stage and the other
	// publishers in half size.
	LayoutWebinar Layout = "webinar"
	// LayoutNobody shows nobody: what is published costs, and is only heard.
	LayoutNobody Layout = "nobody"
)

// Layouts lists the valid layouts.
func Layouts() []Layout {
	return []Layout{LayoutGallery, LayoutStage, LayoutWebinar, LayoutNobody}
}

// galleryTiles are the small tiles of LayoutGallery beside the stage; with it
// they fill the slots of the largest pool (6 pairs and 19 videos).
const galleryTiles = 24

// Limits of a room; those of plain rooms in the API.
const (
	minParticipants = 2
	maxParticipants = 2000
	maxRamp         = 1000 // joins per second
)

// Scenario is one run: who joins a room, what they publish and look at.
type Scenario struct {
	// URL of the server, such as http://127.0.0.1:8080.
	URL string
	// Participants join, Publishers of them with camera and microphone; the
	// others are viewers.
	Participants, Publishers int
	Layout                   Layout
	// Simulcast publishes three encodings of a camera instead of one.
	Simulcast bool
	// Light lets participants check every RTP header, and decrypt only what they
	// need to and samples, so that the generator holds many more of them.
	Light bool
	// AllLayers sends all encodings, those too that nobody needs.
	AllLayers bool
	// For is the length of the steady window, from when all have joined.
	For time.Duration
	// Ramp is how many begin to join each second.
	Ramp float64
	// JoinTimeout bounds one join; zero is 30 s.
	JoinTimeout time.Duration
}

// Validate says what is wrong with a scenario; errors wrap [ErrScenario] and
// begin with the name of the flag that sets the value.
func (s Scenario) Validate() error {
	bad := func(format string, values ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrScenario}, values...)...)
	}
	if err := validURL(s.URL); err != nil {
		return err
	}
	switch {
	case s.Participants < minParticipants || s.Participants > maxParticipants:
		return bad("--participants: %d; a room takes %d to %d", s.Participants, minParticipants, maxParticipants)
	case s.Publishers < 1 || s.Publishers > s.Participants:
		return bad("--publishers: %d; write 1 to %d, the number of participants", s.Publishers, s.Participants)
	case !slices.Contains(Layouts(), s.Layout):
		return bad("--layout: %q; write gallery, stage, webinar or nobody", s.Layout)
	case s.For < time.Second || s.For > 24*time.Hour:
		return bad("--for: %v; write 1s to 24h", s.For)
	case !(s.Ramp > 0 && s.Ramp <= maxRamp):
		return bad("--ramp: %v/s; write more than 0/s, up to %d/s", s.Ramp, maxRamp)
	}
	return nil
}

// validURL says what is wrong with a server's address.
func validURL(address string) error {
	base, err := url.Parse(address)
	switch {
	case address == "":
		return fmt.Errorf("%w: --url: missing; give the server's address, for example http://127.0.0.1:8080", ErrScenario)
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return fmt.Errorf("%w: --url: %q is no address; write it as http://127.0.0.1:8080 or https://calls.example.org", ErrScenario, address)
	case strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "":
		return fmt.Errorf("%w: --url: %q goes on after the host; write it as http://127.0.0.1:8080", ErrScenario, address)
	}
	return nil
}

// ParseRamp reads joins per second, written 30/s or 30. Errors wrap
// [ErrScenario].
func ParseRamp(text string) (float64, error) {
	number, _ := strings.CutSuffix(strings.TrimSpace(text), "/s")
	ramp, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(ramp > 0 && ramp <= maxRamp) {
		return 0, fmt.Errorf("%w: --ramp: %q; write joins per second, for example 30/s (up to %d/s)",
			ErrScenario, text, maxRamp)
	}
	return ramp, nil
}

// Tile is one picture that a participant looks at: the camera of a publisher,
// by its place in the scenario, at a size in pixels.
type Tile struct {
	Publisher               int
	Width, Height, Priority int
}

// Tiles are what participant viewer looks at while the publishers for which
// present holds are in the room, the stage first. The stage is the first other
// publisher present; the small tiles begin after the viewer's own place, so that
// with more publishers than tiles everybody is seen by about equally many.
func (s Scenario) Tiles(viewer int, present func(publisher int) bool) []Tile {
	var others []int
	for p := range s.Publishers {
		if p != viewer && present(p) {
			others = append(others, p)
		}
	}
	if len(others) == 0 || s.Layout == LayoutNobody {
		return nil
	}
	tiles := []Tile{{Publisher: others[0], Width: 1280, Height: 720, Priority: 100}}
	small, width, height := others[1:], 320, 180
	switch s.Layout {
	case LayoutStage:
		small = nil
	case LayoutWebinar:
		width, height = 640, 360
	}
	from := max(0, slices.IndexFunc(small, func(p int) bool { return p > viewer }))
	for i := range min(len(small), galleryTiles) {
		p := small[(from+i)%len(small)]
		tiles = append(tiles, Tile{Publisher: p, Width: width, Height: height, Priority: 50 - i})
	}
	return tiles
}
