package bench

import (
	"math"
	"strconv"
	"strings"
)

// missing stands in tables for a figure that is null.
const missing = "–"

// formatField writes a field's value for people, with its unit.
func formatField(f Field) string {
	switch value := f.Value.(type) {
	case bool:
		return strconv.FormatBool(value)
	case string:
		return value
	case float64:
		return formatNumber(value, f.Unit)
	}
	return missing
}

// formatNumber writes a number of the given unit (as in the tags of [Result])
// with about three significant digits.
func formatNumber(x float64, unit string) string {
	switch unit {
	case "s":
		return formatSeconds(x)
	case "us":
		return significant(x) + " µs"
	case "ratio":
		return significant(x*100) + "%"
	case "bytes":
		return scaled(x, "B")
	case "bit/s":
		return scaled(x, "bit/s")
	case "cores":
		return significant(x) + " cores"
	case "/s":
		return scaled(x, "/s")
	}
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.FormatInt(int64(x), 10)
	}
	return significant(x)
}

func formatSeconds(x float64) string {
	switch size := math.Abs(x); {
	case size == 0 || size >= 1:
		return significant(x) + " s"
	case size >= 1e-3:
		return significant(x*1e3) + " ms"
	default:
		return significant(x*1e6) + " µs"
	}
}

func scaled(x float64, unit string) string {
	for _, step := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= step.size {
			return significant(x/step.size) + " " + step.name + unit
		}
	}
	return significant(x) + " " + unit
}

// significant writes three significant digits, never an exponent, and no
// trailing zeros after the point.
func significant(x float64) string {
	if x == 0 {
		return "0"
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(x))))
	text := strconv.FormatFloat(x, 'f', max(0, min(decimals, 9)), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
