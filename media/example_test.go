package media_test

import (
	"context"
	"fmt"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media"
)

// An SFU inside another program: how the SDP travels between the client and
// Offer, and the events to the client, is up to the program.
func Example() {
	cfg := media.DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, 0
	engine, err := media.NewEngine(cfg, media.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()

	ctx := context.Background()
	anna, err := engine.AddParticipant(media.ParticipantOptions{
		ID: "anna", Name: "Anna", Role: media.RoleParticipant, Pool: media.SmallPool(), Observer: printer{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := engine.Join(ctx, anna, media.RoomOptions{ID: "surgery", Kind: "individual", Capacity: 5}); err != nil {
		fmt.Println(err)
		return
	}
	client, offer := offerOf(anna.Pool())
	defer client.Close()
	if _, err := anna.Offer(ctx, offer); err != nil { // the answer goes back to the client
		fmt.Println(err)
		return
	}
	anna.Close(media.CloseLeft)
	// Output:
	// now in room "" (0 present)
	// now in room "surgery" (1 present)
	// gone: left
}

// printer stands for the connection over which a client hears of changes.
type printer struct{}

func (printer) Notify(ev media.Event) {
	switch ev := ev.(type) {
	case media.RoomChanged:
		fmt.Printf("now in room %q (%d present)\n", ev.Room, len(ev.Participants))
	case media.Closed:
		fmt.Println("gone:", ev.Reason)
	}
}

// offerOf makes what a client with nothing to send yet would offer: four
// lines to send on, then the receive lines of the pool.
func offerOf(pool media.Pool) (*webrtc.PeerConnection, string) {
	const audio, video = webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo
	codecs := &webrtc.MediaEngine{}
	check(codecs.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}}, audio))
	check(codecs.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}}, video))
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(codecs)).NewPeerConnection(webrtc.Configuration{})
	check(err)
	lines := []webrtc.RTPCodecType{audio, video, video, audio}
	for range pool.Pairs {
		lines = append(lines, audio, video)
	}
	for range pool.Videos {
		lines = append(lines, video)
	}
	lines = append(lines, audio, video)
	for i, kind := range lines {
		direction := webrtc.RTPTransceiverDirectionRecvonly
		if i < 4 {
			direction = webrtc.RTPTransceiverDirectionSendonly
		}
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: direction})
		check(err)
	}
	offer, err := pc.CreateOffer(nil)
	check(err)
	return pc, offer.SDP
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
