package configs

import (
	"strconv"
	"strings"
)

// Error is one thing that is wrong with the configuration.
type Error struct {
	// Where it comes from: a file and, when known, its line; or a variable of
	// the environment, or a flag; or nothing, when it is a default.
	File string
	Line int
	Env  string // ATRIUM_MEDIA_UDP_PORT
	Flag string // --media-udp-port
	// Key in full; "" when the file as a whole is meant.
	Key string
	// Message says what is wrong and what to do. It holds no secret's value.
	Message string
	// Nearest valid key to one that doesn't exist; "" when none is near.
	Nearest string
}

// Error is one sentence: where, which key, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Flag != "":
		b.WriteString(e.Flag + ": ")
	case e.Env != "":
		b.WriteString(e.Env + ": ")
	case e.File != "":
		b.WriteString(e.File)
		if e.Line > 0 {
			b.WriteString(":" + strconv.Itoa(e.Line))
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Message)
	if e.Nearest != "" {
		b.WriteString("; did you mean " + e.Nearest + "?")
	} else if e.Message == "no such key" {
		b.WriteString("; `atrium config print` lists the keys")
	}
	return b.String()
}
