//go:build !linux

package udp

import (
	"syscall"
)

// Other systems read and write one datagram at a time, with one socket.
const canSharePort = false

func sharePort(string, string, syscall.RawConn) error { return nil }

func (s *socket) probe(Config) {}

func newFastSender(s *socket) sender { return &portableSender{s} }

func newFastReceiver(s *socket) receiver { return &portableReceiver{conn: s.conn} }
