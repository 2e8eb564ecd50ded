package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// Options say how to connect.
type Options struct {
	// URL of the server: "http(s)://host:port", to which the protocol's path
	// is added, or a whole ws(s):// or http(s):// URL of the WebSocket.
	URL string
	// Token is a join token. Resume, the secret of an earlier welcome, returns
	// to a seat; one of the two is needed.
	Token, Resume string

	// HTTPClient makes the WebSocket handshake; nil is one of our own.
	HTTPClient *http.Client
	// InsecureTLS accepts any certificate of the server (tests, development).
	// It is ignored when HTTPClient is given.
	InsecureTLS bool
	// Logger takes what goes wrong, and at debug level what pion says; nil
	// discards it.
	Logger *slog.Logger

	// ICETransportPolicy relay uses the TURN servers of the welcome and
	// nothing else. Otherwise they aren't used: the server is ICE-lite, and is
	// reached directly or not at all.
	ICETransportPolicy webrtc.ICETransportPolicy
	// NetworkTypes to gather; nil is UDP.
	NetworkTypes []webrtc.NetworkType
	// IPFilter says on which local addresses to gather; nil is all of them.
	IPFilter func(net.IP) bool
	// UDPMux shares a socket. An ICE-lite server tells clients apart by their
	// address, so one socket serves one client for each server.
	UDPMux ice.UDPMux

	// Light makes the client one of a load generator's many: its socket is read
	// and its sources are asked on one goroutine for all of them, every RTP
	// header is checked, and what is encrypted is decrypted and checked for one
	// packet in 64, beside all packets of a slot until the media that its map
	// promised is there, all resent ones, and all there are while
	// [Client.InspectAll] says so. Reports go out once a second,
	// transport-wide feedback doesn't. Who else is in the room, how well and who
	// speaks is as it was on entry: changes of it are neither kept nor handed to
	// Handlers. Sources must not block. Nil checks everything. UDPMux, IPFilter,
	// NetworkTypes and TURN are not for it.
	Light *Light
	// NearWrap begins all streams shortly before their sequence numbers and
	// timestamps wrap, for tests: within a thousand packets and ten seconds.
	NearWrap bool
	// Witness is told of every packet that a generator has stamped: who published
	// it (a stamp.ID), and when it was sent. It must not block, nor call the
	// client. A light client decrypts some packets only. Nil isn't told.
	Witness func(publisher uint64, sent time.Time)
	// IgnoreLayers sends all encodings, needed or not.
	IgnoreLayers bool

	// Publish is published before Connect returns.
	Publish []Publication
	// Handlers are told what happens.
	Handlers Handlers
}

// Publication is something to publish: one of Video and Audio, as Source asks.
type Publication struct {
	Source string // message.SourceCamera and so on
	Video  source.Video
	Audio  source.Audio
}

// Handlers are called for messages of the server, in order, from one
// goroutine, after the [State] has taken them in. They must not block, nor call
// Close, Leave, Resume, ICERestart or WaitFor. Nil ones are skipped.
type Handlers struct {
	Room         func(message.Room)
	Controls     func(message.Controls)
	Participants func(message.Participants)
	Map          func(message.Map)
	Layers       func(message.Layers)
	Speakers     func(message.Speakers)
	Quality      func(message.Quality)
	Chat         func(message.Chat)
	Transport    func(message.Transport)
	Notice       func(message.Notice)
	Error        func(message.Error)
	Bye          func(message.Bye)
	// Disconnected says that the WebSocket was lost without a bye. Media goes
	// on; [Client.Resume] returns to the seat.
	Disconnected func(error)
}

// Errors.
var (
	// ErrOptions says that Options can't be used.
	ErrOptions = errors.New("client: bad options")
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("client: closed")
	// ErrDisconnected says that the WebSocket is down: Resume.
	ErrDisconnected = errors.New("client: signalling is down")
	// ErrNotAllowed says that the role may not publish the source.
	ErrNotAllowed = errors.New("client: not allowed to publish this source")
	// ErrPublished says that the source is being published already.
	ErrPublished = errors.New("client: published already")
	// ErrNotPublished says that the source isn't being published.
	ErrNotPublished = errors.New("client: not published")
	// ErrProtocol says that the server did what the protocol doesn't allow.
	ErrProtocol = errors.New("client: the server broke the protocol")
)

// ByeError says that the server ended the connection. Retry says that
// connecting again may work.
type ByeError struct {
	Code, Reason string // Code as in package message
	Retry        bool
}

// Error implements error.
func (e *ByeError) Error() string {
	return fmt.Sprintf("client: the server said bye: %s (%s)", e.Code, e.Reason)
}

// RefusedError says that the server refused a request.
type RefusedError struct{ Code, Reason string } // Code as in package message

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("client: the server refused: %s (%s)", e.Code, e.Reason)
}

// endpoint is where the WebSocket is.
func endpoint(raw string) (address string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%w: URL %q isn't one of a server", ErrOptions, raw)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("%w: URL %q begins neither with http(s):// nor with ws(s)://", ErrOptions, raw)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = message.Path
	}
	return u.String(), nil
}
