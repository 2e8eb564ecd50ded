package control

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the most runes of a name.
const maxName = 80

// CleanName trims white space around a name and checks it: 1 to 80 runes of
// valid UTF-8, nothing that controls a terminal, a line or the direction of
// text. The error is a *FieldError for field.
func CleanName(field, name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", &FieldError{Field: field, Message: "must be valid UTF-8"}
	}
	name = strings.TrimSpace(name)
	if name == "" {
		return "", &FieldError{Field: field, Message: "must not be empty"}
	}
	if utf8.RuneCountInString(name) > maxName {
		return "", &FieldError{Field: field, Message: fmt.Sprintf("must have at most %d characters", maxName)}
	}
	visible := false
	for _, r := range name {
		if forbidden(r) {
			return "", &FieldError{Field: field, Message: fmt.Sprintf("must not contain the character U+%04X", r)}
		}
		visible = visible || unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r)
	}
	if !visible {
		return "", &FieldError{Field: field, Message: "must contain a visible character"}
	}
	return name, nil
}

// forbidden says whether a rune could make a name look like something else,
// or break what shows it: controls, line and paragraph separators, the
// bidirectional embeddings, overrides and isolates (Unicode TR 36, section
// 2.4), private and unassigned specials. Joiners stay: several scripts need
// them.
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r),
		r == '\u2028', r == '\u2029',
		r >= '\u202A' && r <= '\u202E',
		r >= '\u2066' && r <= '\u2069',
		r == '\uFEFF', r == utf8.RuneError,
		unicode.Is(unicode.Co, r),
		unicode.Is(unicode.Noncharacter_Code_Point, r):
		return true
	}
	return false
}
