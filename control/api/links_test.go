package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
)

// raceLinks is how many links the race below is run for; control's own test
// has more.
const raceLinks = 4

// R-CN-4, SE-4: of a hundred simultaneous presses of Enter exactly one wins;
// looking, and every other method, uses nothing up.
func TestConsultNowRaceOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	for range raceLinks {
		started, err := c.app.ConsultNow(t.Context(), c.area.ID,
			client.ConsultSpec{Sending: client.Sending{To: client.Contact{Copy: true}}, Provider: c.provider}, "")
		c.ok(err)
		link := started.ConsultNow.Link
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"} {
			for _, path := range []string{"/entry", "/entry/look"} {
				req, err := http.NewRequestWithContext(t.Context(), method, c.url+prefix+path, strings.NewReader(`{"link":"`+link+`","fields":{"name":"Bot"}}`))
				c.ok(err)
				req.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultTransport.RoundTrip(req)
				c.ok(err)
				_ = resp.Body.Close()
			}
		}
		if lobby, err := c.app.Look(t.Context(), link); err != nil || lobby.Kind != "consult_now" {
			t.Fatalf("looked at %+v, %v", lobby, err)
		}
		if now, err := c.app.ReadConsultNow(t.Context(), started.ConsultNow.ID); err != nil || now.State != "opened" {
			t.Errorf("after a look: %+v, %v (R-CN-5)", now, err)
		}
		var winners []client.Admission
		var mu sync.Mutex
		var all sync.WaitGroup
		anybody := c.client("")
		for i := range 100 {
			all.Go(func() {
				a, err := anybody.Entry(t.Context(), link, fmt.Sprint("Guest ", i))
				if err != nil {
					refused(t, "a loser", err, 404, CodeLinkUnknown)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				winners = append(winners, a)
			})
		}
		all.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d winners", len(winners))
		}
		winner := c.guest(winners[0])
		if v, err := winner.OwnVisit(t.Context(), winner.visit.ID); err != nil || v.State != "in_call" {
			t.Errorf("the winner: %+v, %v", v, err)
		}
		// The winner comes back by the same link; nobody else does.
		if back, err := winner.Entry(t.Context(), link, "Again"); err != nil || back.Visit.ID != winner.visit.ID || back.VisitToken != "" {
			t.Errorf("the winner again: %+v, %v", back, err)
		}
		now, err := c.app.ReadConsultNow(t.Context(), started.ConsultNow.ID)
		if err != nil || now.State != "entered" || now.VisitID != winner.visit.ID || now.Link != "" {
			t.Errorf("entered: %+v, %v", now, err)
		}
	}
	if open, err := c.app.OpenConsultNow(t.Context(), c.area.ID, client.List{}); err != nil || len(open.Items) != 0 {
		t.Errorf("still open: %+v, %v", open, err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// R-CN-4, SE-5: links that are unknown, malformed, used, revoked, expired and
// reset are answered alike, byte for byte, by entering and looking.
func TestDeadLinksLookTheSame(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	consult := func() client.ConsultNow {
		made, err := c.app.ConsultNow(ctx, c.area.ID,
			client.ConsultSpec{Sending: client.Sending{To: client.Contact{Copy: true}}, Provider: c.provider}, "")
		c.ok(err)
		return made.ConsultNow
	}
	used, revoked := consult(), consult()
	c.enter(used.Link, "Ann")
	_, err := c.app.RevokeConsultNow(ctx, revoked.ID)
	c.ok(err)
	start := time.Now().Add(time.Hour)
	booked, err := c.app.BookAppointment(ctx, c.area.ID, client.AppointmentSpec{StartsAt: &start}, "")
	c.ok(err)
	c.ok(c.app.CancelAppointment(ctx, booked.ID))
	_, err = c.service.ResetAreaLink(ctx, control.System(), c.area.ID, nil)
	c.ok(err)
	unknown, _ := c.keys.NewLink()
	for _, path := range []string{"/entry", "/entry/look"} {
		first := ""
		for name, link := range map[string]string{
			"unknown": unknown, "malformed": "x", "used": used.Link, "revoked": revoked.Link, "cancelled": booked.Link, "reset": c.area.Link,
		} {
			body := `{"link":"` + link + `"`
			if path == "/entry" {
				body += `,"fields":{"name":"Eve"}`
			}
			req, err := http.NewRequestWithContext(ctx, "POST", c.url+prefix+path, strings.NewReader(body+"}"))
			c.ok(err)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultTransport.RoundTrip(req)
			c.ok(err)
			data, err := io.ReadAll(resp.Body)
			c.ok(err)
			_ = resp.Body.Close()
			resp.Header.Del("Date")
			got := fmt.Sprint(resp.StatusCode, resp.Header, string(data))
			if first == "" {
				first = got
			}
			if got != first || resp.StatusCode != 404 || !strings.Contains(got, CodeLinkUnknown) {
				t.Errorf("%s, %s: %s\nand another: %s", path, name, got, first)
			}
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
