package server

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/signal/message"
)

// calls lets control reach the calls that are going on: people and what they
// send in the engine, what they are told by signal. Every method answers
// control.ErrNotFound for who isn't in the room.
type calls struct {
	engine *media.Engine
	signal *signal.Server
}

// sources are all that somebody can publish.
var sources = [...]media.SourceKind{media.Microphone, media.Camera, media.Screen, media.ScreenAudio}

// Place implements control.Media. Who is silenced is so before they are in the
// room, and who no longer is only then (R-GC-5).
func (c calls) Place(ctx context.Context, people ...control.Placement) []error {
	there, errs := c.silenceAll(people)
	var arrivals []media.Arrival
	var index []int // of those in people
	rooms := make(map[string]*media.RoomOptions)
	for i, who := range people {
		if errs[i] == nil {
			a := media.Arrival{Participant: there[i], Room: c.described(rooms, who.Room)}
			arrivals, index = append(arrivals, a), append(index, i)
		}
	}
	for k, err := range c.engine.JoinTogether(ctx, arrivals...) {
		i := index[k]
		if err == nil && people[i].Room != nil {
			err = silence(arrivals[k].Participant, people[i].Silenced, false)
		}
		errs[i] = c.placed(err)
	}
	return errs
}

// described is a room that somebody comes into as media knows it, noted in rooms.
// Signal has been told what it needs to know of it.
func (c calls) described(rooms map[string]*media.RoomOptions, room *control.MediaRoom) *media.RoomOptions {
	if room == nil {
		return nil
	}
	o := rooms[room.ID]
	if o == nil {
		c.signal.Arrange(arrangement(*room))
		o = &media.RoomOptions{
			ID: room.ID, Name: room.Name, Kind: room.Kind, Call: room.Controls.Call, Capacity: room.Capacity, EndsAt: room.EndsAt,
		}
		rooms[room.ID] = o
	}
	return o
}

// silenceAll finds people, and mutes what is to be silent of them where they go:
// all at once, as each waits until nothing of theirs is under way.
func (c calls) silenceAll(people []control.Placement) (there []*media.Participant, errs []error) {
	there, errs = make([]*media.Participant, len(people)), make([]error, len(people))
	var muting sync.WaitGroup
	for i, who := range people {
		p := c.engine.Participant(who.ParticipantID)
		there[i] = p
		switch {
		case p == nil:
			errs[i] = control.ErrNotFound
		case len(who.Silenced) > 0:
			muting.Go(func() { errs[i] = c.placed(silence(p, who.Silenced, true)) })
		}
	}
	muting.Wait()
	return there, errs
}

// silence mutes those sources of a participant that are to be silent, or lets
// them unmute the others. Those stay muted until they do, as if they had muted
// them themselves: nobody unmutes somebody else (R-GC-5).
func silence(p *media.Participant, silenced []string, mute bool) error {
	for _, kind := range sources {
		if slices.Contains(silenced, string(kind)) != mute || p.MutedByServer(kind) == mute {
			continue
		}
		if err := setMuted(p, kind, mute); err != nil {
			return err
		}
	}
	return nil
}

// setMuted mutes a source by the server, or leaves it muted by its publisher.
func setMuted(p *media.Participant, kind media.SourceKind, mute bool) error {
	if !mute && p.MutedByServer(kind) {
		if err := p.SetMuted(kind, true); err != nil {
			return err
		}
	}
	return p.SetMutedByServer(kind, mute)
}

// arrangement is what signal tells of a room.
func arrangement(room control.MediaRoom) signal.Arrangement {
	a := signal.Arrangement{
		Room: room.ID, Name: room.Name, EndsAt: room.EndsAt,
		Call: room.Controls.Call, ChatOff: room.Controls.ChatOff,
		Spotlight: room.Controls.Spotlight, InCharge: room.Controls.InCharge,
		BreakoutsOpen: room.Controls.BreakoutsOpen, BreakoutsEndAt: room.Controls.BreakoutsEndAt,
	}
	for _, b := range room.Controls.Breakouts {
		a.Breakouts = append(a.Breakouts, message.Breakout{ID: b.ID, Name: b.Name})
	}
	return a
}

// Arrange implements control.Media.
func (c calls) Arrange(_ context.Context, room control.MediaRoom) error {
	if c.engine.Room(room.ID) != nil {
		c.signal.Arrange(arrangement(room))
	}
	return nil
}

// Attach implements control.Media.
func (c calls) Attach(_ context.Context, participantID string, roomIDs []string) error {
	p := c.engine.Participant(participantID)
	if p == nil {
		return control.ErrNotFound
	}
	return c.placed(p.AttachSource(media.Microphone, roomIDs))
}

// Tell implements control.Media.
func (c calls) Tell(_ context.Context, to control.Audience, n control.CallNotice) error {
	notice := message.Notice{Code: string(n.Code), Text: n.Text, From: n.From, Room: n.Room}
	if !n.At.IsZero() {
		notice.At = &n.At
	}
	c.signal.Tell(signal.Audience{Rooms: to.RoomIDs, Participants: to.ParticipantIDs}, notice)
	return nil
}

// placed says in control's words how a move went.
func (calls) placed(err error) error {
	switch {
	case errors.Is(err, media.ErrRoomFull):
		return &control.StateError{Code: control.CodeCallFull, Message: "The call is full; wait until somebody has left."}
	case errors.Is(err, media.ErrClosed):
		return control.ErrNotFound
	}
	return err
}

// Dismiss implements control.Media. Their clients are told what they are told
// when a room is closed.
func (c calls) Dismiss(_ context.Context, participantID string) error {
	p := c.engine.Participant(participantID)
	if p == nil {
		return control.ErrNotFound
	}
	p.Close(media.CloseRoomClosed)
	return nil
}

// CloseRoom implements control.Media.
func (c calls) CloseRoom(_ context.Context, roomID string) error {
	if room := c.engine.Room(roomID); room != nil {
		room.Close(media.CloseRoomClosed)
	}
	return nil
}

// Participants implements control.Media.
func (c calls) Participants(_ context.Context, roomID string) ([]control.Participant, error) {
	room := c.engine.Room(roomID)
	if room == nil {
		return nil, nil
	}
	infos := room.Participants()
	list := make([]control.Participant, 0, len(infos))
	for _, info := range infos {
		p := control.Participant{
			ID: info.ID, Name: info.Name, Role: control.Role(info.Role),
			Hand: info.Hand, Connected: info.Connected,
		}
		for _, s := range info.Sources {
			p.Sources = append(p.Sources, control.Source{
				Source: string(s.Kind), Muted: s.Muted, MutedByServer: s.MutedByServer,
			})
		}
		list = append(list, p)
	}
	return list, nil
}

// Mute implements control.Media.
func (c calls) Mute(_ context.Context, roomID, participantID, source string, muted bool) error {
	p := c.find(roomID, participantID)
	kind := media.SourceKind(source)
	if p == nil || !slices.ContainsFunc(p.Info().Sources, func(s media.SourceInfo) bool { return s.Kind == kind }) {
		return control.ErrNotFound
	}
	return setMuted(p, kind, muted)
}

// Remove implements control.Media.
func (c calls) Remove(_ context.Context, roomID, participantID string) error {
	p := c.find(roomID, participantID)
	if roomID == "" {
		p = c.engine.Participant(participantID)
	}
	if p == nil {
		return control.ErrNotFound
	}
	p.Close(media.CloseRemoved)
	return nil
}

// find returns the participant if it is in the room.
func (c calls) find(roomID, participantID string) *media.Participant {
	p := c.engine.Participant(participantID)
	if p == nil {
		return nil
	}
	if room := p.Room(); room == nil || room.ID() != roomID {
		return nil
	}
	return p
}
