package client

import (
	"context"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/signal/client/source"
)

// feeder takes what a publication makes and sends it when it is due: on a
// goroutine of its own ([feeder.run]), or as one of many on a poller's
// ([feeder.task]).
type feeder struct {
	s     *sender
	pub   Publication
	ended func(error)
	began time.Time
	at    time.Duration // when the next piece is due, since began
	// tolerance is how late it may be without being counted: until the one
	// after it is due.
	tolerance time.Duration

	picture source.Picture
	packet  source.Packet
}

// maxBehind is how far a source may fall behind before time is given up.
const maxBehind = 500 * time.Millisecond

// feed makes what feeds the m-line. ended is told why it ended.
func (s *sender) feed(pub Publication, ended func(error)) *feeder {
	return &feeder{s: s, pub: pub, ended: ended, began: time.Now()}
}

// run sends until ctx ends or the source does.
func (f *feeder) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		next, again := f.task(time.Now())
		if !again {
			return
		}
		timer.Reset(time.Until(next))
	}
}

// task sends what is due, and says when the next piece is.
func (f *feeder) task(now time.Time) (next time.Time, again bool) {
	late := now.Sub(f.began) - f.at
	if late > f.tolerance && f.tolerance > 0 {
		f.s.late.Add(1)
	}
	if late > maxBehind {
		f.began = f.began.Add(late)
	}
	send := f.sendAudio
	if f.s.video {
		send = f.sendVideo
	}
	if err := send(); err != nil {
		f.ended(err)
		return next, false
	}
	return f.began.Add(f.at), true
}

// sendVideo sends a picture.
func (f *feeder) sendVideo() error {
	// A source may refuse a key frame soon after another. Who needs one asks
	// again.
	req := source.Request{Key: f.s.wantKey.Swap(false), Active: f.s.active}
	if err := f.pub.Video.Capture(&f.picture, req); err != nil {
		return err
	}
	for i := range f.picture.Frames {
		frame := &f.picture.Frames[i]
		if e := f.s.encoding(frame.RID); e != nil && f.s.active(frame.RID) {
			if err := e.sendFrame(frame, f.picture.At, f.began); err != nil {
				return fmt.Errorf("send a frame: %w", err)
			}
		}
	}
	f.at, f.tolerance = f.picture.Next, f.picture.Next-f.picture.At
	return nil
}

// sendAudio sends the sound of the next 20 ms.
func (f *feeder) sendAudio() error {
	at := f.at
	f.at, f.tolerance = at+source.PacketTime, source.PacketTime
	if err := f.pub.Audio.Next(&f.packet); err != nil {
		return err
	}
	if f.s.muted.Load() || len(f.packet.Data) == 0 {
		return nil
	}
	if err := f.s.encodings[0].sendAudio(&f.packet, at, f.began); err != nil {
		return fmt.Errorf("send a packet: %w", err)
	}
	return nil
}
