package media

import "slices"

// Who comes and goes is told with the next computation of the routes, all at
// once: with an event for each, a thousand who join would be a million.

// coming is somebody who came or went.
type coming struct {
	m    *member
	gone bool
}

// announce tells everybody who came, who went, and what changed about those
// present.
func (r *Room) announce() {
	var changed []ParticipantInfo
	for _, m := range r.members {
		if info := m.p.Info(); !sameInfo(info, m.info) {
			m.info = info
			changed = append(changed, info)
		}
	}
	if len(r.news) == 0 && len(changed) == 0 {
		return
	}
	var ev ParticipantsChanged
	known := -1
	for _, m := range r.members {
		if m.told != known { // most know as much as those before
			known, ev = m.told, r.newsSince(m.told, changed)
		}
		m.told = 0
		if len(ev.Joined)+len(ev.Left)+len(ev.Changed) > 0 {
			m.p.notify(ev)
		}
	}
	clear(r.news)
	r.news = r.news[:0]
}

// newsSince is what to tell a member who knows the first so many of the news.
func (r *Room) newsSince(told int, changed []ParticipantInfo) ParticipantsChanged {
	if told == len(r.news) {
		return ParticipantsChanged{Changed: changed}
	}
	var ev ParticipantsChanged
	var joined []*member
	for _, n := range r.news[told:] {
		switch i := slices.Index(joined, n.m); {
		case !n.gone:
			joined = append(joined, n.m)
		case i >= 0: // came and went
			joined = slices.Delete(joined, i, i+1)
		default:
			ev.Left = append(ev.Left, n.m.p.id)
		}
	}
	for _, m := range joined {
		ev.Joined = append(ev.Joined, m.info)
	}
	for _, info := range changed { // as it has just been told of those who joined
		if !slices.ContainsFunc(joined, func(m *member) bool { return m.p.id == info.ID }) {
			ev.Changed = append(ev.Changed, info)
		}
	}
	return ev
}

func sameInfo(a, b ParticipantInfo) bool {
	return a.HandAt.Equal(b.HandAt) && a.Connected == b.Connected && slices.Equal(a.Sources, b.Sources)
}
