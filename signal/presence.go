package signal

import (
	"context"

	"github.com/atriumrtc/atrium/media"
)

// The authority is told of a seat by one task at a time, which goes by the
// seat's state and not by events: so the reports of a seat are in order, the
// last one is true, and a connection that comes and goes costs few of them.

// report is one thing to tell of a seat.
type report int

const (
	reportNothing report = iota
	reportPresent
	reportAbsent
	reportLeft
)

// begin says whether the caller is to tell the authority of the seat: there is
// something to tell and nobody does.
func (s *seats) begin(st *seat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.telling || !st.taken {
		return false
	}
	st.telling = true
	return true
}

// next returns what the authority is to be told next. After reportNothing and
// reportLeft the telling has ended.
func (s *seats) next(st *seat) report {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := st.holder != nil && !st.lost && !st.silent
	switch {
	case st.gone:
		return reportLeft // telling stays set: nothing comes after this
	case present == st.told:
		st.telling = false
		return reportNothing
	}
	st.told = present
	if present {
		return reportPresent
	}
	return reportAbsent
}

// forget is told that the authority knows of the end of a seat.
func (s *seats) forget(st *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(st)
}

// transport notes whether the transport of the seat's holder is lost.
func (s *seats) transport(st *seat, c *session, state media.TransportState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st != nil && st.holder == c {
		st.lost = state == media.TransportDisconnected || state == media.TransportFailed
	}
}

// silence notes whether the seat's holder leaves a ping unanswered.
func (s *seats) silence(st *seat, c *session, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.holder == c {
		st.silent = silent
	}
}

// tell has the authority told what is new of a seat.
func (s *Server) tell(st *seat) {
	if st == nil || !s.seats.begin(st) {
		return
	}
	s.background(func() {
		for {
			switch s.seats.next(st) {
			case reportPresent:
				s.report(func(ctx context.Context) { s.authority.Present(ctx, st.admission, true) })
			case reportAbsent:
				s.report(func(ctx context.Context) { s.authority.Present(ctx, st.admission, false) })
			case reportLeft:
				defer s.seats.forget(st)
				if s.relays != nil {
					s.relays.Revoke(st.admission.ParticipantID)
				}
				s.report(func(ctx context.Context) { s.authority.Left(ctx, st.admission, st.reason) })
				s.log.Info("left", "participant_id", st.admission.ParticipantID, "reason", string(st.reason))
				return
			default:
				return
			}
		}
	})
}

// report calls the authority. A panic of its doesn't keep later reports, or the
// end, from being told.
func (s *Server) report(f func(context.Context)) {
	defer s.contain()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), leftTime)
	defer cancel()
	f(ctx)
}
