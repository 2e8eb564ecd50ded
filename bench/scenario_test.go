package bench

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func valid() Scenario {
	return Scenario{
		URL: "http://127.0.0.1:8080", Participants: 30, Publishers: 30, Layout: LayoutGallery,
		Simulcast: true, For: 20 * time.Second, Ramp: 30,
	}
}

func TestScenarioValidate(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		change func(*Scenario)
		says   string
	}{
		{func(s *Scenario) { s.URL = "" }, "--url: missing"},
		{func(s *Scenario) { s.URL = "127.0.0.1:8080" }, "--url"},
		{func(s *Scenario) { s.URL = "localhost" }, "--url"},
		{func(s *Scenario) { s.URL = "ftp://host" }, "--url"},
		{func(s *Scenario) { s.URL = "http://" }, "--url"},
		{func(s *Scenario) { s.URL = "http://localhost:8080/r#secret" }, "goes on after the host"},
		{func(s *Scenario) { s.Participants = 1 }, "--participants: 1; a room takes 2 to 2000"},
		{func(s *Scenario) { s.Participants = 2001 }, "--participants"},
		{func(s *Scenario) { s.Publishers = 0 }, "--publishers: 0; write 1 to 30"},
		{func(s *Scenario) { s.Publishers = 31 }, "--publishers"},
		{func(s *Scenario) { s.Layout = "grid" }, `--layout: "grid"; write gallery, stage, webinar or nobody`},
		{func(s *Scenario) { s.For = 0 }, "--for"},
		{func(s *Scenario) { s.For = 25 * time.Hour }, "--for"},
		{func(s *Scenario) { s.Ramp = 0 }, "--ramp"},
		{func(s *Scenario) { s.Ramp = math.NaN() }, "--ramp"},
		{func(s *Scenario) { s.Ramp = 1001 }, "--ramp"},
	} {
		s := valid()
		row.change(&s)
		if err := s.Validate(); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%+v: %v, want %q", s, err, row.says)
		}
	}
}

func TestParseRamp(t *testing.T) {
	for text, want := range map[string]float64{"30/s": 30, "30": 30, " 0.5/s ": 0.5, "1000/s": 1000} {
		if got, err := ParseRamp(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "/s", "30/m", "-1/s", "0/s", "x", "NaN", "inf", "1001/s"} {
		if got, err := ParseRamp(text); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), "30/s") {
			t.Errorf("%q: %v, %v; want an error that says how", text, got, err)
		}
	}
}

func TestTiles(t *testing.T) {
	everybody := func(int) bool { return true }
	for _, row := range []struct {
		name                     string
		participants, publishers int
		layout                   Layout
		viewer, stage, small     int
	}{
		{"gallery of 60", 60, 60, LayoutGallery, 7, 0, 24},
		{"the first looks at the second", 60, 60, LayoutGallery, 0, 1, 24},
		{"gallery of 4", 4, 4, LayoutGallery, 3, 0, 2},
		{"viewer in a gallery", 30, 5, LayoutGallery, 20, 0, 4},
		{"stage", 200, 1, LayoutStage, 100, 0, 0},
		{"stage of many", 30, 30, LayoutStage, 3, 0, 0},
		{"webinar", 100, 3, LayoutWebinar, 50, 0, 2},
		{"publisher of a webinar", 100, 3, LayoutWebinar, 0, 1, 1},
		{"one alone publishes", 5, 1, LayoutGallery, 0, -1, 0},
	} {
		s := Scenario{Participants: row.participants, Publishers: row.publishers, Layout: row.layout}
		tiles := s.Tiles(row.viewer, everybody)
		if row.stage < 0 {
			if len(tiles) != 0 {
				t.Errorf("%s: %v, want none", row.name, tiles)
			}
			continue
		}
		if len(tiles) != row.small+1 || tiles[0].Publisher != row.stage {
			t.Errorf("%s: %d tiles, the stage shows %d; want %d, %d", row.name, len(tiles), tiles[0].Publisher, row.small+1, row.stage)
		}
		seen := map[int]bool{row.viewer: true}
		for i, tile := range tiles {
			if seen[tile.Publisher] || tile.Publisher >= row.publishers {
				t.Errorf("%s: tile %d shows %d, who is shown already, publishes nothing or is the viewer", row.name, i, tile.Publisher)
			}
			seen[tile.Publisher] = true
			if i > 0 && (tile.Priority >= tiles[i-1].Priority || tile.Height >= tiles[0].Height) {
				t.Errorf("%s: tile %d is not below the one before: %+v", row.name, i, tile)
			}
		}
	}
}

// With more publishers than tiles, each is watched by about equally many, so
// that no publisher's load is a special case.
func TestTilesSpread(t *testing.T) {
	s := Scenario{Participants: 60, Publishers: 60, Layout: LayoutGallery}
	watchers := make([]int, 60)
	for viewer := range 60 {
		for _, tile := range s.Tiles(viewer, func(int) bool { return true })[1:] {
			watchers[tile.Publisher]++
		}
	}
	for p, n := range watchers[2:] { // 0 and 1 are on the stages
		if n < 20 || n > 30 {
			t.Errorf("publisher %d is in %d small tiles, want about 24", p+2, n)
		}
	}
}

func TestTilesOnlyOfThosePresent(t *testing.T) {
	s := Scenario{Participants: 10, Publishers: 10, Layout: LayoutGallery}
	tiles := s.Tiles(9, func(p int) bool { return p == 4 || p == 6 })
	if len(tiles) != 2 || tiles[0].Publisher != 4 || tiles[1].Publisher != 6 {
		t.Errorf("%+v, want 4 on the stage and 6", tiles)
	}
}
