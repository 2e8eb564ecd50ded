package client

import (
	"errors"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

func camera(t *testing.T, rids ...string) Publication {
	t.Helper()
	v, err := source.NewTraceVideo(source.TraceConfig{RIDs: rids, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return Publication{Source: message.SourceCamera, Video: v}
}

func microphone() Publication {
	return Publication{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{})}
}

func starts(p rtp.Packet) (codecs.VP8Packet, bool) {
	var vp8 codecs.VP8Packet
	_, err := vp8.Unmarshal(p.Payload)
	return vp8, err == nil && vp8.S == 1 && vp8.PID == 0
}

func isKey(p rtp.Packet) bool {
	vp8, start := starts(p)
	return start && vp8.Payload[0]&1 == 0
}

// Every encoding arrives under its rid, begins with a key frame, and carries
// stamps and extensions.
func TestPublishSimulcast(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{Pairs: 1})
	c := f.mustConnect(ctx, func(o *Options) { o.Publish = []Publication{camera(t), microphone()} })
	if m := nextMessage[*message.Publish](ctx, f); m.Source != message.SourceCamera || m.Mid != "1" || !m.IsActive() {
		t.Errorf("announced %+v", m)
	}
	layers := map[string]uint8{"q": 0, "h": 1, "f": 2}
	seen := map[string]bool{}
	for len(seen) < 4 {
		r := f.next(ctx, func(received) bool { return true })
		var mark stamp.Stamp
		if stamp.Parse(r.packet.Payload, &mark) != stamp.Intact {
			continue // a small packet
		}
		if mark.Publisher != stamp.ID("me") || mark.Layer != layers[r.rid] {
			t.Fatalf("mid %s rid %q: stamp %+v", r.mid, r.rid, mark)
		}
		if age := time.Since(time.Unix(0, mark.Sent)); age < 0 || age > testTime {
			t.Errorf("sent %v ago", age)
		}
		if first := !seen[r.mid+r.rid]; first && r.mid == "1" && !isKey(r.packet) {
			t.Errorf("rid %s doesn't begin with a key frame", r.rid)
		}
		seen[r.mid+r.rid] = true
	}
	checkExtensions(t, f)
	if err := c.Publish(camera(t)); !errors.Is(err, ErrPublished) {
		t.Errorf("published twice: %v", err)
	}
	if err := c.Unpublish(message.SourceCamera); err != nil {
		t.Fatal(err)
	}
	stopped := func() bool { return !nextMessage[*message.Publish](ctx, f).IsActive() }
	for !stopped() {
	}
	if err := c.Unpublish(message.SourceCamera); !errors.Is(err, ErrNotPublished) {
		t.Errorf("unpublished twice: %v", err)
	}
	if got := c.Stats().Sent; got[1].RID != "q" || got[1].KeyFrames != 1 || got[1].Packets == 0 {
		t.Errorf("stats %+v", got)
	}
}

func checkExtensions(t *testing.T, f *fakeServer) {
	t.Helper()
	ctx := testContext(t)
	ids := map[string]uint8{}
	for _, tr := range f.pc.GetTransceivers()[:2] {
		for _, ext := range tr.Receiver().GetParameters().HeaderExtensions {
			ids[ext.URI] = uint8(ext.ID)
		}
	}
	audio := f.next(ctx, func(r received) bool { return r.mid == "0" }).packet
	video := f.next(ctx, func(r received) bool { return r.rid == "h" }).packet
	if mid := string(audio.GetExtension(ids[midURI])); mid != "0" {
		t.Errorf("audio: mid %q", mid)
	}
	var level rtp.AudioLevelExtension
	if err := level.Unmarshal(audio.GetExtension(ids[audioLevelURI])); err != nil || !level.Voice || level.Level == 127 {
		t.Errorf("audio level %+v, %v", level, err)
	}
	if mid, rid := string(video.GetExtension(ids[midURI])), string(video.GetExtension(ids[ridURI])); mid != "1" || rid != "h" {
		t.Errorf("video: mid %q, rid %q", mid, rid)
	}
	var sent rtp.AbsSendTimeExtension
	if err := sent.Unmarshal(video.GetExtension(ids[absSendTimeURI])); err != nil {
		t.Error(err)
	} else if age := time.Since(sent.Estimate(time.Now())); age < 0 || age > testTime {
		t.Errorf("abs-send-time is %v ago", age)
	}
	if len(video.GetExtension(ids[twccURI])) != 2 || len(audio.GetExtension(ids[twccURI])) != 2 {
		t.Error("no transport-wide sequence number")
	}
}

// A PLI gets a key frame in every encoding, and a frame's numbers go on.
func TestPLI(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	f.mustConnect(ctx, func(o *Options) { o.Publish = []Publication{camera(t)} })
	first := f.next(ctx, func(r received) bool { return r.rid == "q" })
	// A request sooner than 300 ms after the last key frame is refused, as
	// libwebrtc does, so ask a second later in the stream's own time.
	later := f.next(ctx, func(r received) bool { return r.rid == "q" && r.packet.Timestamp-first.packet.Timestamp > 30_000 })
	f.rtcp(&rtcp.PictureLossIndication{MediaSSRC: later.packet.SSRC})
	// The encodings are streams of their own: their key frames may come in
	// either order.
	keys := map[string]received{}
	f.next(ctx, func(r received) bool {
		if _, there := keys[r.rid]; !there && isKey(r.packet) && r.packet.Timestamp != first.packet.Timestamp {
			keys[r.rid] = r
		}
		_, q := keys["q"]
		_, h := keys["h"]
		return q && h
	})
	if after := keys["q"].packet.Timestamp - later.packet.Timestamp; after > 90_000 {
		t.Errorf("the key frame came %d ms later", after/90)
	}
}

// What is asked for again comes on the RTX stream of its encoding.
func TestNACK(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	c := f.mustConnect(ctx, func(o *Options) { o.Publish = []Publication{camera(t)} })
	want := f.next(ctx, func(r received) bool { return r.rid == "h" })
	f.rtcp(&rtcp.TransportLayerNack{
		MediaSSRC: want.packet.SSRC,
		Nacks:     rtcp.NackPairsFromSequenceNumbers([]uint16{want.packet.SequenceNumber, want.packet.SequenceNumber - 300}),
	})
	got := f.next(ctx, func(r received) bool { return r.rtx && r.rid == "h" })
	if got.packet.SequenceNumber != want.packet.SequenceNumber || string(got.packet.Payload) != string(want.packet.Payload) ||
		got.packet.Timestamp != want.packet.Timestamp || got.packet.Marker != want.packet.Marker {
		t.Errorf("resent %v, want %v", got.packet, want.packet)
	}
	for _, s := range c.Stats().Sent {
		if s.RID == "h" && s.Source == message.SourceCamera && (s.NACKs != 2 || s.RTX != 1) {
			t.Errorf("stats %+v, want 2 NACKs and 1 RTX", s)
		}
	}
}

// `layers` pauses encodings; one that comes back begins with a key frame.
func TestLayers(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	c := f.mustConnect(ctx, func(o *Options) { o.Publish = []Publication{camera(t)} })
	f.next(ctx, func(r received) bool { return r.rid == "h" })
	f.send(&message.Layers{Source: message.SourceCamera, RIDs: []string{"q"}})
	if err := c.WaitFor(ctx, func(s State) bool { return len(s.Layers[message.SourceCamera]) == 1 }); err != nil {
		t.Fatal(err)
	}
	// q goes on for ten frames, in which h has stopped.
	from := f.next(ctx, func(r received) bool { return r.rid == "q" }).packet.Timestamp
	var last uint32
	f.next(ctx, func(r received) bool {
		if r.rid == "h" {
			last = r.packet.Timestamp
		}
		return r.rid == "q" && r.packet.Timestamp-from > 30_000
	})
	f.send(&message.Layers{Source: message.SourceCamera, RIDs: []string{"q", "h"}})
	back := f.next(ctx, func(r received) bool { return r.rid == "h" && r.packet.Timestamp != last })
	if !isKey(back.packet) {
		t.Error("the encoding came back without a key frame")
	}
	if last != 0 && back.packet.Timestamp-last < 20_000 {
		t.Errorf("paused for %d ms only", (back.packet.Timestamp-last)/90)
	}
}

// Whoever has one encoding alone sends it when any other is needed, also when
// that was known before they published.
func TestOnlyLayer(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	c := f.mustConnect(ctx, nil)
	f.send(&message.Layers{Source: message.SourceCamera, RIDs: []string{"q"}})
	if err := c.WaitFor(ctx, func(s State) bool { return len(s.Layers[message.SourceCamera]) == 1 }); err != nil {
		t.Fatal(err)
	}
	video, err := source.NewTraceVideo(source.TraceConfig{RIDs: []string{"f"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(Publication{Source: message.SourceCamera, Video: video}); err != nil {
		t.Fatal(err)
	}
	f.next(ctx, func(r received) bool { return r.rid == "f" && isKey(r.packet) })
}

func TestPublishRefuses(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	f.reply = func(m message.ClientMessage) message.ServerMessage {
		if _, ok := m.(*message.Join); ok {
			return &message.Welcome{Participant: message.Self{ID: "me"}, Policy: message.Policy{}} // a viewer
		}
		return nil
	}
	c := f.mustConnect(ctx, nil)
	if err := c.Publish(microphone()); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a viewer: %v", err)
	}
	for name, pub := range map[string]Publication{
		"unknown source":   {Source: "face", Audio: microphone().Audio},
		"sound as picture": {Source: message.SourceCamera, Audio: microphone().Audio},
		"nothing":          {Source: message.SourceMicrophone},
		"unknown rid":      {Source: message.SourceScreen, Video: camera(t).Video},
	} {
		if err := c.Publish(pub); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// NearWrap leaves each stream less than a thousand packets and ten seconds
// until its numbers wrap (SE-11).
func TestNearWrap(t *testing.T) {
	for _, source := range []string{message.SourceMicrophone, message.SourceCamera} {
		s := newSender(source, "stream", []string{"q", "f"}, &transportSequence{})
		s.nearWrap()
		for _, e := range s.encodings {
			if left := -e.header.SequenceNumber; left > 1024 {
				t.Errorf("%s %s: %d packets until the wrap", source, e.rid, left)
			}
			if left := -e.base; left > 10*e.clock {
				t.Errorf("%s %s: %d ticks until the wrap", source, e.rid, left)
			}
		}
	}
}

// Lip-sync: sender reports say when what is sent was captured, also after the
// source gave up time that it was behind.
func TestReportsFollowTimeGivenUp(t *testing.T) {
	e := &encoding{clock: 48_000, base: 77}
	began := time.Now()
	for i, late := range []time.Duration{0, 0, 700 * time.Millisecond, 0} {
		began = began.Add(late)
		at := time.Duration(i) * source.PacketTime
		e.beginLocked(at, began)
		e.packets++
		if r := e.senderReport(began.Add(at), true); r == nil || r.RTPTime != e.timestamp {
			t.Errorf("packet %d, captured at timestamp %d: the report says %+v", i, e.timestamp, r)
		}
	}
}
