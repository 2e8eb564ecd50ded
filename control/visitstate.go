package control

import "time"

// visitAct is what happens to a visit.
type visitAct string

const (
	actAdmit    visitAct = "admit"    // into a call, from waiting or from hold
	actHold     visitAct = "hold"     // out of the call, to be called back
	actTransfer visitAct = "transfer" // to the queue of another area
	actEnd      visitAct = "end"
)

// visitMoves is the machine of a visit's states: what isn't listed can't
// happen.
//
//	waiting → in_call ⇄ on_hold, any of them → waiting elsewhere, or → ended
func visitMoves() map[VisitState]map[visitAct]VisitState {
	return map[VisitState]map[visitAct]VisitState{
		VisitWaiting: {actAdmit: VisitInCall, actTransfer: VisitWaiting, actEnd: VisitEnded},
		VisitInCall:  {actHold: VisitOnHold, actTransfer: VisitWaiting, actEnd: VisitEnded},
		VisitOnHold:  {actAdmit: VisitInCall, actTransfer: VisitWaiting, actEnd: VisitEnded},
		VisitEnded:   {},
	}
}

// move takes a visit to its next state and keeps the account of how long it
// waited and was held. A *StateError with CodeWrongState when it can't.
func (v *visitRecord) move(act visitAct, now time.Time) error {
	next, ok := visitMoves()[v.State][act]
	if !ok {
		return &StateError{CodeWrongState, wrongState(v.State)}
	}
	switch v.State {
	case VisitWaiting:
		d := max(0, now.Sub(v.WaitingSince))
		v.Waited, v.Tally.Waited = v.Waited+d, v.Tally.Waited+d
		v.WaitingSince = time.Time{}
	case VisitOnHold:
		d := max(0, now.Sub(v.HoldSince))
		v.Held, v.Tally.Held = v.Held+d, v.Tally.Held+d
		v.HoldSince = time.Time{}
	case VisitInCall:
		v.Tally.left(now)
	}
	switch next {
	case VisitWaiting:
		v.WaitingSince = now
	case VisitInCall:
		v.Tally.joined(now)
		if v.SeenAt.IsZero() {
			v.SeenAt = now
		}
	case VisitOnHold:
		v.HoldSince = now
	case VisitEnded:
		v.EndedAt = now
	}
	v.State = next
	return nil
}

// wrongState says where somebody is, for who expected them elsewhere.
func wrongState(s VisitState) string {
	switch s {
	case VisitWaiting:
		return "This person is waiting; admit them first."
	case VisitInCall:
		return "This person is in a call."
	case VisitOnHold:
		return "This person is on hold."
	}
	return "This visit has ended."
}

// ending is the outcome of a visit that ends by itself: who was seen has been
// served, who wasn't has given up (R-WA-7).
func (v *visitRecord) ending() Outcome {
	if v.SeenAt.IsZero() {
		return OutcomeAbandoned
	}
	return OutcomeCompleted
}
