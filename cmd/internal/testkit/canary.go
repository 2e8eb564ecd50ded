package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// Canaries are texts of people that mustn't stand anywhere (SE-19).
type Canaries []string

// In lists which of them stand in data, and in which form: as they are, as
// UTF-16, hexadecimal, base64, as JSON or a URL writes them; also in base64
// that stands in JSON.
func (c Canaries) In(data []byte) []string {
	var found []string
	lower := bytes.ToLower(data)
	for _, text := range c {
		for form, want := range forms(text) {
			in := data
			if form == "hex" {
				in = lower
			}
			if bytes.Contains(in, want) {
				found = append(found, text+" as "+form)
			}
		}
	}
	slices.Sort(found)
	return found
}

func forms(text string) map[string][]byte {
	list := map[string][]byte{
		"it is": []byte(text), "hex": []byte(hex.EncodeToString([]byte(text))),
		"URL": []byte(url.QueryEscape(text)), "UTF-16 LE": wide(text, 0), "UTF-16 BE": wide(text, 1),
	}
	if quoted, err := json.Marshal(text); err == nil {
		list["JSON"] = bytes.Trim(quoted, `"`)
	}
	for shift := range 3 {
		// What the bytes before don't change, and those after neither.
		all := base64.RawStdEncoding.EncodeToString(append(bytes.Repeat([]byte{'x'}, shift), text...))
		inner := all[(shift*8+5)/6 : (shift+len(text))*8/6]
		list["base64 "+strings.Repeat("+", shift)] = []byte(inner)
		list["base64url "+strings.Repeat("+", shift)] = []byte(strings.NewReplacer("+", "-", "/", "_").Replace(inner))
	}
	return list
}

// wide is text in UTF-16, with the high byte of each unit at an offset.
func wide(text string, high int) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		pair := [2]byte{byte(unit), byte(unit >> 8)}
		if high == 1 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		b = append(b, pair[:]...)
	}
	return b
}
