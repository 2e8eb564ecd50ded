package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/atriumrtc/atrium/control/store"
)

// BenchmarkUpdate writes about what an entry writes (three records, 1 KB, and
// an index read), from one caller and from a hundred. updates/s counts what is
// on the disk; PF-10 asks for 500 entries and admits a second, p99 ≤ 50 ms.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 100} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "data"))
			var begun atomic.Int64
			var mu sync.Mutex
			latency := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					own := hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
					for i := begun.Add(1); i <= int64(b.N); i = begun.Add(1) {
						from := time.Now()
						if err := entry(s, i); err != nil {
							b.Error(err)
							return
						}
						_ = own.RecordValue(time.Since(from).Microseconds())
					}
					mu.Lock()
					defer mu.Unlock()
					latency.Merge(own)
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(latency.ValueAtQuantile(50))/1000, "p50-ms")
			b.ReportMetric(float64(latency.ValueAtQuantile(99))/1000, "p99-ms")
		})
	}
}

func entry(s store.Store, i int64) error {
	return s.Update(context.Background(), func(tx store.Tx) error {
		area := fmt.Sprintf("queue/%02d/", i%20)
		if err := tx.Range(area, "", func(string, []byte) error { return store.ErrStop }); err != nil {
			return err
		}
		for key, size := range map[string]int{
			fmt.Sprintf("visit/%08x", i*2654435761%(1<<32)): 600,
			area + fmt.Sprintf("%012d", i):                  100,
			fmt.Sprintf("audit/%012d", i):                   300,
		} {
			if err := tx.Put(key, make([]byte, size)); err != nil {
				return err
			}
		}
		return nil
	})
}
