package control_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// BenchmarkEntryAndAdmit is PF-10: guests enter and are admitted into calls of
// their own, by 64 providers at a time, every commit durable.
func BenchmarkEntryAndAdmit(b *testing.B) {
	f := newClinic(b, control.AreaSettings{})
	var areas []control.Area
	var doctors []control.Staff
	for i := range 20 {
		areas = append(areas, f.newArea(fmt.Sprint("Area ", i), control.AreaSettings{}))
	}
	const workers = 64
	for i := range workers {
		doctors = append(doctors, f.provider(fmt.Sprint("Dr ", i)))
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	b.ResetTimer()
	for w := range workers {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				g, err := f.tryEnter(areas[int(n)%len(areas)].Link, "Guest", nil)
				if err == nil {
					_, err = f.Admit(b.Context(), doctors[w], g.id, control.AdmitSpec{})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "visits/s")
}

// BenchmarkAdmitAll admits sixty who wait for a group at once (R-GC-2): one
// transaction, then their places.
func BenchmarkAdmitAll(b *testing.B) {
	f := newClinic(b, control.AreaSettings{})
	var took time.Duration
	for b.Loop() {
		g := f.groupIn(control.GroupSpec{})
		f.crowd(g, control.MaxGroupParticipants)
		f.starts(f.dr, g)
		start := time.Now()
		if _, err := f.AdmitAllToGroup(b.Context(), f.dr.Actor, g.ID); err != nil {
			b.Fatal(err)
		}
		took += time.Since(start)
		if err := f.EndGroup(b.Context(), f.dr.Actor, g.ID); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/admit-all")
}
