package client

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/signal/message"
)

// TestMain fails when a goroutine outlives the tests (SE-18).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTime bounds every test; nothing is expected to take long.
const testTime = 20 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	return ctx
}

// fakeServer speaks the protocol to one client at a time, and is a plain pion
// peer to it: what the client sends and needs is checked against an
// implementation that isn't ours.
type fakeServer struct {
	t     *testing.T
	http  *httptest.Server
	pool  message.Pool
	reply func(message.ClientMessage) message.ServerMessage // overrides; nil: as usual
	inbox chan message.ClientMessage                        // what isn't handled here

	mu    sync.Mutex
	conn  *websocket.Conn
	pc    *webrtc.PeerConnection
	offer string
	slots []*slotTrack
	rtp   chan received
	up    chan struct{} // closed when the peer's transport is up
}

// received is a packet of the client.
type received struct {
	mid, rid string
	rtx      bool
	packet   rtp.Packet
}

func newFakeServer(t *testing.T, pool message.Pool) *fakeServer {
	t.Helper()
	f := &fakeServer{
		t: t, pool: pool, inbox: make(chan message.ClientMessage, 100), rtp: make(chan received, 10000),
		up: make(chan struct{}),
	}
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		f.mu.Lock()
		pc := f.pc
		f.mu.Unlock()
		if pc != nil {
			if err := pc.Close(); err != nil {
				t.Errorf("close the peer: %v", err)
			}
		}
		f.http.CloseClientConnections()
		f.http.Close()
	})
	return f
}

// connect connects a client that ends with the test.
func (f *fakeServer) connect(ctx context.Context, change func(*Options)) (*Client, error) {
	o := Options{URL: f.http.URL, Token: "token"}
	if change != nil {
		change(&o)
	}
	c, err := Connect(ctx, o)
	if err == nil {
		f.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func (f *fakeServer) mustConnect(ctx context.Context, change func(*Options)) *Client {
	f.t.Helper()
	c, err := f.connect(ctx, change)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != message.Path {
		f.t.Errorf("path %q", r.URL.Path)
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		f.t.Errorf("accept: %v", err)
		return
	}
	conn.SetReadLimit(message.MaxBytes)
	defer conn.CloseNow() //nolint:errcheck // it ends the test's connection whatever it says
	f.mu.Lock()
	f.conn = conn
	f.mu.Unlock()
	for {
		_, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		m, err := message.DecodeClient(data)
		if err != nil {
			f.t.Errorf("the client sent %s: %v", data, err)
			return
		}
		f.handle(m)
	}
}

func (f *fakeServer) handle(m message.ClientMessage) {
	if f.reply != nil {
		if r := f.reply(m); r != nil {
			f.send(r)
			return
		}
	}
	switch m := m.(type) {
	case *message.Join:
		f.send(&message.Welcome{
			Participant: message.Self{ID: "me", Name: "Me", Role: message.RoleParticipant},
			Room:        "room",
			Policy: message.Policy{
				Pool: f.pool,
				Publish: []string{
					message.SourceMicrophone, message.SourceCamera, message.SourceScreen, message.SourceScreenAudio,
				},
			},
			Resume: "secret", Resumed: m.Resume != "",
		})
		f.send(&message.Room{ID: "room", Kind: "plain", Epoch: 1, Participants: []message.Participant{
			{ID: "me", Connected: true}, {ID: "other", Connected: true},
		}})
	case *message.Offer:
		answer, err := f.answer(m.SDP)
		if err != nil {
			f.t.Errorf("answer: %v", err)
			return
		}
		f.send(&message.Answer{SDP: answer})
	case *message.Leave:
		f.send(&message.Bye{Code: message.CodeLeft, Reason: "you left"})
		f.closeSocket()
	default:
		f.inbox <- m
	}
}

func (f *fakeServer) send(m message.ServerMessage) {
	data, err := message.Encode(m)
	if err != nil {
		f.t.Errorf("encode: %v", err)
		return
	}
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	if err := conn.Write(context.Background(), websocket.MessageText, data); err != nil {
		f.t.Logf("send %s: %v", m.MessageType(), err)
	}
}

// closeSocket closes the WebSocket, as a server does after a bye.
func (f *fakeServer) closeSocket() {
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	// Not on this goroutine: it is the one that reads the client's reply.
	go conn.Close(websocket.StatusNormalClosure, "") //nolint:errcheck // it ends whatever it says
}

// answer makes the pion peer, or restarts its ICE.
func (f *fakeServer) answer(offer string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offer = offer
	if f.pc == nil {
		if err := f.newPeer(); err != nil {
			return "", err
		}
	}
	remote := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := f.pc.SetRemoteDescription(remote); err != nil {
		return "", err
	}
	for i, tr := range f.pc.GetTransceivers() {
		if i < 4 || len(f.slots) >= len(f.pc.GetTransceivers())-4 {
			continue
		}
		mime := webrtc.MimeTypeOpus
		if tr.Kind() == webrtc.RTPCodecTypeVideo {
			mime = webrtc.MimeTypeVP8
		}
		track := &slotTrack{mid: tr.Mid(), kind: tr.Kind(), mime: mime}
		if _, err := f.pc.AddTrack(track); err != nil {
			return "", err
		}
		f.slots = append(f.slots, track)
	}
	answer, err := f.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(f.pc)
	if err := f.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return f.pc.LocalDescription().SDP, nil
}

func (f *fakeServer) newPeer() error {
	codecs, err := mediaEngine()
	if err != nil {
		return err
	}
	var s webrtc.SettingEngine
	s.SetLite(true)
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return err
	}
	f.pc, err = webrtc.NewAPI(
		webrtc.WithMediaEngine(codecs), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	var once sync.Once
	f.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() {
				(&peer{pc: f.pc}).waitSRTP()
				close(f.up)
			})
		}
	})
	f.pc.OnTrack(func(track *webrtc.TrackRemote, recv *webrtc.RTPReceiver) {
		mid := ""
		for _, tr := range f.pc.GetTransceivers() {
			if tr.Receiver() == recv {
				mid = tr.Mid()
			}
		}
		for {
			p, attributes, err := track.ReadRTP()
			if err != nil {
				return
			}
			f.rtp <- received{
				mid: mid, rid: track.RID(), packet: *p,
				rtx: attributes.Get(webrtc.AttributeRtxSsrc) != nil,
			}
		}
	})
	return nil
}

// next waits for a packet of the client that ok takes.
func (f *fakeServer) next(ctx context.Context, ok func(received) bool) received {
	f.t.Helper()
	for {
		select {
		case r := <-f.rtp:
			if ok(r) {
				return r
			}
		case <-ctx.Done():
			f.t.Fatal("no such packet came")
		}
	}
}

// waitUp waits until the peer can send; pion drops what is written before.
func (f *fakeServer) waitUp(ctx context.Context) {
	f.t.Helper()
	select {
	case <-f.up:
	case <-ctx.Done():
		f.t.Fatal("the peer's transport doesn't come up")
	}
}

// slot is the one with that mid.
func (f *fakeServer) slot(mid string) *slotTrack {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.slots {
		if s.mid == mid {
			return s
		}
	}
	f.t.Fatalf("no slot %s", mid)
	return nil
}

// feedback reads what the client reports on a slot, until ok is satisfied.
func (f *fakeServer) feedback(ctx context.Context, mid string, ok func(rtcp.Packet) bool) {
	f.t.Helper()
	var sender *webrtc.RTPSender
	for _, tr := range f.pc.GetTransceivers() {
		if tr.Mid() == mid {
			sender = tr.Sender()
		}
	}
	deadline, _ := ctx.Deadline()
	if err := sender.SetReadDeadline(deadline); err != nil {
		f.t.Fatal(err)
	}
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			f.t.Fatalf("no such feedback came: %v", err)
		}
		for _, p := range packets {
			if ok(p) {
				return
			}
		}
	}
}

// nextMessage waits for a message of type M.
func nextMessage[M message.ClientMessage](ctx context.Context, f *fakeServer) M {
	f.t.Helper()
	for {
		select {
		case m := <-f.inbox:
			if m, ok := m.(M); ok {
				return m
			}
		case <-ctx.Done():
			f.t.Fatal("no such message came")
		}
	}
}

func (f *fakeServer) rtcp(packets ...rtcp.Packet) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.pc.WriteRTCP(packets); err != nil {
		f.t.Errorf("write RTCP: %v", err)
	}
}
