package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/source"
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

// setLayers pauses the encodings that aren't among rids.
func (s *sender) setLayers(rids []string) {
	if !s.video {
		return
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
	who := stamp.ID(c.ID())
	for _, e := range s.encodings {
		e.setPublisher(who)
	}
	go func(done chan struct{}) {
		defer close(done)
		run := s.runVideo
		if !s.video {
			run = s.runAudio
		}
		if err := run(ctx, pub); err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
			c.log.Warn("a source ended", "source", s.source, "err", err)
		}
	}(s.pump.done)
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

// pace waits until a time since the beginning, and keeps the beginning right
// when the source or the machine can't keep up.
type pace struct {
	began time.Time
	timer *time.Timer
}

// maxBehind is how far a source may fall behind before time is given up.
const maxBehind = 500 * time.Millisecond

func newPace() *pace {
	p := &pace{began: time.Now(), timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

// wait waits until at. late says that it was more than a tolerance ago.
func (p *pace) wait(ctx context.Context, at, tolerance time.Duration) (late bool, err error) {
	ahead := at - time.Since(p.began)
	if ahead < -maxBehind {
		p.began = p.began.Add(-ahead)
	}
	if ahead <= 0 {
		return -ahead > tolerance, ctx.Err()
	}
	p.timer.Reset(ahead)
	select {
	case <-p.timer.C:
		return false, nil
	case <-ctx.Done():
		p.timer.Stop()
		return false, ctx.Err()
	}
}

// runVideo sends pictures until ctx ends or the source does.
func (s *sender) runVideo(ctx context.Context, pub Publication) error {
	pace := newPace()
	var picture source.Picture
	for {
		// A source may refuse a key frame soon after another. Who needs one
		// asks again.
		req := source.Request{Key: s.wantKey.Swap(false), Active: s.active}
		if err := pub.Video.Capture(&picture, req); err != nil {
			return err
		}
		for i := range picture.Frames {
			f := &picture.Frames[i]
			if e := s.encoding(f.RID); e != nil && s.active(f.RID) {
				if err := e.sendFrame(f, picture.At); err != nil {
					return fmt.Errorf("send a frame: %w", err)
				}
			}
		}
		late, err := pace.wait(ctx, picture.Next, picture.Next-picture.At)
		if err != nil {
			return err
		}
		if late {
			s.late.Add(1)
		}
	}
}

// runAudio sends a packet every 20 ms until ctx ends or the source does.
func (s *sender) runAudio(ctx context.Context, pub Publication) error {
	pace := newPace()
	var packet source.Packet
	for at := time.Duration(0); ; at += source.PacketTime {
		late, err := pace.wait(ctx, at, source.PacketTime)
		if err != nil {
			return err
		}
		if late {
			s.late.Add(1)
		}
		if err := pub.Audio.Next(&packet); err != nil {
			return err
		}
		if s.muted.Load() || len(packet.Data) == 0 {
			continue
		}
		if err := s.encodings[0].sendAudio(&packet, at); err != nil {
			return fmt.Errorf("send a packet: %w", err)
		}
	}
}

func (s *sender) encoding(rid string) *encoding {
	for _, e := range s.encodings {
		if e.rid == rid {
			return e
		}
	}
	return nil
}
