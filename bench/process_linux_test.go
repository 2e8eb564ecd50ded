package bench

import (
	"os"
	"testing"
)

// The name of a process may hold brackets and blanks; times are in ticks.
func TestParseStat(t *testing.T) {
	rows := []struct {
		name, text string
		want       cpuTime
	}{
		{"usual", "12 (atrium) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0", cpuTime{true, 2.5, 0.5}},
		{"odd name", "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 100 200 0 0", cpuTime{true, 1, 2}},
		{"too short", "12 (atrium) S 1 2 3", cpuTime{}},
		{"no number", "12 (atrium) S 1 2 3 4 5 6 7 8 9 10 x 50 0 0", cpuTime{}},
		{"empty", "", cpuTime{}},
	}
	for _, row := range rows {
		if got := parseStat(row.text); got != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
	}
}

// A process's own figures are there; those of none are unknown, not zero.
func TestProcess(t *testing.T) {
	own := process{os.Getpid()}
	if used, ok := own.cpu().until(own.cpu()); !ok || used.user < 0 || used.system < 0 {
		t.Errorf("%+v, %v", used, ok)
	}
	if memory := own.resident(); memory == nil || *memory < 1<<20 {
		t.Errorf("memory %v", memory)
	}
	if _, ok := own.cpu().until(process{}.cpu()); ok || (process{}).resident() != nil {
		t.Error("figures of no process")
	}
}
