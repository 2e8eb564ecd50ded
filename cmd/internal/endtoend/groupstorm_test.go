package endtoend

import (
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// stormPeople open their links within stormTime.
	stormPeople = 60
	stormTime   = 2 * time.Second
	// stormLimit is ten times what all may take to see and hear somebody.
	stormLimit = 20 * time.Second
)

// 60 people who have registered open their links within two seconds, with all the
// limits that a server comes with, and are admitted by one request: all hear and
// see somebody (R-GC-1, R-GC-2, SE-5, SE-9). One more waits, and stays where
// they are.
func TestGroupStorm(t *testing.T) {
	light, err := client.NewLight()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = light.Close() })
	s := newConsultation(t)
	s.light = light
	host := s.lead(byDefault)
	links := s.register(stormPeople + 1)
	people := make([]*attendee, stormPeople)
	from := time.Now()
	s.each(stormPeople, func(i int) (err error) {
		due := time.NewTimer(time.Until(from.Add(stormTime * time.Duration(i) / stormPeople)))
		defer due.Stop()
		<-due.C
		people[i], err = s.enter(i, links[i])
		return err
	})
	waiting := time.Since(from)
	late, err := s.enter(stormPeople, links[stormPeople])
	if err != nil {
		t.Fatal(err)
	}

	var done api.GroupAdmissions
	sent := time.Now()
	s.move(func() { done, err = s.app.AdmitAllToGroup(t.Context(), s.group.ID) }, s.call, ids(people)...)
	answered := time.Since(sent)
	if err != nil || len(done.Admitted) != stormPeople || len(done.Refused) != 1 || done.Refused[0].Visit != late.visit || done.Refused[0].Code != "call_full" {
		t.Fatalf("%d admitted, refused %+v; %v", len(done.Admitted), done.Refused, err)
	}
	var heard, seen time.Duration
	for _, a := range append(people, host) {
		a.comesTo(t, "hears and sees somebody", func(st client.State) bool {
			first := firsts(st)
			hears, sees := first[message.SourceMicrophone], first[message.SourceCamera]
			if st.Room.ID != s.call || hears.IsZero() || sees.IsZero() {
				return false
			}
			heard, seen = max(heard, hears.Sub(sent)), max(seen, sees.Sub(sent))
			return true
		})
	}
	t.Logf("%d were in the lobby %v after the first link was opened; admitted in %v, all heard after %v, all saw after %v",
		stormPeople, waiting.Round(time.Millisecond), answered.Round(time.Millisecond), heard.Round(time.Millisecond), seen.Round(time.Millisecond))
	if max(heard, seen) > stormLimit {
		t.Errorf("all see and hear after %v", max(heard, seen))
	}
	if id := late.Room().ID; id != "" || len(late.State().Receiving) != 0 {
		t.Errorf("who wasn't admitted is in %q, and receives %+v", id, late.State().Receiving)
	}
	faultless(t, append(people, late)...)
}
