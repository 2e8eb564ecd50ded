package baseline

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

// errLeft ends a session whose participant said goodbye.
var errLeft = errors.New("left")

// Lines of the client's offer: the sending ones come first, then the one pair.
const (
	sendLines    = 4
	offeredLines = sendLines + 2
	roomEpoch    = 1
)

// session is one participant.
type session struct {
	server *Server
	conn   *websocket.Conn
	id     string
	pc     *webrtc.PeerConnection
	reads  sync.WaitGroup // of RTCP
}

func (p *session) close() {
	if p.pc != nil {
		_ = p.pc.Close() // nothing to be done about it
	}
	p.reads.Wait()
}

func (p *session) send(m message.ServerMessage) error {
	data, err := message.Encode(m)
	if err != nil {
		return err
	}
	return p.conn.Write(p.server.ctx, websocket.MessageText, data)
}

func (p *session) handle(m message.ClientMessage) error {
	switch m := m.(type) {
	case *message.Join:
		return p.join(m.Token)
	case *message.Offer:
		return p.offer(m.SDP)
	case *message.Leave:
		return errors.Join(p.send(&message.Bye{Code: message.CodeLeft, Reason: "you left"}), errLeft)
	}
	return nil // layouts and announcements: everybody gets the one publisher
}

func (p *session) join(token string) error {
	p.id = token
	publish := []string{}
	if p.publishes() {
		publish = []string{message.SourceMicrophone, message.SourceCamera}
		p.server.room.setPublisher(p.id)
	}
	err := p.send(&message.Welcome{
		Participant: message.Self{ID: p.id, Name: p.id, Role: message.RoleParticipant},
		Room:        "baseline",
		Policy: message.Policy{
			Pool: message.Pool{Pairs: 1}, Lines: offeredLines, Publish: publish,
			Camera: []message.Encoding{{RID: "f", MaxWidth: 1280, MaxHeight: 720, ScaleDown: 1}},
		},
	})
	if err != nil {
		return err
	}
	return p.send(&message.Room{ID: "baseline", Kind: "plain", Epoch: roomEpoch})
}

func (p *session) publishes() bool { return strings.HasPrefix(p.id, message.RoleParticipant) }

func (p *session) offer(sdp string) error {
	if p.pc != nil || p.id == "" {
		return errors.New("baseline: an offer out of turn")
	}
	api, err := p.server.api()
	if err != nil {
		return err
	}
	if p.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	room := p.server.room
	if !p.publishes() {
		// Its map names the publisher, who may be about to join.
		select {
		case <-room.known:
		case <-p.server.ctx.Done():
			return p.server.ctx.Err()
		}
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { room.publish(p.pc, track) })
	p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			room.wantKey()
		}
	})
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return err
	}
	slots, err := p.receive()
	if err != nil {
		return err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	if err := p.send(&message.Answer{SDP: p.pc.LocalDescription().SDP}); err != nil {
		return err
	}
	return p.send(&message.Map{Epoch: roomEpoch, Slots: slots})
}

// receive gives a viewer the publisher's tracks.
func (p *session) receive() ([]message.Slot, error) {
	if p.publishes() {
		return nil, nil
	}
	lines := p.pc.GetTransceivers()
	if len(lines) != offeredLines {
		return nil, fmt.Errorf("baseline: the offer has %d m-lines", len(lines))
	}
	var slots []message.Slot
	for i, track := range p.server.room.tracks() {
		sender, err := p.pc.AddTrack(track)
		if err != nil {
			return nil, err
		}
		p.reads.Go(func() { p.server.room.readRTCP(sender) })
		source := message.SourceMicrophone
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			source = message.SourceCamera
		}
		slots = append(slots, message.Slot{
			Mid: lines[sendLines+i].Mid(), Participant: p.server.room.publisherID(), Source: source, State: message.SlotLive,
		})
	}
	return slots, nil
}
