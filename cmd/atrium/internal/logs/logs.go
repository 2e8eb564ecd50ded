package logs

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// New returns a log that writes to w. format is json, text or auto: text when
// w is a terminal. Setting level changes the log at once.
func New(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "text" || format != "json" && IsTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// IsTerminal says whether somebody reads w on a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
