package terminal

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quietZone is the white margin in modules. The standard (ISO/IEC 18004) asks
// for four; phones read two as well, and a terminal is small.
const quietZone = 2

// QR returns text as a QR code, dark on light whatever the terminal's colours:
// scanners don't read all inverted codes. Each line ends with a newline. The
// error says that the text is too long.
func QR(text string) (string, error) {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	bounds := code.Bounds()
	dark := func(x, y int) bool {
		if !(image.Pt(x, y).In(bounds)) {
			return false
		}
		gray, _ := color.GrayModel.Convert(code.At(x, y)).(color.Gray)
		return gray.Y < 128
	}
	const blackOnWhite, reset = "\x1b[30;47m", "\x1b[0m"
	var b strings.Builder
	for y := bounds.Min.Y - quietZone; y < bounds.Max.Y+quietZone; y += 2 {
		b.WriteString(blackOnWhite)
		for x := bounds.Min.X - quietZone; x < bounds.Max.X+quietZone; x++ {
			switch upper, lower := dark(x, y), dark(x, y+1); {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString(reset + "\n")
	}
	return b.String(), nil
}
