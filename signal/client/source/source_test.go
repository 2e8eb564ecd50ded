package source

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
)

// The packets that we cut the recorded frames into are those that Chromium
// sent, byte for byte in size: realistic load depends on it.
func TestPacketsAreTheRecordedOnes(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(traceFile))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	frames := map[string][]int{}
	for _, r := range rows[1:] {
		size, err := strconv.Atoi(r[4])
		if err != nil {
			t.Fatal(err)
		}
		key := r[1] + "/" + r[2]
		frames[key] = append(frames[key], size)
	}
	for key, packets := range frames {
		total := 0
		for _, size := range packets {
			total += size - vp8.DescriptorSize
		}
		frame := make([]byte, total)
		if got := vp8.Packets(total); got != len(packets) {
			t.Errorf("%s: %d packets, Chromium made %d", key, got, len(packets))
			continue
		}
		for i, size := range packets {
			if got := len(vp8.Cut(frame, i, len(packets))) + vp8.DescriptorSize; got != size {
				t.Errorf("%s: packet %d has %d bytes, Chromium's %d", key, i, got, size)
			}
		}
	}
}

func TestTraceVideoPictures(t *testing.T) {
	v, err := NewTraceVideo(TraceConfig{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(v.RIDs(), ""); got != "qhf" {
		t.Fatalf("rids %q", got)
	}
	var p Picture
	bytesOf, framesOf := map[string]int{}, map[string]int{}
	var last time.Duration
	lastTID, breaks := uint8(0), 0
	const pictures = 3000
	for i := range pictures {
		if err := v.Capture(&p, Request{}); err != nil {
			t.Fatal(err)
		}
		if p.At != last || p.Next <= p.At || p.Next-p.At > 500*time.Millisecond {
			t.Fatalf("picture %d: at %v until %v, the one before ended at %v", i, p.At, p.Next, last)
		}
		last = p.Next
		for _, f := range p.Frames {
			if f.Key != (i == 0) {
				t.Fatalf("picture %d %s: key %v", i, f.RID, f.Key)
			}
			if gotKey := f.Data[0]&1 == 0; gotKey != f.Key {
				t.Fatalf("picture %d %s: the header says key %v", i, f.RID, gotKey)
			}
			bytesOf[f.RID] += len(f.Data)
			framesOf[f.RID]++
		}
		if len(p.Frames) == 0 {
			t.Fatalf("picture %d is empty", i)
		}
		// 0 2 1 2, also where the loop begins again. The recorded encoder
		// dropped a few pictures, which breaks the pattern there.
		if tid := p.Frames[0].TID; i > 0 && (lastTID == 2) == (tid == 2) {
			breaks++
		}
		lastTID = p.Frames[0].TID
	}
	if loops := int(last / (14 * time.Second)); breaks > 5*(loops+1) {
		t.Errorf("%d breaks of the pattern in %d loops", breaks, loops)
	}
	for rid, want := range map[string]float64{"q": 130e3, "h": 400e3, "f": 1.5e6} {
		rate := float64(bytesOf[rid]*8) / last.Seconds()
		if rate < want*0.8 || rate > want*1.2 {
			t.Errorf("%s: %.0f bit/s, want about %.0f", rid, rate, want)
		}
		if fps := float64(framesOf[rid]) / last.Seconds(); fps < 27 || fps > 31 {
			t.Errorf("%s: %.1f frames a second", rid, fps)
		}
	}
}

func TestTraceVideoKeyFrames(t *testing.T) {
	v, err := NewTraceVideo(TraceConfig{RIDs: []string{"q", "f"}})
	if err != nil {
		t.Fatal(err)
	}
	active := map[string]bool{"q": true, "f": true}
	capture := func(key bool) map[string]Frame {
		t.Helper()
		var p Picture
		if err := v.Capture(&p, Request{Key: key, Active: func(rid string) bool { return active[rid] }}); err != nil {
			t.Fatal(err)
		}
		frames := map[string]Frame{}
		for _, f := range p.Frames {
			frames[f.RID] = f
		}
		return frames
	}
	first := capture(false)
	mean := map[string]int{"q": 558, "f": 6551} // measured in the trace
	for rid, f := range first {
		if !f.Key || f.TID != 0 || len(f.Data) < 5*mean[rid] || len(f.Data) > 8*mean[rid] {
			t.Errorf("%s: first frame key %v, tid %d, %d bytes", rid, f.Key, f.TID, len(f.Data))
		}
		if !bytes.Equal(f.Data[3:6], []byte{0x9d, 0x01, 0x2a}) {
			t.Errorf("%s: no start code", rid)
		}
	}
	if f := capture(true)["f"]; f.Key {
		t.Error("a key frame 34 ms after the last")
	}
	for v.at-v.lastKey < keyInterval {
		capture(false)
	}
	if frames := capture(true); !frames["f"].Key || !frames["q"].Key {
		t.Errorf("no key frame on request: %+v", frames)
	}

	// An encoding that was paused begins with a key frame, the other goes on.
	active["f"] = false
	if _, sent := capture(false)["f"]; sent {
		t.Error("a paused encoding was made")
	}
	active["f"] = true
	for {
		frames := capture(false)
		if frames["q"].Key {
			t.Fatal("a key frame in an encoding that was never paused")
		}
		if f, sent := frames["f"]; sent {
			if !f.Key {
				t.Error("a resumed encoding begins without a key frame")
			}
			break
		}
	}
}

func TestTraceVideoRefusesRIDs(t *testing.T) {
	for _, rids := range [][]string{{"x"}, {"f", "q"}, {"q", "q"}} {
		if _, err := NewTraceVideo(TraceConfig{RIDs: rids}); !errors.Is(err, ErrRID) {
			t.Errorf("%q: %v", rids, err)
		}
	}
}

func TestParseTraceRefuses(t *testing.T) {
	const head = "arrival_us,rid,rtp_timestamp,sequence,payload_bytes,marker,keyframe,temporal_id\n"
	for name, text := range map[string]string{
		"empty":         "",
		"no rows":       head,
		"one picture":   head + "0,f,0,1,100,1,0,0\n",
		"unknown rid":   head + "0,x,0,1,100,1,0,0\n",
		"not a number":  head + "0,f,zero,1,100,1,0,0\n",
		"too small":     head + "0,f,0,1,6,1,0,0\n",
		"missing layer": head + "0,f,0,1,100,1,0,0\n0,f,3000,1,100,1,0,0\n",
		"short row":     head + "0,f,0\n",
	} {
		if _, err := parseTrace(strings.NewReader(text)); !errors.Is(err, ErrTrace) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCaptureAllocatesNothing(t *testing.T) {
	v, err := NewTraceVideo(TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	p := Picture{Frames: make([]Frame, 0, 3)}
	if n := testing.AllocsPerRun(500, func() { _ = v.Capture(&p, Request{}) }); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func TestSpeech(t *testing.T) {
	turn := func(at time.Duration) bool { return at < time.Second || at >= 2*time.Second }
	for _, dtx := range []bool{false, true} {
		s := NewSpeech(SpeechConfig{Pattern: turn, DTX: dtx})
		sent, markers := 0, 0
		for i := range 150 { // 3 s
			var p Packet
			if err := s.Next(&p); err != nil {
				t.Fatal(err)
			}
			talking := turn(time.Duration(i) * PacketTime)
			if p.Voice != talking || (p.Level == levelSilence) == talking {
				t.Fatalf("packet %d: voice %v, level %d", i, p.Voice, p.Level)
			}
			if talking && (len(p.Data) < 60 || len(p.Data) > 100 || p.Data[0] != opusTOC) {
				t.Fatalf("packet %d: % x", i, p.Data)
			}
			if !talking && len(p.Data) > 0 {
				sent++
			}
			if p.Marker {
				markers++
			}
		}
		want := 50
		if dtx {
			want = 3 // one every 400 ms
		}
		if sent != want || markers != 2 {
			t.Errorf("dtx %v: %d packets of silence, want %d; %d markers, want 2", dtx, sent, want, markers)
		}
	}
}

func TestTurnsKeepTheirMeans(t *testing.T) {
	talks := Turns(3, 2*time.Second, 4*time.Second)
	again := Turns(3, 2*time.Second, 4*time.Second)
	talking, total := 0, 0
	for at := time.Duration(0); at < time.Hour; at += PacketTime {
		is := talks(at)
		if is != again(at) {
			t.Fatal("the same seed gives other turns")
		}
		if is {
			talking++
		}
		total++
	}
	if share := float64(talking) / float64(total); share < 0.28 || share > 0.39 {
		t.Errorf("talks %.2f of the time, want about a third", share)
	}
	// A pause or talk of zero doesn't hang.
	Turns(1, 0, 0)(time.Minute)
}

func TestRotaLetsSomeTalkAtATime(t *testing.T) {
	const members, talkers = 10, 3
	heard := map[int]bool{}
	for at := time.Duration(0); at < 10*time.Second; at += 500 * time.Millisecond {
		now := 0
		for m := range members {
			if Rota(m, members, talkers, time.Second)(at) {
				now++
				heard[m] = true
			}
		}
		if now != talkers {
			t.Errorf("at %v: %d talk, want %d", at, now, talkers)
		}
	}
	if len(heard) != members {
		t.Errorf("only %d of %d ever talk", len(heard), members)
	}
}
