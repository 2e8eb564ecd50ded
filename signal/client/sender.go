package client

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// sender is a send m-line: the encodings of one source, and what feeds them
// while it is being published.
type sender struct {
	source    string
	video     bool
	encodings []*encoding

	wantKey atomic.Bool
	muted   atomic.Bool
	paused  atomic.Uint32 // bit i: nobody needs encodings[i]
	late    atomic.Uint64
	makes   atomic.Pointer[[]string] // encodings that the publication has

	mu   sync.Mutex
	mid  string
	pump *pump // nil: not published
}

// pump is a running publication.
type pump struct {
	stop context.CancelFunc
	done chan struct{}
}

func newSender(source, stream string, rids []string, twcc *transportSequence) *sender {
	s := &sender{source: source, video: source == message.SourceCamera || source == message.SourceScreen}
	for i, rid := range rids {
		s.encodings = append(s.encodings, newEncoding(s, stream, rid, uint8(i), twcc))
	}
	return s
}

// nearWrap begins the encodings where Options.NearWrap says. Their numbers stay
// unrelated.
func (s *sender) nearWrap() {
	for _, e := range s.encodings {
		e.header.SequenceNumber |= 0xfc00
		e.repair.SequenceNumber |= 0xfff0
		e.base = ^uint32(0) - e.base%(10*e.clock)
	}
}

// add adds the m-line to a PeerConnection.
func (s *sender) add(pc *webrtc.PeerConnection) error {
	tr, err := pc.AddTransceiverFromTrack(s.encodings[0], webrtc.RTPTransceiverInit{
		Direction: webrtc.RTPTransceiverDirectionSendonly,
	})
	if err != nil {
		return err
	}
	for _, e := range s.encodings[1:] {
		if err := tr.Sender().AddEncoding(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) setMid(mid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mid = mid
	for _, e := range s.encodings {
		e.setMid(mid)
	}
}

// setLayers pauses the encodings that aren't among rids. Of a publication that
// has none of those that are needed, what it has goes on: the server, which
// hasn't seen it yet, can't ask for it.
func (s *sender) setLayers(rids []string) {
	if !s.video {
		return
	}
	has := func(rid string) bool { return slices.Contains(rids, rid) }
	if makes := s.makes.Load(); makes != nil && len(rids) > 0 && !slices.ContainsFunc(*makes, has) {
		rids = *makes
	}
	var paused uint32
	for i, e := range s.encodings {
		if !slices.Contains(rids, e.rid) {
			paused |= 1 << i
		}
	}
	s.paused.Store(paused)
}

func (s *sender) setMuted(muted bool) {
	if s.muted.Swap(muted) && !muted {
		s.wantKey.Store(true) // as an encoder does that had nothing to refer to
	}
}

// active says whether an encoding is to be made.
func (s *sender) active(rid string) bool {
	i := slices.IndexFunc(s.encodings, func(e *encoding) bool { return e.rid == rid })
	return i >= 0 && s.paused.Load()&(1<<i) == 0 && !s.muted.Load()
}

// published says whether there is a publication.
func (s *sender) published() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pump != nil
}

// start begins a publication.
func (s *sender) start(c *Client, pub Publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(c.ctx)
	s.pump = &pump{stop: cancel, done: make(chan struct{})}
	s.wantKey.Store(true)
	if s.video {
		rids := pub.Video.RIDs()
		s.makes.Store(&rids)
	}
	who := stamp.ID(c.ID())
	for _, e := range s.encodings {
		e.setPublisher(who)
	}
	f := s.feed(pub, func(err error) {
		if ctx.Err() == nil && !errors.Is(err, io.EOF) {
			c.log.Warn("a source ended", "source", s.source, "err", err)
		}
	})
	if socket := c.peerNow().socket; socket != nil {
		s.pump.together(socket.Run(f.task))
		return
	}
	go func(done chan struct{}) {
		defer close(done)
		f.run(ctx)
	}(s.pump.done)
}

// together makes the pump one of those that a light client's poller runs.
func (p *pump) together(stop func()) {
	cancel, done := p.stop, p.done
	p.stop = func() {
		cancel()
		stop()
		close(done)
	}
}

// stop ends the publication, and says whether there was one.
func (s *sender) stop() bool {
	s.mu.Lock()
	p := s.pump
	s.pump = nil
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.stop()
	<-p.done
	return true
}

func (s *sender) encoding(rid string) *encoding {
	for _, e := range s.encodings {
		if e.rid == rid {
			return e
		}
	}
	return nil
}
