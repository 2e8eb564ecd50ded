package server

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
)

// BenchmarkEntryAndAdmit has fifty people at a time enter a waiting area and be
// admitted, over HTTP on loopback, every step durable on the embedded store
// (PF-10: 500 a second, p99 50 ms).
func BenchmarkEntryAndAdmit(b *testing.B) {
	const atOnce = 50
	s, err := New(Options{Config: testConfig(b)})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	demo, err := s.Control().EnsureDemo(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * atOnce}
	defer transport.CloseIdleConnections()
	staff, err := api.New(urlOf(s), demo.APIKey, &http.Client{Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	guest, err := api.New(urlOf(s), "", &http.Client{Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	work := make(chan int, b.N)
	for i := range b.N {
		work <- i
	}
	close(work)
	entries, admissions := make([]time.Duration, b.N), make([]time.Duration, b.N)
	b.ResetTimer()
	var people sync.WaitGroup
	for range atOnce {
		people.Go(func() {
			for i := range work {
				began := time.Now()
				e, err := guest.Enter(b.Context(), api.EntrySpec{Link: demo.Area.Link, Fields: map[string]string{"name": "Guest"}})
				entries[i] = time.Since(began)
				if err != nil {
					b.Error(err)
					return
				}
				began = time.Now()
				_, err = staff.AdmitVisit(b.Context(), e.Visit.ID, api.AdmitSpec{Provider: &api.Provider{Name: "Dr Adler"}})
				admissions[i] = time.Since(began)
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	people.Wait()
	b.StopTimer()
	for name, list := range map[string][]time.Duration{"entry": entries, "admit": admissions} {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)*99/100].Microseconds())/1000, "ms-p99-"+name)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "visits/s")
}
