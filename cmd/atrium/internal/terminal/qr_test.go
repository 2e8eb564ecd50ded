package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestQR looks at what every QR code has: the finder pattern in three corners
// (7×7: frame, gap, 3×3 core) and none in the fourth, inside a light margin.
func TestQR(t *testing.T) {
	drawn, err := QR("https://192.0.2.1:8443/r#0123456789abcdef01234567")
	if err != nil {
		t.Fatal(err)
	}
	modules := undraw(t, drawn)
	size := len(modules[0]) - 2*quietZone
	if size < 21 || (size-17)%4 != 0 {
		t.Fatalf("%d modules wide: no version of the standard", size)
	}
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	has := func(left, top int) bool {
		for y, row := range finder {
			if string(modules[quietZone+top+y][quietZone+left:][:7]) != row {
				return false
			}
		}
		return true
	}
	far := size - 7
	if !has(0, 0) || !has(far, 0) || !has(0, far) || has(far, far) {
		t.Errorf("the finder patterns are not where they belong:\n%s", drawn)
	}
	for x := range modules[0] {
		if modules[0][x] != '.' || modules[quietZone-1][x] != '.' || modules[x][0] != '.' {
			t.Fatal("no margin")
		}
	}
}

// undraw turns half blocks back into rows of modules.
func undraw(t *testing.T, drawn string) [][]byte {
	t.Helper()
	var rows [][]byte
	for line := range strings.Lines(drawn) {
		line = strings.TrimPrefix(line, "\x1b[30;47m")
		line, ok := strings.CutSuffix(line, "\x1b[0m\n")
		if !ok {
			t.Fatalf("the colours are not reset in %q", line)
		}
		upper := make([]byte, 0, utf8.RuneCountInString(line))
		lower := make([]byte, 0, cap(upper))
		for _, r := range line {
			pair := map[rune]string{'█': "##", '▀': "#.", '▄': ".#", ' ': ".."}[r]
			if pair == "" {
				t.Fatalf("%q is no half block", r)
			}
			upper, lower = append(upper, pair[0]), append(lower, pair[1])
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

func TestQRTooLong(t *testing.T) {
	if _, err := QR(strings.Repeat("x", 5000)); err == nil {
		t.Error("5000 bytes fit no QR code")
	}
}
