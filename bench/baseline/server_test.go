package baseline

import (
	"context"
	"io"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/bench"
)

// TestMain fails when a goroutine outlives the tests (SE-18).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The generator finds everything in the baseline that it finds in Atrium: all
// see and hear the publisher, nothing is lost.
func TestGeneratorAgainstBaseline(t *testing.T) {
	for name, interceptors := range map[string]bool{"plain": false, "default interceptors": true} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Config{Address: "127.0.0.1:0", Interceptors: interceptors})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			r, err := bench.Run(ctx, bench.Scenario{
				URL: s.URL(), Participants: 4, Publishers: 1, Layout: bench.LayoutStage, For: 2 * time.Second, Ramp: 20,
			}, bench.Options{Key: "any", Progress: bench.NewProgress(io.Discard, false)})
			if err != nil {
				t.Fatal(err)
			}
			if r.Joins.Completed != 4 || r.Joins.Seeing != 3 || r.SDP != 0 {
				t.Errorf("joins %+v, %d SDP", r.Joins, r.SDP)
			}
			v := r.Video.Violations
			if r.Audio.ReceivedPackets < 150 || r.Video.Frames < 90 || v.Misrouted+v.Damaged+v.UnknownStream > 0 {
				t.Errorf("audio %+v\nvideo %+v", r.Audio, r.Video)
			}
		})
	}
}
