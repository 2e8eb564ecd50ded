package client

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// feed makes the packets of a slot, one frame in each, with numbers that wrap.
type feed struct {
	t         *testing.T
	slot      *slotTrack
	number    uint16
	timestamp uint32
	picture   vp8.Descriptor
	frame     uint32
}

func newFeed(t *testing.T, slot *slotTrack) *feed {
	return &feed{t: t, slot: slot, number: 65530, timestamp: ^uint32(0) - 9000, picture: vp8.Descriptor{PictureID: 0x7ffd, TL0: 254}}
}

// next makes the next packet; send sends it.
func (f *feed) next(who string, key bool) (rtp.Header, []byte) {
	f.number++
	f.timestamp += 3000
	f.frame++
	d := &f.picture
	d.Start, d.PictureID, d.TL0 = true, (d.PictureID+1)&0x7fff, d.TL0+1
	frame := make([]byte, 200)
	vp8.PutDeltaHeader(frame)
	if key {
		vp8.PutKeyHeader(frame, 320, 180)
	}
	payload := append(d.Append(nil), frame...)
	stamp.Put(payload, stamp.Stamp{Publisher: stamp.ID(who), Frame: f.frame, Sent: time.Now().UnixNano()})
	return rtp.Header{SequenceNumber: f.number, Timestamp: f.timestamp, Marker: true}, payload
}

func (f *feed) send(who string, key bool) {
	f.t.Helper()
	h, payload := f.next(who, key)
	f.slot.write(f.t, h, payload, nil)
}

func slotStats(c *Client, mid string) SlotStats {
	for _, s := range c.Stats().Slots {
		if s.Mid == mid {
			return s
		}
	}
	return SlotStats{}
}

// connectToSlots connects and maps the first video slot (mid 5) to "other".
func connectToSlots(t *testing.T) (*fakeServer, *Client, *feed) {
	t.Helper()
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{Pairs: 2})
	c := f.mustConnect(ctx, nil)
	f.waitUp(ctx)
	f.send(mapOf(1, "other"))
	if err := c.WaitFor(ctx, func(s State) bool { return len(s.Map.Slots) == 1 }); err != nil {
		t.Fatal(err)
	}
	return f, c, newFeed(t, f.slot("5"))
}

func mapOf(epoch uint64, who string) *message.Map {
	return &message.Map{Epoch: epoch, Slots: []message.Slot{
		{Mid: "5", Participant: who, Source: message.SourceCamera, State: message.SlotLive},
	}}
}

func TestReceive(t *testing.T) {
	ctx := testContext(t)
	f, c, feed := connectToSlots(t)
	for i := range 50 {
		feed.send("other", i == 0)
	}
	// Receiver reports say when all has come; they also say how much.
	f.feedback(ctx, "5", func(p rtcp.Packet) bool {
		r, ok := p.(*rtcp.ReceiverReport)
		return ok && len(r.Reports) > 0 && r.Reports[0].LastSequenceNumber == 65536+uint32(feed.number) && r.Reports[0].TotalLost == 0
	})
	if err := c.WaitFor(ctx, func(s State) bool { return s.Receives("other", message.SourceCamera) }); err != nil {
		t.Fatal(err)
	}
	got := slotStats(c, "5")
	want := check.Counts{Packets: 50, Bytes: 50 * 206, Frames: 50, KeyFrames: 1, Stamped: 50}
	if got.Counts != want {
		t.Errorf("got %+v\nwant %+v", got.Counts, want)
	}
	if got.FirstFrame == 0 || got.Participant != "other" {
		t.Errorf("slot %+v", got)
	}
	c.ResetStats()
	if after := c.Stats(); after.Video != (check.Counts{}) || after.Times.FirstVideo == 0 {
		t.Errorf("after a reset: %+v", after)
	}
}

// A lost packet is asked for, and what comes as RTX counts as recovered.
func TestReceiveNACKAndRTX(t *testing.T) {
	ctx := testContext(t)
	f, c, feed := connectToSlots(t)
	feed.send("other", true)
	lostHeader, lostPayload := feed.next("other", false)
	feed.send("other", false)
	f.feedback(ctx, "5", func(p rtcp.Packet) bool {
		nack, ok := p.(*rtcp.TransportLayerNack)
		return ok && len(nack.Nacks) == 1 && nack.Nacks[0].PacketID == lostHeader.SequenceNumber
	})
	rtxNumber := uint16(65535)
	feed.slot.write(t, lostHeader, lostPayload, &rtxNumber)
	rtxNumber++
	feed.slot.write(t, lostHeader, lostPayload, &rtxNumber) // a probe, as browsers send them
	feed.send("other", false)
	f.feedback(ctx, "5", func(p rtcp.Packet) bool {
		r, ok := p.(*rtcp.ReceiverReport)
		return ok && len(r.Reports) > 0 && uint16(r.Reports[0].LastSequenceNumber) == feed.number && r.Reports[0].TotalLost == 0
	})
	got := slotStats(c, "5").Counts
	if got.Recovered != 1 || got.RTX != 2 || got.Duplicates != 1 || got.Lost != 0 || got.Packets != 4 || got.NACKs == 0 {
		t.Errorf("%+v", got)
	}
}

// What is never resent is lost, and a key frame is asked for.
func TestReceiveLoss(t *testing.T) {
	ctx := testContext(t)
	f, c, feed := connectToSlots(t)
	feed.send("other", true)
	feed.next("other", false)
	feed.send("other", false)
	f.feedback(ctx, "5", func(p rtcp.Packet) bool {
		pli, ok := p.(*rtcp.PictureLossIndication)
		return ok && pli.MediaSSRC == feed.slot.ssrc
	})
	if got := slotStats(c, "5").Counts; got.Lost != 1 || got.PLIs != 1 || got.NACKs != 3 {
		t.Errorf("%+v", got)
	}
}

// Transport-wide feedback says which packets came.
func TestTransportFeedback(t *testing.T) {
	ctx := testContext(t)
	f, _, feed := connectToSlots(t)
	feed.send("other", true)
	f.feedback(ctx, "5", func(p rtcp.Packet) bool {
		_, ok := p.(*rtcp.TransportLayerCC)
		if ok {
			return true
		}
		feed.send("other", false)
		return false
	})
}

// R-GC: after a move nobody of the old room may be heard. A client that gets
// media of somebody else says so.
func TestReceiveAfterMove(t *testing.T) {
	ctx := testContext(t)
	f, c, feed := connectToSlots(t)
	feed.send("other", true)
	if err := c.WaitFor(ctx, func(s State) bool { return s.Receives("other", message.SourceCamera) }); err != nil {
		t.Fatal(err)
	}
	f.send(&message.Room{ID: "second", Kind: "plain", Epoch: 2})
	f.send(mapOf(1, "late map of the room before"))
	f.send(mapOf(2, "third"))
	if err := c.WaitFor(ctx, func(s State) bool { return s.Map.Epoch == 2 && len(s.Map.Slots) == 1 }); err != nil {
		t.Fatal(err)
	}
	if s := c.State(); len(s.Receiving) != 0 || s.Room.ID != "second" || s.Map.Slots[0].Participant != "third" {
		t.Errorf("after the move: %+v", s)
	}
	feed.send("other", false) // was still under way
	feed.send("third", true)
	if err := c.WaitFor(ctx, func(s State) bool { return s.Receives("third", message.SourceCamera) }); err != nil {
		t.Fatal(err)
	}
	if got := slotStats(c, "5").Counts; got.Late != 1 || got.Misrouted != 0 || got.NoKeyFrame != 0 {
		t.Errorf("%+v", got)
	}
	moves := c.Moves()
	if len(moves) != 2 || moves[0].Room != "room" || moves[1].Room != "second" || moves[1].Epoch != 2 {
		t.Fatalf("moves %+v", moves)
	}
	if m := moves[1]; m.FirstVideo.Before(m.At) || m.FirstVideo != c.State().Receiving[0].At || !m.FirstAudio.IsZero() || m.Gap != 0 {
		t.Errorf("move %+v", m)
	}
}

// What the answer doesn't name is counted, and disturbs nothing.
func TestUnknownSSRC(t *testing.T) {
	ctx := testContext(t)
	f, c, feed := connectToSlots(t)
	stranger := &slotTrack{out: feed.slot.out, ssrc: 4711, pt: vp8PT, twccID: feed.slot.twccID}
	h, payload := newFeed(t, feed.slot).next("other", true)
	stranger.write(t, h, payload, nil)
	feed.send("other", true)
	if err := c.WaitFor(ctx, func(s State) bool { return s.Receives("other", message.SourceCamera) }); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.Unknown != 1 || st.Video.Packets != 1 {
		t.Errorf("unknown %d, video %+v", st.Unknown, st.Video)
	}
	if f.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
		t.Error("the transport went down")
	}
}

// PF-8 for the generator: a packet that arrives in order costs no allocation.
func TestReceiveAllocatesNothing(t *testing.T) {
	r := newReceiver(func(Receiving) {}, false)
	r.lines([]line{{mid: "5", video: true, ssrc: 9, rtx: 10}})
	f := newFeed(t, nil)
	var packets [][]byte
	for i := range 300 {
		h, payload := f.next("other", i == 0)
		h.Version, h.SSRC = 2, 9
		if err := h.SetExtension(1, []byte("5")); err != nil {
			t.Fatal(err)
		}
		raw, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, raw)
	}
	i := 0
	if n := testing.AllocsPerRun(200, func() { r.rtp(9, packets[i]); i++ }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkReceive(b *testing.B) {
	r := newReceiver(func(Receiving) {}, false)
	r.lines([]line{{mid: "5", video: true, ssrc: 9, rtx: 10}})
	f := newFeed(nil, nil)
	var packets [1024][]byte
	for i := range packets {
		h, payload := f.next("other", i == 0)
		h.Version, h.SSRC = 2, 9
		packets[i], _ = (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	}
	b.ResetTimer()
	for i := range b.N {
		r.rtp(9, packets[i%len(packets)])
	}
}
