package report

import "time"

// Names says how places and staff are called now, deleted ones too; "" for what
// isn't known.
type Names struct {
	Unit string
	Area func(id string) string
	Room func(id string) string
}

// Columns are those of a type.
func (t Type) Columns() []Column {
	switch t {
	case Consultations:
		return consultationColumns()
	case Areas:
		return areaColumns()
	case Groups:
		return groupColumns()
	case ConsultNow:
		return consultColumns()
	case MeetingRooms:
		return roomColumns()
	case Accounts:
		return accountColumns()
	case QualityOf:
		return qualityColumns()
	case Units:
		return unitColumns()
	}
	return nil
}

func consultationColumns() []Column {
	return []Column{
		{"id", "pseudonymous: of the visit; a visit that was transferred has a row in each area"},
		{"unit", "name"}, {"unit_id", ""}, {"area", "name"}, {"area_id", ""},
		{"type", "area, appointment, consult_now or group"},
		{"arrived", "in this area"}, {"joined", "when somebody of staff first saw them here"}, {"ended", ""},
		{"wait_s", "seconds until joined, or until the end"}, {"hold_s", "seconds on hold"}, {"duration_s", "seconds in calls"},
		{"peak_participants", "most people at once"},
		{"outcome", "completed, abandoned, timed_out, transferred, refused or removed"},
		{"relay", "whether their connection went through a relay"},
		{"quality", "of their connection: 0 (lost) to 100 (good)"},
		{"providers", "accounts who saw them"},
	}
}

// Cells are a row of Consultations.
func (r VisitRow) Cells(n Names) Row {
	_, _, _, _, score := r.Quality.figures()
	return Row{
		r.ID, n.Unit, r.UnitID, n.Area(r.AreaID), r.AreaID, r.Type, r.Arrived, r.Joined, r.Ended,
		seconds(r.Waited), seconds(r.Held), seconds(r.Talked), r.Peak, r.Outcome, r.Quality.relayed(), score, r.Providers,
	}
}

// Consultations are the totals of that type.
func (t VisitTotals) Consultations() Totals {
	return append(Totals{{"consultations", t.Arrivals}, {"seen", t.Seen}}, append(t.outcomes(),
		append(t.waits(), Total{"wait_s", seconds(t.Waited)}, Total{"hold_s", seconds(t.Held)}, Total{"duration_s", seconds(t.Talked)})...)...)
}

func (t VisitTotals) outcomes() Totals {
	var list Totals
	for _, o := range []string{OutcomeCompleted, OutcomeAbandoned, OutcomeTimedOut, OutcomeTransferred, OutcomeRefused, OutcomeRemoved} {
		list = append(list, Total{o, t.Outcomes[o]})
	}
	return list
}

// waits are mean, median and 95th percentile.
func (t VisitTotals) waits() Totals {
	var mean any
	if t.Arrivals > 0 {
		mean = round(float64(t.Waited)/float64(t.Arrivals)/1000, 3)
	}
	return Totals{{"wait_mean_s", mean}, {"wait_median_s", quantile(&t.Waits, 0.5)}, {"wait_p95_s", quantile(&t.Waits, 0.95)}}
}

func quantile(h *Histogram, q float64) any {
	if ms, ok := h.Quantile(q); ok {
		return seconds(ms)
	}
	return nil
}

func areaColumns() []Column {
	return []Column{
		{"area", "name"}, {"area_id", ""}, {"deleted", "when, if it was"},
		{"arrivals", "stays that ended in the period, those of groups' lobbies not counted"}, {"seen", "of them: admitted"},
		{"completed", ""}, {"abandoned", "left, or were gone, before anybody saw them"}, {"timed_out", "waited as long as the area lets them"},
		{"refused", ""}, {"removed", ""},
		{"transferred_in", "of the arrivals"}, {"transferred_out", ""},
		{"wait_mean_s", "seconds, of all arrivals"}, {"wait_median_s", "to half a second below a minute, 1.6 % beyond"}, {"wait_p95_s", "the same"},
		{"minutes", "in calls"},
	}
}

// AreaCells are a row of Areas.
func (t VisitTotals) AreaCells(name, id string, deleted time.Time) Row {
	row := Row{name, id, deleted}
	for _, total := range t.Area() {
		row = append(row, total.Value)
	}
	return row
}

// Area are the totals of Areas, in the order of its columns.
func (t VisitTotals) Area() Totals {
	return append(append(Totals{
		{"arrivals", t.Arrivals}, {"seen", t.Seen}, {"completed", t.Outcomes[OutcomeCompleted]}, {"abandoned", t.Outcomes[OutcomeAbandoned]},
		{"timed_out", t.Outcomes[OutcomeTimedOut]}, {"refused", t.Outcomes[OutcomeRefused]}, {"removed", t.Outcomes[OutcomeRemoved]},
		{"transferred_in", t.TransferredIn}, {"transferred_out", t.Outcomes[OutcomeTransferred]},
	}, t.waits()...), Total{"minutes", minutes(t.Talked)})
}

func groupColumns() []Column {
	return []Column{
		{"id", "of the group"}, {"area", "name"}, {"area_id", ""}, {"planned", "start"}, {"started", "absent: it didn't take place"}, {"ended", ""},
		{"outcome", "ended or cancelled"}, {"registered", "people"}, {"requested", "access by their link"}, {"admitted", "people"},
		{"peak", "most at once"}, {"breakouts", "rooms that were open, of all openings"},
		{"moves", "how often somebody was put into another room; back at the close not counted"}, {"minutes", "from start to end"},
	}
}

// Cells are a row of Groups.
func (r GroupRow) Cells(n Names) Row {
	return Row{r.ID, n.Area(r.AreaID), r.AreaID, r.Planned, r.Started, r.Ended, r.Outcome, r.Registered, r.Requested, r.Admitted,
		r.Peak, r.Breakouts, r.Moves, minutes(r.lasted())}
}

// GroupTotals are what groups come to.
type GroupTotals struct {
	Groups, Registered, Requested, Admitted, Peak, Breakouts, Moves int
	Talked                                                          int64
}

// Add adds a row.
func (t *GroupTotals) Add(r GroupRow) {
	t.Groups++
	t.Registered += r.Registered
	t.Requested += r.Requested
	t.Admitted += r.Admitted
	t.Peak = max(t.Peak, r.Peak)
	t.Breakouts += r.Breakouts
	t.Moves += r.Moves
	t.Talked += r.lasted()
}

// Totals are those of Groups.
func (t GroupTotals) Totals() Totals {
	return Totals{{"groups", t.Groups}, {"registered", t.Registered}, {"requested", t.Requested}, {"admitted", t.Admitted},
		{"peak", t.Peak}, {"breakouts", t.Breakouts}, {"moves", t.Moves}, {"minutes", minutes(t.Talked)}}
}

func consultColumns() []Column {
	return []Column{
		{"area", "name"}, {"area_id", ""}, {"issued", "links that were over in the period: used, revoked, or a day old"},
		{"extended", "links, however often"}, {"entered", ""}, {"expired", ""}, {"revoked", ""}, {"failed", "could not be sent"},
		{"median_to_enter_s", "seconds from the hand-over of the message until it was used"},
	}
}

// Cells are a row of ConsultNow.
func (t ConsultTotals) Cells(name, id string) Row {
	row := Row{name, id}
	for _, total := range t.Totals() {
		row = append(row, total.Value)
	}
	return row
}

// Totals are those of ConsultNow, in the order of its columns.
func (t ConsultTotals) Totals() Totals {
	return Totals{{"issued", t.Issued}, {"extended", t.Extended}, {"entered", t.States[ConsultEntered]}, {"expired", t.States[ConsultExpired]},
		{"revoked", t.States[ConsultRevoked]}, {"failed", t.States[ConsultFailed]}, {"median_to_enter_s", quantile(&t.ToEnter, 0.5)}}
}

func roomColumns() []Column {
	return []Column{
		{"room", "name"}, {"room_id", ""}, {"area_id", "absent: the unit's"}, {"deleted", "when, if it was"},
		{"sessions", ""}, {"minutes", ""}, {"peak", "most people at once"}, {"guests", "visits by the room's link"},
	}
}

// RoomCells are a row of MeetingRooms.
func (t CallTotals) RoomCells(name, id, areaID string, deleted time.Time) Row {
	var area any
	if areaID != "" {
		area = areaID
	}
	return Row{name, id, area, deleted, t.Calls, minutes(t.Talked), t.Peak, t.Guests}
}

// Rooms are the totals of MeetingRooms.
func (t CallTotals) Rooms() Totals {
	return Totals{{"sessions", t.Calls}, {"minutes", minutes(t.Talked)}, {"peak", t.Peak}, {"guests", t.Guests}}
}

func accountColumns() []Column {
	return []Column{
		{"account_id", ""}, {"name", ""}, {"roles", "that it has in the unit now"}, {"last_sign_in", ""},
		{"calls", "of the unit that ended in the period"}, {"minutes", "in them"},
	}
}

// Cells are a row of Accounts.
func (t StaffTotals) Cells(id, name string, roles []string, lastSignIn time.Time) Row {
	return Row{id, name, roles, lastSignIn, t.Calls, minutes(t.Talked)}
}

// Totals are those of Accounts, of which there are n.
func (t StaffTotals) Totals(n int) Totals {
	return Totals{{"accounts", n}, {"calls", t.Calls}, {"minutes", minutes(t.Talked)}}
}

func qualityColumns() []Column {
	return []Column{
		{"id", "of the call"}, {"area", "name"}, {"area_id", ""}, {"room", "name of the meeting room"}, {"room_id", ""},
		{"type", "individual, meeting or group"}, {"started", ""}, {"ended", ""}, {"duration_s", "seconds"},
		{"peak_participants", "most people at once"},
		{"loss_percent", "of packets, mean of everybody's worse direction"}, {"rtt_ms", "mean"}, {"jitter_ms", "mean"},
		{"freezes", "of everybody's pictures"}, {"score", "mean, 0 (lost) to 100 (good)"},
	}
}

// Cells are a row of QualityOf.
func (r CallRow) Cells(n Names) Row {
	loss, rtt, jitter, freezes, score := r.Quality.figures()
	return Row{r.ID, n.Area(r.AreaID), r.AreaID, n.Room(r.RoomID), r.RoomID, r.Type, r.Started, r.Ended, seconds(r.lasted()), r.Peak,
		loss, rtt, jitter, freezes, score}
}

// Quality are the totals of QualityOf. all is the sum over the calls.
func (t CallTotals) Quality(all Quality) Totals {
	loss, rtt, jitter, freezes, _ := all.figures()
	var score any
	if t.Rated > 0 {
		score = round(t.Score/float64(t.Rated), 0)
	}
	return Totals{{"calls", t.Calls}, {"duration_s", seconds(t.Talked)}, {"loss_percent", loss}, {"rtt_ms", rtt}, {"jitter_ms", jitter},
		{"freezes", freezes}, {"score", score}}
}

func unitColumns() []Column {
	return []Column{
		{"unit", "name"}, {"unit_id", ""}, {"created", ""}, {"deleted", "when, if it was"},
		{"areas", "that there were at the end of the period"}, {"areas_created", "in the period"}, {"areas_deleted", ""},
		{"rooms", "the same, of meeting rooms"}, {"rooms_created", ""}, {"rooms_deleted", ""},
		{"accounts_used", "that were in a call in the period"},
	}
}

// Places counts places by when they were made and deleted.
type Places struct{ There, Created, Deleted int }

// Add counts a place; deleted is zero when it wasn't.
func (p *Places) Add(f Filter, created, deleted time.Time) {
	if !created.Before(f.Until) {
		return
	}
	if f.within(created) {
		p.Created++
	}
	switch {
	case deleted.IsZero() || !deleted.Before(f.Until):
		p.There++
	case f.within(deleted):
		p.Deleted++
	}
}

// UnitCells are the row of Units.
func UnitCells(name, id string, created, deleted time.Time, areas, rooms Places, accounts int) Row {
	return Row{name, id, created, deleted, areas.There, areas.Created, areas.Deleted, rooms.There, rooms.Created, rooms.Deleted, accounts}
}
