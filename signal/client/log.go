package client

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog hands pion's messages to slog, a level below where pion has them:
// what matters of them reaches the client as an error or a state anyway.
type pionLog struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l pionLog) NewLogger(scope string) logging.LeveledLogger {
	return pionScope{log: l.log, scope: scope}
}

type pionScope struct {
	log   *slog.Logger
	scope string
}

// levelTrace is for what pion says of every packet.
const levelTrace = slog.LevelDebug - 4

func (p pionScope) say(level slog.Level, text string) {
	p.log.Log(context.Background(), level, text, "scope", p.scope)
}

func (p pionScope) sayf(level slog.Level, format string, args []any) {
	// Formatting costs more than the packet that it is about.
	if p.log.Enabled(context.Background(), level) {
		p.say(level, fmt.Sprintf(format, args...))
	}
}

func (p pionScope) Trace(msg string)               { p.say(levelTrace, msg) }
func (p pionScope) Tracef(format string, a ...any) { p.sayf(levelTrace, format, a) }
func (p pionScope) Debug(msg string)               { p.say(levelTrace, msg) }
func (p pionScope) Debugf(format string, a ...any) { p.sayf(levelTrace, format, a) }
func (p pionScope) Info(msg string)                { p.say(slog.LevelDebug, msg) }
func (p pionScope) Infof(format string, a ...any)  { p.sayf(slog.LevelDebug, format, a) }
func (p pionScope) Warn(msg string)                { p.say(slog.LevelDebug, msg) }
func (p pionScope) Warnf(format string, a ...any)  { p.sayf(slog.LevelDebug, format, a) }
func (p pionScope) Error(msg string)               { p.say(slog.LevelWarn, msg) }
func (p pionScope) Errorf(format string, a ...any) { p.sayf(slog.LevelWarn, format, a) }
