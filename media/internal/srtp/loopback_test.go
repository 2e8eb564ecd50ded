package srtp

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// tappedConn is the server's socket: it copies the SRTP and SRTCP that comes
// in, and tells where from.
type tappedConn struct {
	*net.UDPConn
	rtp, rtcp chan []byte
	peer      chan netip.AddrPort
}

func (c *tappedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	if n >= 12 && b[0]&0xC0 == 0x80 { // RFC 7983
		into := c.rtp
		if b[1] >= 192 && b[1] <= 223 { // RFC 5761
			into = c.rtcp
		}
		select {
		case into <- bytes.Clone(b[:n]):
		default: // the test has seen enough
		}
		select {
		case c.peer <- from:
		default:
		}
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// loopbackCall is a server with a KeyTap and a client, both pion's, without
// interceptors: nothing writes RTCP but the test.
type loopbackCall struct {
	conn           *tappedConn
	tap            KeyTap
	server, client *webrtc.PeerConnection
	serverTrack    *webrtc.TrackLocalStaticRTP
	clientTrack    *webrtc.TrackLocalStaticRTP
	sender         *webrtc.RTPSender // the server's
	heard          chan *rtp.Packet  // what the client's pion delivers
	heardRTCP      chan []rtcp.Packet
}

func peer(t *testing.T, settings webrtc.SettingEngine) *webrtc.PeerConnection {
	t.Helper()
	var media webrtc.MediaEngine
	if err := media.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&media))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return pc
}

func opusTrack(t *testing.T, id string) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, id, id)
	if err != nil {
		t.Fatal(err)
	}
	return track
}

func newLoopbackCall(t *testing.T, offered ...dtls.SRTPProtectionProfile) *loopbackCall {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c := &loopbackCall{
		conn:  &tappedConn{socket, make(chan []byte, 64), make(chan []byte, 64), make(chan netip.AddrPort, 1)},
		heard: make(chan *rtp.Packet, 64), heardRTCP: make(chan []rtcp.Packet, 64),
		serverTrack: opusTrack(t, "server"), clientTrack: opusTrack(t, "client"),
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c.conn})
	t.Cleanup(func() { _ = mux.Close() })
	var settings, clientSettings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	if err := c.tap.Install(&settings); err != nil {
		t.Fatal(err)
	}
	clientSettings.SetSRTPProtectionProfiles(offered...) // none: pion's default
	c.server, c.client = peer(t, settings), peer(t, clientSettings)
	c.client.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() {
			for {
				packets, _, err := receiver.ReadRTCP()
				if err != nil {
					return
				}
				c.heardRTCP <- packets
			}
		}()
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			c.heard <- packet
		}
	})
	return c
}

// connect negotiates and waits until both are connected.
func (c *loopbackCall) connect(ctx context.Context, t *testing.T) {
	t.Helper()
	up := make(chan struct{}, 2)
	for _, pc := range []*webrtc.PeerConnection{c.server, c.client} {
		pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
			if s == webrtc.PeerConnectionStateConnected {
				up <- struct{}{}
			}
		})
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.client.AddTrack(c.clientTrack)
	check(err)
	offer, err := c.client.CreateOffer(nil)
	check(err)
	gathered := webrtc.GatheringCompletePromise(c.client)
	check(c.client.SetLocalDescription(offer))
	await(ctx, t, gathered)
	check(c.server.SetRemoteDescription(*c.client.LocalDescription()))
	c.sender, err = c.server.AddTrack(c.serverTrack)
	check(err)
	answer, err := c.server.CreateAnswer(nil)
	check(err)
	gathered = webrtc.GatheringCompletePromise(c.server)
	check(c.server.SetLocalDescription(answer))
	await(ctx, t, gathered)
	check(c.client.SetRemoteDescription(*c.server.LocalDescription()))
	await(ctx, t, up)
	await(ctx, t, up)
}

func await[T any](ctx context.Context, t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-ctx.Done():
		t.Fatal("nothing came in time")
	}
	return v
}

// Two real PeerConnections: with the tap's keys we open what pion sends, and
// pion opens what we send; RTP and RTCP, every profile. The DTLS handshake,
// cipher suite and extended master secret are pion's defaults.
func TestLoopback(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c := newLoopbackCall(t, dtls.SRTPProtectionProfile(p))
		if _, err := c.tap.Keys(); err == nil {
			t.Error("keys before the handshake")
		}
		c.connect(ctx, t)
		keys, err := c.tap.Keys()
		if err != nil {
			t.Fatal(err)
		}
		if keys.Profile != p {
			t.Fatalf("negotiated %v", keys.Profile)
		}
		d, err := NewDecryptor(keys.Profile, keys.Client)
		if err != nil {
			t.Fatal(err)
		}
		o, err := NewOutgoing(keys.Profile, keys.Server)
		if err != nil {
			t.Fatal(err)
		}
		in, err := NewRTCPDecryptor(keys.Profile, keys.Client)
		if err != nil {
			t.Fatal(err)
		}
		out, err := NewRTCPEncryptor(keys.Profile, keys.Server)
		if err != nil {
			t.Fatal(err)
		}
		keys.Wipe()
		c.tap.Wipe()
		c.receive(ctx, t, d, in)
		c.send(ctx, t, o, out)
	})
}

// The server chooses, whatever the client would rather have.
func TestInstallPrefersGCM(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := newLoopbackCall(t, dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM)
	c.connect(ctx, t)
	if k, err := c.tap.Keys(); err != nil || k.Profile != AES128GCM {
		t.Errorf("negotiated %v, %v", k.Profile, err)
	}
}

// receive opens what the client sends: 20 RTP packets over the wrap, a PLI.
func (c *loopbackCall) receive(ctx context.Context, t *testing.T, d *Decryptor, in *RTCPDecryptor) {
	t.Helper()
	for i := range uint16(20) {
		payload := bytes.Repeat([]byte{byte(i)}, 20+int(i)*50)
		if err := c.clientTrack.WriteRTP(&rtp.Packet{
			Header: rtp.Header{Version: 2, SequenceNumber: 65530 + i, Timestamp: 7}, Payload: payload,
		}); err != nil {
			t.Fatal(err)
		}
		packet := await(ctx, t, c.conn.rtp)
		var header rtp.Header
		n, err := header.Unmarshal(packet)
		if err != nil {
			t.Fatal(err)
		}
		replay := bytes.Clone(packet)
		plain, err := d.DecryptInPlace(packet, n)
		if err != nil || !bytes.Equal(plain[n:], payload) || header.SequenceNumber != 65530+i {
			t.Fatalf("packet %d: %v", i, err)
		}
		if _, err := d.DecryptInPlace(replay, n); err != ErrReplay {
			t.Errorf("packet %d again: %v", i, err)
		}
	}
	if err := c.client.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{SenderSSRC: 3, MediaSSRC: 4}}); err != nil {
		t.Fatal(err)
	}
	plain, err := in.Decrypt(nil, await(ctx, t, c.conn.rtcp))
	if err != nil {
		t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(plain)
	if pli, ok := packets[0].(*rtcp.PictureLossIndication); err != nil || !ok || pli.MediaSSRC != 4 {
		t.Errorf("got %v, %v", packets, err)
	}
}

// send puts packets of ours on the wire, which the client's pion opens: over
// the wrap, with one late and one in the wrong order.
func (c *loopbackCall) send(ctx context.Context, t *testing.T, o *Outgoing, out *RTCPEncryptor) {
	t.Helper()
	parameters := c.sender.GetParameters()
	ssrc := uint32(parameters.Encodings[0].SSRC)
	e, err := o.Encryptor(ssrc)
	if err != nil {
		t.Fatal(err)
	}
	to := await(ctx, t, c.conn.peer)
	write := func(b []byte) {
		t.Helper()
		if _, err := c.conn.WriteToUDPAddrPort(b, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []uint16{65533, 65535, 0, 65534, 1, 2, 4, 3} {
		header, err := (&rtp.Header{
			Version: 2, PayloadType: uint8(parameters.Codecs[0].PayloadType), SequenceNumber: n, SSRC: ssrc,
		}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		payload := bytes.Repeat([]byte{byte(n)}, 100)
		packet, err := e.Encrypt(make([]byte, 0, 1500), header, payload)
		if err != nil {
			t.Fatal(err)
		}
		write(packet)
		if got := await(ctx, t, c.heard); got.SequenceNumber != n || !bytes.Equal(got.Payload, payload) {
			t.Errorf("the client heard %d as %d", n, got.SequenceNumber)
		}
	}
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: ssrc, PacketCount: 8}})
	if err != nil {
		t.Fatal(err)
	}
	protected, err := out.Encrypt(nil, report)
	if err != nil {
		t.Fatal(err)
	}
	write(protected)
	if sr, ok := await(ctx, t, c.heardRTCP)[0].(*rtcp.SenderReport); !ok || sr.PacketCount != 8 {
		t.Errorf("the client heard %v", sr)
	}
}
