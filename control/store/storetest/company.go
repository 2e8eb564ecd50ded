package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

// testCompany: of many concurrent Updates some fail and some panic; that is
// theirs alone.
func testCompany(t *testing.T, s store.Store) {
	const writers = 60
	var want []string
	var wg sync.WaitGroup
	for i := range writers {
		key := fmt.Sprintf("%02d", i)
		if i%3 == 0 {
			want = append(want, key)
		}
		wg.Go(func() {
			defer func() {
				if p := recover(); (p == key) != (i%3 == 2) {
					t.Errorf("writer %d panicked with %v", i, p)
				}
			}()
			err := s.Update(context.Background(), func(tx store.Tx) error {
				err := errors.Join(tx.Put(key, []byte(key)), tx.Delete("00"), tx.Put("shared", nil))
				switch i % 3 {
				case 1:
					return errOwn
				case 2:
					panic(key)
				}
				return errors.Join(err, tx.Delete("shared"), tx.Put("00", []byte("00")))
			})
			if wantErr := i%3 == 1; wantErr != errors.Is(err, errOwn) || !wantErr && err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	wantKeys(t, s, want...)
}

// testGoexit: a function that ends its goroutine, as t.Fatal does, leaves
// nothing locked and nothing written.
func testGoexit(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				put(t, s, fmt.Sprint(i))
				return
			}
			_ = s.Update(context.Background(), func(tx store.Tx) error {
				_ = tx.Put(fmt.Sprint(i), nil)
				runtime.Goexit()
				return nil
			})
		})
	}
	wg.Wait()
	wantKeys(t, s, "0", "2", "4", "6")
}
