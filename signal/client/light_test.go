package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
)

func newLight(t *testing.T) *client.Light {
	t.Helper()
	l, err := client.NewLight()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("light clients are for Linux")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// eventually waits for a condition that no event tells of.
func eventually(ctx context.Context, t *testing.T, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("it doesn't come to that")
		}
	}
}

// Light clients see, hear and judge the same call as others do: what they leave
// out is no flaw, and they count as many packets as were sent to them.
func TestLightCallThroughAtrium(t *testing.T) {
	light := newLight(t)
	ctx, url, _ := start(t, media.SmallPool())
	lighten := func(o *client.Options) { o.Light = light }
	ann := join(ctx, t, url, "call", "ann", lighten)
	bob := join(ctx, t, url, "call", "bob", lighten)
	cy := join(ctx, t, url, "call", "cy", nil)
	await(ctx, t, ann, "it sees bob", seesAndHears("bob"))
	await(ctx, t, ann, "it sees cy", seesAndHears("cy"))
	await(ctx, t, bob, "it sees ann", seesAndHears("ann"))
	await(ctx, t, cy, "it sees bob", seesAndHears("bob"))
	// 3 s of media: enough for samples of every slot.
	eventually(ctx, t, func() bool { return ann.Stats().Audio.Packets > 300 && bob.Stats().Audio.Packets > 300 })
	// Who came after it, it isn't told.
	if a, b := len(ann.Participants()), len(bob.Participants()); a != 1 || b != 2 {
		t.Errorf("ann knows of %d, bob of %d in the room; want 1 and 2", a, b)
	}
	for _, c := range []*client.Client{ann, bob} {
		st := c.Stats()
		if v, a := flaws(st.Video), flaws(st.Audio); v != (check.Counts{}) || a != (check.Counts{}) {
			t.Errorf("%s: video %+v audio %+v", c.ID(), v, a)
		}
		if st.Video.Frames == 0 || st.Video.KeyFrames == 0 || st.Video.Stamped == 0 || st.Audio.Stamped == 0 || st.Unknown != 0 {
			t.Errorf("%s: video %+v audio %+v, %d unknown", c.ID(), st.Video, st.Audio, st.Unknown)
		}
		if few := st.Video.Packets / 4; st.Video.Stamped > few {
			t.Errorf("%s inspected %d of %d packets of video", c.ID(), st.Video.Stamped, st.Video.Packets)
		}
		latency := check.NewLatency()
		c.AddLatency(latency, latency)
		if latency.TotalCount() == 0 {
			t.Errorf("%s: no latencies", c.ID())
		}
	}
}

// Where its caller expects a move, a light client leaves nothing out.
func TestLightInspectsAll(t *testing.T) {
	light := newLight(t)
	ctx, url, _ := start(t, media.SmallPool())
	ann := join(ctx, t, url, "call", "ann", func(o *client.Options) { o.Light = light })
	join(ctx, t, url, "call", "bob", nil)
	await(ctx, t, ann, "it sees bob", seesAndHears("bob"))
	ann.InspectAll(true)
	ann.ResetStats()
	// One in 64 of them would take minutes.
	eventually(ctx, t, func() bool { return ann.Stats().Video.Stamped > 100 })
	if v := flaws(ann.Stats().Video); v != (check.Counts{}) {
		t.Errorf("%+v", v)
	}
	ann.InspectAll(false)
	ann.ResetStats()
	// Some are still on their way to be inspected; those that come are left out.
	eventually(ctx, t, func() bool {
		st := ann.Stats().Video
		return st.Packets > 100 && st.Stamped < st.Packets/10
	})
	if v := flaws(ann.Stats().Video); v != (check.Counts{}) {
		t.Errorf("%+v", v)
	}
}

// A light client's slots follow a move as others' do, and an ICE restart finds
// its socket again.
func TestLightMoveAndRestart(t *testing.T) {
	light := newLight(t)
	ctx, url, engine := start(t, media.SmallPool())
	ann := join(ctx, t, url, "one", "ann", func(o *client.Options) { o.Light = light })
	join(ctx, t, url, "one", "bob", nil)
	cy := join(ctx, t, url, "two", "cy", nil)
	await(ctx, t, ann, "it sees bob", seesAndHears("bob"))
	if err := engine.Move(ctx, engine.Participant("ann"), engine.Room("two")); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, ann, "it sees cy", seesAndHears("cy"))
	await(ctx, t, cy, "it sees ann", seesAndHears("ann"))
	if err := ann.ICERestart(ctx); err != nil {
		t.Fatal(err)
	}
	before := ann.Stats().Audio.Packets
	eventually(ctx, t, func() bool { return ann.Stats().Audio.Packets > before+20 })
	st := ann.Stats()
	if st.Video.Misrouted+st.Audio.Misrouted+st.Video.NoKeyFrame+st.Video.Timestamps+st.Audio.Timestamps > 0 {
		t.Errorf("video %+v audio %+v", st.Video, st.Audio)
	}
}
