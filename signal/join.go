package signal

import (
	"context"
	"errors"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// joinWork bounds the work on a join: verifying the token, entering the room.
const joinWork = 10 * time.Second

// handleFirst acts on the first message, which must be a join. Every error
// ends the connection.
func (c *session) handleFirst(data []byte) error {
	m, err := message.DecodeClient(data)
	if err != nil {
		return err
	}
	join, ok := m.(*message.Join)
	if !ok {
		return &refusal{message.CodeBadMessage, "the first message must be join, not " + m.MessageType()}
	}
	if join.Resume != "" {
		if st, ok := c.server.seats.find(join.Resume); ok {
			return c.resume(st, join)
		}
		if join.Token == "" {
			return &refusal{message.CodeResumeUnknown, "no seat is kept for this; ask for a new token"}
		}
	}
	return c.join(join)
}

// join takes a new seat.
func (c *session) join(join *message.Join) error {
	s := c.server
	ctx, cancel := context.WithTimeout(c.ctx, joinWork)
	defer cancel()
	a, err := s.authority.Admit(ctx, join.Token)
	if err != nil {
		return err
	}
	if err := c.checkOrigin(a); err != nil {
		return err
	}
	pool, err := fit(a.Pool, join.Slots)
	if err != nil {
		return err
	}
	st, kept, err := s.seats.reserve(ctx, a)
	if err != nil {
		return err
	}
	if kept {
		return c.takeOver(ctx, st, a)
	}
	st.started = c.started
	c.seat.Store(st)
	if s.isDraining() {
		err = &refusal{message.CodeShutdown, "the server is stopping and takes nobody new"}
	} else {
		err = c.enter(ctx, st, pool)
	}
	if err == nil {
		// A room that was deleted since it was looked up has just come back to
		// life: it ends again.
		err = s.authority.Seat(ctx, a)
	}
	if err == nil && !c.decide(phaseJoined) {
		err = &refusal{message.CodeTimeout, "the join took too long"}
	}
	if err != nil {
		c.abandon(st)
		return err
	}
	secret, ok := s.seats.take(st, c)
	if !ok {
		return nil // closed meanwhile: its bye is on the way
	}
	c.welcome(st, secret, false)
	return nil
}

// enter makes the participant and brings it to its room.
func (c *session) enter(ctx context.Context, st *seat, pool media.Pool) error {
	s, a := c.server, st.admission
	p, err := s.engine.add(media.ParticipantOptions{
		ID: a.ParticipantID, Name: st.name, Role: a.Role, Pool: pool, Observer: c,
	})
	if errors.Is(err, media.ErrClosed) {
		return &refusal{message.CodeShutdown, "the server is stopping"}
	}
	if err != nil {
		return err
	}
	s.seats.seatParticipant(st, p)
	if a.Room == nil {
		return nil
	}
	if err := s.engine.enter(ctx, p, *a.Room); err != nil {
		if errors.Is(err, media.ErrClosed) {
			return ErrRoomClosed
		}
		return err
	}
	return nil
}

// abandon undoes a join that failed.
func (c *session) abandon(st *seat) {
	c.seat.Store(nil)
	c.server.hub.leave(c)
	c.server.seats.remove(st, media.CloseLeft)
	if st.participant != nil {
		st.participant.Close(media.CloseLeft)
	}
}

// resume returns to a seat. A session that has it still is replaced.
func (c *session) resume(st *seat, join *message.Join) error {
	s := c.server
	if err := c.checkOrigin(st.admission); err != nil {
		return err
	}
	if !c.decide(phaseJoined) {
		return &refusal{message.CodeTimeout, "the join took too long"}
	}
	st, old, secret, ok := s.seats.claim(join.Resume, c)
	if !ok {
		return &refusal{message.CodeResumeUnknown, "no seat is kept for this; ask for a new token"}
	}
	return c.settle(st, old, secret)
}

// takeOver returns to a seat by a token of another than the one that it was
// taken with: only who was admitted again has it.
func (c *session) takeOver(ctx context.Context, st *seat, a Admission) error {
	s := c.server
	if err := s.authority.Seat(ctx, a); err != nil {
		return err
	}
	if !c.decide(phaseJoined) {
		return &refusal{message.CodeTimeout, "the join took too long"}
	}
	old, secret, ok := s.seats.takeOver(st, a.TokenID, c)
	if !ok {
		return &refusal{message.CodeResumeUnknown, "the seat has just gone; ask for a new token"}
	}
	return c.settle(st, old, secret)
}

// settle sits down in a seat that has just been given to the session.
func (c *session) settle(st *seat, old *session, secret string) error {
	s := c.server
	if old != nil {
		old.bye(message.CodeReplaced, "another connection has taken the seat over", false)
	}
	st.attach.Lock()
	defer st.attach.Unlock()
	if !s.seats.holds(st, c) {
		return &refusal{message.CodeReplaced, "another connection has taken the seat over"}
	}
	c.seat.Store(st)
	if err := st.participant.Attach(c); err != nil {
		if errors.Is(err, media.ErrClosed) {
			return &refusal{message.CodeResumeUnknown, "the seat has just gone; ask for a new token"}
		}
		return err
	}
	c.welcome(st, secret, true)
	return nil
}

func (c *session) welcome(st *seat, secret string, resumed bool) {
	s := c.server
	s.joined(c, resumed)
	a, p := st.admission, st.participant
	room, _ := p.peers()
	servers := []message.ICEServer{}
	if s.relays != nil {
		servers = append(servers, s.relays.Servers(a.ParticipantID, c.host)...)
	}
	c.out.begin(said(&message.Welcome{
		Participant: message.Self{ID: a.ParticipantID, Name: st.name, Role: string(a.Role)},
		Room:        room,
		Policy:      policyOf(a.Role, p.Pool(), s.seatTime),
		ICEServers:  servers,
		Resume:      secret,
		Resumed:     resumed,
		Now:         s.now().UTC().Truncate(time.Millisecond),
	}))
	s.tell(st)
	s.log.Info("joined", "participant_id", a.ParticipantID, "room_id", room, "resumed", resumed)
}

// checkOrigin holds a page of another origin to those of the admission, or,
// where that lists none, to those of the configuration.
func (c *session) checkOrigin(a Admission) error {
	allowed := a.Origins
	if len(allowed) == 0 {
		allowed = c.server.cfg.Load().AllowedOrigins
	}
	if c.origin == "" || allowsOrigin(allowed, c.origin) {
		return nil
	}
	return &refusal{message.CodeBadOrigin, "pages of " + c.origin + " may not use this token"}
}
