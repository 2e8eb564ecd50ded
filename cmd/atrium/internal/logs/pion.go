package logs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// Pion returns a factory of loggers for pion's libraries. Whatever they say
// appears at level debug only, whichever level they give it: their warnings
// are about what a single peer sends and come once per packet. Addresses of
// peers and ICE passwords are masked (SE-19). What they say at trace is left
// out.
func Pion(log *slog.Logger) logging.LoggerFactory { return pionFactory{log} }

type pionFactory struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f pionFactory) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{f.log.With("pion", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (l pionLogger) say(level, text string) {
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	l.log.LogAttrs(context.Background(), slog.LevelDebug, mask(text), slog.String("pion_level", level))
}

// sayf formats only what is going to be written.
func (l pionLogger) sayf(level, format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.say(level, fmt.Sprintf(format, args...))
	}
}

func (l pionLogger) Trace(string)                      {}
func (l pionLogger) Tracef(string, ...any)             {}
func (l pionLogger) Debug(msg string)                  { l.say("debug", msg) }
func (l pionLogger) Debugf(format string, args ...any) { l.sayf("debug", format, args...) }
func (l pionLogger) Info(msg string)                   { l.say("info", msg) }
func (l pionLogger) Infof(format string, args ...any)  { l.sayf("info", format, args...) }
func (l pionLogger) Warn(msg string)                   { l.say("warn", msg) }
func (l pionLogger) Warnf(format string, args ...any)  { l.sayf("warn", format, args...) }
func (l pionLogger) Error(msg string)                  { l.say("error", msg) }
func (l pionLogger) Errorf(format string, args ...any) { l.sayf("error", format, args...) }
