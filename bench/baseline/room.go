package baseline

import (
	"context"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// keyInterval is the least time between two requests for a key frame, as
// libwebrtc has it.
const keyInterval = 300 * time.Millisecond

// room forwards one publisher to everybody.
type room struct {
	audio, video *webrtc.TrackLocalStaticRTP
	key          chan struct{}
	work         sync.WaitGroup

	known chan struct{} // closed once there is a publisher
	once  sync.Once

	mu        sync.Mutex
	publisher string
	from      *webrtc.PeerConnection
	camera    webrtc.SSRC
}

func newRoom(ctx context.Context) (*room, error) {
	r := &room{key: make(chan struct{}, 1), known: make(chan struct{})}
	var err error
	r.audio, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "pair-0")
	if err != nil {
		return nil, err
	}
	r.video, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "pair-0")
	if err != nil {
		return nil, err
	}
	r.work.Go(func() { r.askForKeys(ctx) })
	return r, nil
}

func (r *room) wait() { r.work.Wait() }

// tracks are the pair's, in the order of the offer.
func (r *room) tracks() []*webrtc.TrackLocalStaticRTP {
	return []*webrtc.TrackLocalStaticRTP{r.audio, r.video}
}

func (r *room) setPublisher(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.publisher = id
	r.once.Do(func() { close(r.known) })
}

func (r *room) publisherID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.publisher
}

// publish forwards a track until it ends.
func (r *room) publish(pc *webrtc.PeerConnection, track *webrtc.TrackRemote) {
	to := r.audio
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		to = r.video
		r.mu.Lock()
		r.from, r.camera = pc, track.SSRC()
		r.mu.Unlock()
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		// They are between the publisher and this server.
		packet.Extension, packet.Extensions = false, nil
		// It fails for a viewer that is leaving: the others have got theirs.
		_ = to.WriteRTP(packet)
	}
}

// readRTCP takes viewers' requests for key frames until the sender ends. With
// interceptors it is also what lets those see RTCP.
func (r *room) readRTCP(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				r.wantKey()
			}
		}
	}
}

// wantKey asks for a key frame soon.
func (r *room) wantKey() {
	select {
	case r.key <- struct{}{}:
	default: // it is being asked for
	}
}

func (r *room) askForKeys(ctx context.Context) {
	tick := time.NewTicker(keyInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case <-r.key:
		default:
			continue
		}
		r.mu.Lock()
		from, ssrc := r.from, r.camera
		r.mu.Unlock()
		if from == nil {
			r.wantKey() // as soon as there is a camera
			continue
		}
		// It fails when the publisher is going: nobody will miss it.
		_ = from.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
	}
}
