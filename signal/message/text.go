package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CleanText takes out of a text what could only mislead or harm a reader: the
// control characters except line feed and tab, and the Unicode controls that
// embed, override or isolate a direction of writing, which can make a text read as another (as in
// CVE-2021-42574). White space at the ends goes too.
func CleanText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return keep(r)
	}, s))
}

// CleanName is CleanText for a single line of at most MaxName characters: runs
// of white space become one space, what is too long is cut.
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return keep(r)
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > MaxName {
		s = strings.TrimSpace(string([]rune(s)[:MaxName]))
	}
	return s
}

// keep is r, or -1 for a character that is to be dropped.
func keep(r rune) rune {
	switch {
	case unicode.IsControl(r), r == utf8.RuneError:
		return -1
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return -1
	}
	return r
}
