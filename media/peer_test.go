package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what takes milliseconds.
const patience = 15 * time.Second

func newTestEngine(t *testing.T) *Engine {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	return startEngine(t, cfg, Options{})
}

// bothCarriers runs a test with SRTP of our own and with pion's. The engine has
// ICE/TCP too, on loopback.
func bothCarriers(t *testing.T, test func(t *testing.T, e *Engine)) {
	t.Helper()
	bothConfigs(t, func(t *testing.T, cfg Config) { test(t, startEngine(t, cfg, Options{})) })
}

func bothConfigs(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Helper()
	for _, srtp := range []string{SRTPOwn, SRTPPion} {
		t.Run(srtp, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Address, cfg.UDPPort, cfg.TCPPort, cfg.SRTP = "127.0.0.1", 0, 0, srtp
			test(t, cfg)
		})
	}
}

func startEngine(t *testing.T, cfg Config, o Options) *Engine {
	t.Helper()
	e, err := NewEngine(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// received is a packet that a test peer got on a slot.
type received struct {
	mid string
	pkt *rtp.Packet
}

// testPeer is a participant with a pion client at the other end.
type testPeer struct {
	*Participant
	t      *testing.T
	pc     *webrtc.PeerConnection
	events *events
	mic    *webrtc.TrackLocalStaticRTP
	camera map[string]*webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	plis   chan string // rid of the camera layer that a PLI came for
	in     chan received
	up     chan struct{}

	// settings changes what the client connects over; rewrite its answer.
	settings func(*webrtc.SettingEngine)
	rewrite  func(answer string) string
}

func addPeer(t *testing.T, e *Engine, id string) *testPeer {
	t.Helper()
	p := newPeer(t, e, id, RoleParticipant, SmallPool())
	p.connect()
	return p
}

func newPeer(t *testing.T, e *Engine, id string, role Role, pool Pool) *testPeer {
	t.Helper()
	p := newUnbuiltPeer(t, e, id, role, pool)
	p.build()
	return p
}

// newUnbuiltPeer adds a participant whose client has no PeerConnection yet.
func newUnbuiltPeer(t *testing.T, e *Engine, id string, role Role, pool Pool) *testPeer {
	t.Helper()
	ev := newEvents()
	part, err := e.AddParticipant(ParticipantOptions{ID: id, Name: "N " + id, Role: role, Pool: pool, Observer: ev})
	if err != nil {
		t.Fatal(err)
	}
	p := &testPeer{Participant: part, t: t, events: ev}
	t.Cleanup(func() {
		if err := p.pc.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// build makes a PeerConnection with the lines of PROTOCOL.md.
func (p *testPeer) build() {
	t := p.t
	t.Helper()
	p.plis, p.in, p.up = make(chan string, 64), make(chan received, 4096), make(chan struct{})
	me := &webrtc.MediaEngine{}
	must(t, registerCodecs(me))
	se := webrtc.SettingEngine{}
	se.SetIncludeLoopbackCandidate(true)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetIPFilter(isLoopback)
	if p.settings != nil {
		p.settings(&se)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	p.pc = pc
	p.addLines()
	up := p.up
	var once sync.Once
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(up) })
		}
	})
	in := p.in
	pc.OnTrack(func(track *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		mid := r.RTPTransceiver().Mid()
		for {
			pkt, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case in <- received{mid, pkt}:
			default:
			}
		}
	})
}

func (p *testPeer) addLines() {
	t := p.t
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: audioClock, Channels: 2}
	vp8 := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock}
	var err error
	p.mic, err = webrtc.NewTrackLocalStaticRTP(opus, "mic", "me")
	must(t, err)
	p.camera = make(map[string]*webrtc.TrackLocalStaticRTP)
	for _, l := range p.pool.lines() {
		switch {
		case l.send == Microphone:
			_, err := p.pc.AddTransceiverFromTrack(p.mic, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			must(t, err)
		case l.send == Camera:
			p.addCamera(vp8)
		case l.send != "":
			kind := vp8
			if !l.video {
				kind = opus
			}
			track, err := webrtc.NewTrackLocalStaticRTP(kind, string(l.send), "screen")
			must(t, err)
			_, err = p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			must(t, err)
		default:
			kind := webrtc.RTPCodecTypeAudio
			if l.video {
				kind = webrtc.RTPCodecTypeVideo
			}
			_, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			must(t, err)
		}
	}
}

func (p *testPeer) addCamera(vp8 webrtc.RTPCodecCapability) {
	var sender *webrtc.RTPSender
	for _, rid := range []string{"q", "h", "f"} {
		track, err := webrtc.NewTrackLocalStaticRTP(vp8, "camera", "me", webrtc.WithRTPStreamID(rid))
		must(p.t, err)
		p.camera[rid] = track
		if sender == nil {
			tr, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			must(p.t, err)
			sender = tr.Sender()
			continue
		}
		must(p.t, sender.AddEncoding(track))
	}
	p.sender = sender
	plis := p.plis
	for _, rid := range []string{"q", "h", "f"} {
		go func() {
			for {
				packets, _, err := sender.ReadSimulcastRTCP(rid)
				if err != nil {
					return
				}
				for _, pkt := range packets {
					if pli, ok := pkt.(*rtcp.PictureLossIndication); ok && p.ssrcOf(sender, rid) == pli.MediaSSRC {
						select {
						case plis <- rid:
						default:
						}
					}
				}
			}
		}()
	}
}

func (p *testPeer) ssrcOf(sender *webrtc.RTPSender, rid string) uint32 {
	for _, e := range sender.GetParameters().Encodings {
		if e.RID == rid {
			return uint32(e.SSRC)
		}
	}
	return 0
}

func (p *testPeer) offer() string {
	p.t.Helper()
	o, err := p.pc.CreateOffer(nil)
	must(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	must(p.t, p.pc.SetLocalDescription(o))
	<-gathered
	return p.pc.LocalDescription().SDP
}

// connect negotiates and waits until the transport is up.
func (p *testPeer) connect() {
	p.t.Helper()
	p.negotiate()
	p.connected()
}

func (p *testPeer) negotiate() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := p.Offer(ctx, p.offer())
	must(p.t, err)
	if p.rewrite != nil {
		answer = p.rewrite(answer)
	}
	must(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

func (p *testPeer) connected() {
	p.t.Helper()
	select {
	case <-p.up:
	case <-time.After(patience):
		p.t.Fatalf("%s: not connected", p.id)
	}
}

func (p *testPeer) publish(kinds ...SourceKind) {
	p.t.Helper()
	for i, l := range p.pool.lines() {
		if slices.Contains(kinds, l.send) {
			must(p.t, p.Publish(p.pc.GetTransceivers()[i].Mid(), l.send, true))
		}
	}
}

// video sends one packet of a camera layer: a frame of its own.
func (p *testPeer) video(rid string, n int, key bool) {
	p.t.Helper()
	must(p.t, p.writeVideo(rid, videoPacket(p.id, rid, n, key)))
}

// writeVideo adds the extensions that tell the layers apart.
func (p *testPeer) writeVideo(rid string, pkt *rtp.Packet) error {
	for _, ext := range p.sender.GetParameters().HeaderExtensions {
		value := map[string]string{sdp.SDESMidURI: p.pc.GetTransceivers()[1].Mid(), sdp.SDESRTPStreamIDURI: rid}[ext.URI]
		if value == "" {
			continue
		}
		if err := pkt.SetExtension(uint8(ext.ID), []byte(value)); err != nil {
			return err
		}
	}
	return p.camera[rid].WriteRTP(pkt)
}

func videoPacket(id, rid string, n int, key bool) *rtp.Packet {
	payload := []byte{0x90, 0xe0, 0x80 | byte(n>>8), byte(n), byte(n), 0x20} // X, S; I, L, T; 15 bit picture id; TL0; TID 0
	if key {
		h := map[string]uint16{"q": 180, "h": 360, "f": 720}[rid]
		payload = append(payload, 0x00, 0, 0, 0x9d, 0x01, 0x2a)
		payload = binary.LittleEndian.AppendUint16(payload, h*16/9)
		payload = binary.LittleEndian.AppendUint16(payload, h)
	} else {
		payload = append(payload, 0x01, 0, 0)
	}
	payload = append(payload, fmt.Sprintf("|%s/%s/%d", id, rid, n)...)
	return &rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: true, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000},
		Payload: payload,
	}
}

// stream sends on the given layers, a frame every 10 ms with a key frame
// whenever one is asked for, until the test ends or stop is called.
func (p *testPeer) stream(rids ...string) (stop func()) {
	p.t.Helper()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		key := map[string]bool{}
		for _, r := range rids {
			key[r] = true
		}
		for n := 1; ; n++ {
			for _, r := range rids {
				if p.writeVideo(r, videoPacket(p.id, r, n, key[r])) == nil {
					key[r] = false
				}
			}
			if pkt := (&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 480}, Payload: []byte("|" + p.id + "/mic")}); n%2 == 0 {
				_ = p.mic.WriteRTP(pkt)
			}
			select {
			case <-done:
				return
			case rid := <-p.plis:
				key[rid] = true
			case <-ticker.C:
			}
		}
	}()
	var once sync.Once
	stop = func() { once.Do(func() { close(done); <-ended }) }
	p.t.Cleanup(stop)
	return stop
}

// from waits for a packet whose payload ends with the sender's mark.
func (p *testPeer) from(what string, match func(received) bool) received {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case r := <-p.in:
			if match(r) {
				return r
			}
		case <-deadline:
			p.t.Fatalf("%s: %s: nothing came", p.id, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
