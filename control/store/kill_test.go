package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	childFile    = "ATRIUM_STORE_TEST_FILE"
	childWriters = 8
	// killWindow is how many of a writer's long records are kept: pages are
	// freed and used again all the time.
	killWindow = 10
)

// child writes from several goroutines and says so on stdout after each
// write, until it is killed.
func child(path string) int {
	b, err := store.Open(path, store.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	counts, err := writtenBy(b)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var wg sync.WaitGroup
	for w, n := range counts {
		wg.Go(func() {
			for ; ; n++ {
				err := killStep(b, w, n)
				if err == nil {
					_, err = os.Stdout.WriteString(fmt.Sprintf("%d %d\n", w, n)) // at once: a pipe cuts no short line
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return 1
}

// killStep is write n of writer w.
func killStep(b *store.Bolt, w, n int) error {
	return b.Update(context.Background(), func(tx store.Tx) error {
		data, err := tx.Get("total")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		total, _ := strconv.Atoi(string(data))
		return errors.Join(
			tx.Put("total", []byte(strconv.Itoa(total+1))),
			tx.Put(fmt.Sprintf("short/%d/%08d", w, n), nil),
			tx.Put(fmt.Sprintf("long/%d/%08d", w, n), []byte(strings.Repeat("v", n%3000))),
			tx.Delete(fmt.Sprintf("long/%d/%08d", w, n-killWindow)),
		)
	})
}

// writtenBy returns how many writes of each writer are in the store, after
// checking that each is there as a whole.
func writtenBy(b *store.Bolt) ([childWriters]int, error) {
	var counts [childWriters]int
	err := b.View(context.Background(), func(tx store.Tx) error {
		sum := 0
		for w := range counts {
			short, err := keysUnder(tx, fmt.Sprintf("short/%d/", w), 0)
			if err != nil {
				return err
			}
			counts[w] = short
			sum += short
			if _, err := keysUnder(tx, fmt.Sprintf("long/%d/", w), max(0, short-killWindow)); err != nil {
				return err
			}
		}
		data, err := tx.Get("total")
		if total, _ := strconv.Atoi(string(data)); total != sum {
			return fmt.Errorf("%d writes by the counter %q, %v; %d by their records", total, data, err, sum)
		}
		return nil
	})
	return counts, err
}

// keysUnder checks that the keys under prefix number on from first without a
// gap, and returns what the next one would be.
func keysUnder(tx store.Tx, prefix string, first int) (int, error) {
	next := first
	err := tx.Range(prefix, "", func(key string, value []byte) error {
		if want := fmt.Sprintf("%s%08d", prefix, next); key != want {
			return fmt.Errorf("found %s, want %s", key, want)
		}
		if strings.HasPrefix(prefix, "long") && len(value) != next%3000 {
			return fmt.Errorf("%s has %d bytes", key, len(value))
		}
		next++
		return nil
	})
	return next, err
}

// R-SE-12: kill -9 at random points under concurrent, grouped writes loses no
// acknowledged write and leaves none in part. ≥ 300 kills with -tags long.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	random := rand.New(rand.NewPCG(12, uint64(kills)))
	var before [childWriters]int
	for round := range kills {
		acknowledged := killOnce(t, path, before, random.IntN(80))
		b := open(t, path)
		got, err := writtenBy(b)
		if err != nil {
			t.Fatalf("kill %d: %v", round, err)
		}
		for w := range got {
			// One more may have been written and not acknowledged.
			if n := got[w] - acknowledged[w]; n < 0 || n > 1 {
				t.Fatalf("kill %d: writer %d has %d writes, and %d were acknowledged", round, w, got[w], acknowledged[w])
			}
		}
		before = got
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOnce runs a child, kills it after it acknowledged some writes, and
// returns how many of each writer are acknowledged in all.
func killOnce(t *testing.T, path string, acknowledged [childWriters]int, after int) [childWriters]int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	count := 0
	if after == 0 { // while it is starting
		_ = cmd.Process.Kill()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); { // until the process has ended
		var w, n int
		if _, err := fmt.Sscan(lines.Text(), &w, &n); err != nil || n != acknowledged[w] {
			t.Errorf("the child said %q, %v", lines.Text(), err)
			break
		}
		acknowledged[w]++
		if count++; count == after {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if count < after {
		t.Fatalf("the child ended by itself after %d writes", count)
	}
	return acknowledged
}
