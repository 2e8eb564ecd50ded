package media

import "github.com/pion/logging"

// silent is the log of a pion that isn't to say anything. pion's own discards
// too, but takes 14 kB for each connection to do so.
type silent struct{}

func (s silent) NewLogger(string) logging.LeveledLogger { return s }

func (silent) Trace(string)          {}
func (silent) Tracef(string, ...any) {}
func (silent) Debug(string)          {}
func (silent) Debugf(string, ...any) {}
func (silent) Info(string)           {}
func (silent) Infof(string, ...any)  {}
func (silent) Warn(string)           {}
func (silent) Warnf(string, ...any)  {}
func (silent) Error(string)          {}
func (silent) Errorf(string, ...any) {}
