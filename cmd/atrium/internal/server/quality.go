package server

import (
	"context"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/media"
)

// sampleInterval is how often the quality of connections is noted for reports.
const sampleInterval = 10 * time.Second

// startSampling has the quality of all calls noted from now on.
func (s *Server) startSampling() {
	s.background(func(ctx context.Context) error {
		ticker := time.NewTicker(sampleInterval)
		defer ticker.Stop()
		var last sampler
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			err := s.control.NoteQuality(ctx, last.samples(s.engine.Connections()))
			if err != nil && ctx.Err() == nil { // a full disk is no reason to stop
				s.log.ErrorContext(ctx, "the quality of calls could not be noted", "err", err)
			}
		}
	})
}

// sampler makes samples of what media counts from the beginning.
type sampler struct {
	freezes map[string]uint64 // as of the sample before, by participant
}

func (s *sampler) samples(connections []media.Connection) []control.ConnectionSample {
	now := make(map[string]uint64, len(connections))
	list := make([]control.ConnectionSample, len(connections))
	for i, c := range connections {
		before := s.freezes[c.Participant]
		if c.Freezes < before {
			before = 0 // another transport
		}
		now[c.Participant] = c.Freezes
		list[i] = control.ConnectionSample{ParticipantID: c.Participant, Sample: report.Sample{
			Loss: c.Loss, RTT: c.RTT, Jitter: c.Jitter, Freezes: int(c.Freezes - before),
			Score: scoreOf(c.Score), Relayed: c.Relayed,
		}}
	}
	s.freezes = now
	return list
}

// scoreOf is a score as a number: evenly spread.
func scoreOf(s media.QualityScore) int {
	switch s {
	case media.QualityGood:
		return 100
	case media.QualityFair:
		return 67
	case media.QualityPoor:
		return 33
	}
	return 0
}
