package signal

import (
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// entryOf is the queue entry that tells a client of an event; ok is false for
// one that clients aren't told of. It is cheap: the message is made when it is
// written, on the session's goroutine and not on the engine's. Moves go by
// roomEntry.
func entryOf(ev media.Event) (e entry, ok bool) {
	switch ev := ev.(type) {
	case media.ParticipantsChanged:
		size := sizeOfInfos(ev.Joined) + sizeOfInfos(ev.Changed) + 64*len(ev.Left)
		return lazy(topicParticipants, size, func() message.ServerMessage { return participantsMessage(ev) }), true
	case media.MapChanged:
		return lazy(topicMap, 128*len(ev.Slots), func() message.ServerMessage { return mapMessage(ev) }), true
	case media.LayersChanged:
		return lazy(topicLayers+topic(ev.Source), 64, func() message.ServerMessage {
			return &message.Layers{Source: string(ev.Source), RIDs: append([]string{}, ev.RIDs...)}
		}), true
	case media.SpeakersChanged:
		return lazy(topicSpeakers, 64*len(ev.Speakers), func() message.ServerMessage { return speakersMessage(ev) }), true
	case media.QualityChanged:
		return lazy(topicQuality, 96*len(ev.Participants), func() message.ServerMessage { return qualityMessage(ev) }), true
	case media.TransportChanged:
		if ev.State == media.TransportNew {
			return entry{}, false
		}
		return lazy(topicTransport, 32, func() message.ServerMessage {
			return &message.Transport{State: string(ev.State)}
		}), true
	}
	return entry{}, false
}

// roomEntry tells a client where it is, and what is arranged there; nil:
// nothing is.
func roomEntry(ev media.RoomChanged, a *Arrangement) entry {
	size := sizeOfInfos(ev.Participants) + len(ev.Name)
	if a != nil {
		size += 128 + 64*len(a.Breakouts)
	}
	return lazy(topicRoom, size, func() message.ServerMessage { return roomMessage(ev, a) })
}

// lazy is an entry for a message that is made when it is written; size is
// about what the event holds in memory, in bytes.
func lazy(t topic, size int, build func() message.ServerMessage) entry {
	return entry{
		topic:  t,
		size:   size + 128,
		encode: func() ([]byte, error) { return message.Encode(build()) },
	}
}

func sizeOfInfos(infos []media.ParticipantInfo) int {
	n := 0
	for _, p := range infos {
		n += 128 + len(p.ID) + len(p.Name) + 32*len(p.Sources)
	}
	return n
}

// roomMessage prefers what is arranged to what the engine opened the room with.
func roomMessage(ev media.RoomChanged, a *Arrangement) *message.Room {
	if a == nil {
		a = &Arrangement{Name: ev.Name, EndsAt: ev.EndsAt}
	}
	c := a.controls()
	m := &message.Room{
		ID: ev.Room, Name: c.Name, Kind: ev.Kind, Epoch: ev.Epoch,
		Participants: participantMessages(ev.Participants), EndsAt: c.EndsAt,
		Call: c.Call, Controls: c.Controls, Breakouts: c.Breakouts,
		BreakoutsOpen: c.BreakoutsOpen, BreakoutsEndAt: c.BreakoutsEndAt,
	}
	if ev.Room == "" {
		m.Kind = message.KindParked
	}
	return m
}

func participantsMessage(ev media.ParticipantsChanged) *message.Participants {
	return &message.Participants{
		Joined:  participantMessages(ev.Joined),
		Left:    ev.Left,
		Changed: participantMessages(ev.Changed),
	}
}

// participantMessages is never nil: lists are [] on the wire, not null.
func participantMessages(infos []media.ParticipantInfo) []message.Participant {
	list := make([]message.Participant, len(infos))
	for i, p := range infos {
		list[i] = message.Participant{
			ID: p.ID, Name: p.Name, Role: string(p.Role), Hand: p.Hand, HandAt: moment(p.HandAt), Connected: p.Connected,
			Sources: make([]message.Source, len(p.Sources)),
		}
		for j, s := range p.Sources {
			list[i].Sources[j] = message.Source{Source: string(s.Kind), Muted: s.Muted, MutedByServer: s.MutedByServer}
		}
	}
	return list
}

func mapMessage(ev media.MapChanged) *message.Map {
	m := &message.Map{Epoch: ev.Epoch, Slots: make([]message.Slot, len(ev.Slots))}
	for i, s := range ev.Slots {
		m.Slots[i] = message.Slot{
			Mid: s.Mid, Participant: s.Participant, Source: string(s.Source), State: string(s.State), Reason: s.Reason, Name: s.Name,
		}
		if s.State == media.SlotLive && s.Source.Video() {
			m.Slots[i].RTPFrom = &ev.Slots[i].From
		}
	}
	return m
}

func speakersMessage(ev media.SpeakersChanged) *message.Speakers {
	m := &message.Speakers{Speakers: make([]message.Speaker, len(ev.Speakers))}
	for i, s := range ev.Speakers {
		m.Speakers[i] = message.Speaker{Participant: s.Participant, Level: s.Level}
	}
	return m
}

func qualityMessage(ev media.QualityChanged) *message.Quality {
	m := &message.Quality{Participants: make([]message.Connection, len(ev.Participants))}
	for i, q := range ev.Participants {
		m.Participants[i] = message.Connection{Participant: q.Participant, Score: string(q.Score), Reason: q.Reason}
	}
	return m
}
