package endtoend

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// consultation is a group consultation over the API of a server that can be
// killed, with people of signal/client.
type consultation struct {
	t     *testing.T
	k     *killable
	light *client.Light // nil: people decrypt everything
	// camera is what somebody publishes; nil is what can't be decoded.
	camera func(seed int) (source.Video, error)
	key    string
	app    *api.Client // with key
	anon   *api.Client // with none
	group  api.Group
	call   string // its id is the main room's
	rooms  *check.Rooms
}

// attendee is somebody in a consultation.
type attendee struct {
	*client.Client
	name       string
	visit      string // of a participant
	visitToken string
	// rooms and people count messages about the room: moves, and who came, went
	// or changed.
	rooms, people atomic.Int64
	stray         atomic.Int64 // packets of another room
}

// newConsultation schedules one in a server of its own, whose limits are those
// that it comes with (SE-5, SE-9).
func newConsultation(t *testing.T) *consultation {
	t.Helper()
	s := &consultation{t: t, k: &killable{t: t, dir: t.TempDir(), port: freePort(t)}, rooms: check.NewRooms()}
	s.k.start()
	t.Cleanup(s.k.kill)
	key, area, _ := found(t, s.k)
	s.key = key
	s.reach()
	now := time.Now()
	var err error
	s.group, err = s.app.CreateGroup(t.Context(), area, api.GroupSpec{
		Title: "Group", StartsAt: &now, DurationMinutes: 60, Capacity: 60, Registration: "open", Names: "full",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reach makes clients of the API; after the server was killed they must be new.
func (s *consultation) reach() {
	s.t.Helper()
	s.app, s.anon = newClient(s.t, s.k.url(), s.key), newClient(s.t, s.k.url(), "")
}

// register registers people, and returns their personal links.
func (s *consultation) register(people int) (links []string) {
	s.t.Helper()
	links = make([]string, people)
	s.each(people, func(i int) error {
		in, err := s.anon.Register(s.t.Context(), api.EntrySpec{
			Link: s.group.Link, Fields: map[string]string{"name": fmt.Sprint("Guest ", i)}, Consent: true,
		})
		links[i] = in.Link
		return err
	})
	return links
}

// each does something n times at once.
func (s *consultation) each(n int, do func(i int) error) {
	s.t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			s.t.Fatalf("%d: %v\n%s", i, err, s.k.logs)
		}
	}
}

// enter opens a personal link, and waits in the lobby.
func (s *consultation) enter(i int, link string) (*attendee, error) {
	in, err := s.anon.Enter(s.t.Context(), api.EntrySpec{Link: link, Consent: true})
	if err != nil {
		return nil, err
	}
	a := &attendee{name: fmt.Sprint("Guest ", i), visit: in.Visit.ID, visitToken: in.VisitToken}
	return a, s.sit(a, i, in.Token, byDefault)
}

// byDefault connects somebody as signal/client does.
func byDefault(*client.Options) {}

// lead starts the group, or returns to it, as its host, by a way of their own;
// assist comes in beside them.
func (s *consultation) lead(way func(*client.Options)) *attendee {
	s.t.Helper()
	in, err := s.app.StartGroup(s.t.Context(), s.group.ID, &api.Provider{Name: "Host", Ref: "host"})
	a := &attendee{name: "Host"}
	if err == nil {
		s.call = in.Call.ID
		s.move(func() {}, s.call, in.ParticipantID)
		err = s.sit(a, 100, in.Token, way)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *consultation) assist() *attendee {
	s.t.Helper()
	in, err := s.app.JoinGroup(s.t.Context(), s.group.ID, &api.Provider{Name: "Assistant", Ref: "assistant"})
	a := &attendee{name: "Assistant"}
	if err == nil {
		s.move(func() {}, s.call, in.ParticipantID)
		err = s.sit(a, 101, in.Token, byDefault)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// sit connects somebody, who speaks and is seen.
func (s *consultation) sit(a *attendee, seed int, token api.Token, way func(*client.Options)) error {
	own := stamp.ID(token.ParticipantID)
	camera, err := s.film(seed)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	o := client.Options{
		URL: s.k.url(), Token: token.Token, Light: s.light, IPFilter: net.IP.IsLoopback,
		Publish: []client.Publication{
			{Source: message.SourceCamera, Video: camera},
			{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{Seed: uint64(seed)})},
		},
		Witness: func(publisher uint64, sent time.Time) {
			if s.rooms.Stray(own, publisher, sent) {
				a.stray.Add(1)
			}
		},
		Handlers: client.Handlers{
			Room:         func(message.Room) { a.rooms.Add(1) },
			Participants: func(message.Participants) { a.people.Add(1) },
		},
	}
	way(&o)
	a.Client, err = client.Connect(ctx, o)
	if err == nil {
		s.t.Cleanup(func() { _ = a.Close() }) // never fails
	}
	return err
}

// film is the camera of somebody.
func (s *consultation) film(seed int) (source.Video, error) {
	if s.camera != nil {
		return s.camera(seed)
	}
	return source.NewTraceVideo(source.TraceConfig{Seed: uint64(seed), RIDs: []string{"f"}})
}

// admitted lets people register, wait and be admitted, all of them.
func (s *consultation) admitted(people int) []*attendee {
	s.t.Helper()
	links := s.register(people)
	all := make([]*attendee, people)
	s.each(people, func(i int) (err error) {
		all[i], err = s.enter(i, links[i])
		return err
	})
	s.move(func() {
		done, err := s.app.AdmitAllToGroup(s.t.Context(), s.group.ID)
		if err != nil || len(done.Admitted) != people {
			s.t.Fatalf("%+v %v", done, err)
		}
	}, s.call, ids(all)...)
	return all
}

// move does something that moves people into a room: whoever is elsewhere then
// must receive nothing of them.
func (s *consultation) move(do func(), room string, participants ...string) {
	to := map[string]string{}
	for _, id := range participants {
		to[id] = room
	}
	s.moveAll(do, to)
}

// moveAll is move into several rooms, by participant id.
func (s *consultation) moveAll(do func(), to map[string]string) {
	s.t.Helper()
	s.rooms.Moving(to)
	do()
	s.rooms.Moved()
}

func ids(people []*attendee) (all []string) {
	for _, a := range people {
		all = append(all, a.ID())
	}
	return all
}

// faultless says of people that none has exchanged SDP after the first answer, or
// received a packet of another room (R-GC-7).
func faultless(t *testing.T, people ...*attendee) {
	t.Helper()
	for _, a := range people {
		if st := a.Stats(); st.SDPAfterFirst != 0 || st.Unknown != 0 || a.stray.Load() != 0 {
			t.Errorf("%s: %d offers and answers, %d packets of unknown streams, %d of another room",
				a.name, st.SDPAfterFirst, st.Unknown, a.stray.Load())
		}
	}
}

// split opens breakouts, to which people belong in turn, and waits until each
// receives everybody of theirs. It returns where each of them is.
func (s *consultation) split(people []*attendee, rooms int, lasting time.Duration) (where []string) {
	s.t.Helper()
	plan := api.BreakoutPlan{Assign: "manual", DurationSeconds: int(lasting.Seconds())}
	for i := range rooms {
		room := api.BreakoutRoom{Name: fmt.Sprint("Room ", i)}
		for j := i; j < len(people); j += rooms {
			room.Participants = append(room.Participants, people[j].ID())
		}
		plan.Rooms = append(plan.Rooms, room)
	}
	planned, err := s.app.PlanBreakouts(s.t.Context(), s.call, plan)
	if err != nil {
		s.t.Fatal(err)
	}
	to := map[string]string{}
	for i, a := range people {
		where = append(where, planned.Rooms[i%rooms].ID)
		to[a.ID()] = where[i]
	}
	s.moveAll(func() {
		if _, err := s.app.OpenBreakouts(s.t.Context(), s.call); err != nil {
			s.t.Fatal(err)
		}
	}, to)
	for i, a := range people {
		a.receives(s.t, where[i], len(people)/rooms-1)
	}
	return where
}

// receives waits until somebody is in a room, where sound and video of so many
// come.
func (a *attendee) receives(t *testing.T, room string, others int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := a.WaitFor(ctx, func(st client.State) bool { return st.Room.ID == room && len(st.Receiving) >= 2*others })
	if err != nil {
		t.Fatalf("%s waits for %d others in %s: %v\n%+v", a.name, others, room, err, a.State())
	}
}

// comesTo waits until something holds of what somebody knows.
func (a *attendee) comesTo(t *testing.T, what string, holds func(client.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.WaitFor(ctx, holds); err != nil {
		t.Fatalf("%s: %s: %v\n%+v", a.name, what, err, a.State())
	}
}
