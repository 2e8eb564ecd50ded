package client

import (
	"fmt"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/client/internal/poll"
	"github.com/atriumrtc/atrium/signal/message"
)

// peer is the PeerConnection with its send m-lines.
type peer struct {
	c       *Client
	pc      *webrtc.PeerConnection
	senders []*sender    // in order of m-line
	socket  *poll.Socket // of a light client; nil: pion has its own
}

// Header extensions of the protocol.
const (
	audioLevelURI  = sdp.AudioLevelURI
	absSendTimeURI = sdp.ABSSendTimeURI
	twccURI        = sdp.TransportCCURI
	midURI         = sdp.SDESMidURI
	ridURI         = sdp.SDESRTPStreamIDURI
	rridURI        = sdp.SDESRepairRTPStreamIDURI
)

// Payload types, as Chromium has them.
const (
	opusPT = 111
	vp8PT  = 96
	rtxPT  = 97
)

// newPeer makes a PeerConnection with the m-lines that the policy asks for, in
// the protocol's order: microphone, camera, screen, its sound, then the slots.
func newPeer(c *Client, w *message.Welcome) (*peer, error) {
	codecs, err := mediaEngine()
	if err != nil {
		return nil, err
	}
	settings := c.settings()
	socket, err := c.listenLight(&settings)
	if err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(
		webrtc.WithMediaEngine(codecs),
		webrtc.WithSettingEngine(settings),
		// None: what they do is done here (see the package comment).
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	)
	pc, err := api.NewPeerConnection(c.configuration(w.ICEServers))
	if err != nil {
		if socket != nil {
			_ = socket.Close() // the first error is the one to know
		}
		return nil, err
	}
	p := &peer{c: c, pc: pc, socket: socket}
	if err := p.addLines(w.Policy); err != nil {
		p.close() // the first error is the one to know
		return nil, err
	}
	c.receiver.onRTCP = p.rtcp
	pc.OnConnectionStateChange(c.onTransport)
	// pion complains otherwise. Tracks aren't read: see sink.
	pc.OnTrack(func(*webrtc.TrackRemote, *webrtc.RTPReceiver) {})
	c.work.Add(1)
	go func() {
		defer c.work.Done()
		p.report(c.ctx)
	}()
	return p, nil
}

func (c *Client) configuration(servers []message.ICEServer) webrtc.Configuration {
	cfg := webrtc.Configuration{
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
		SDPSemantics: webrtc.SDPSemanticsUnifiedPlan,
	}
	if c.o.ICETransportPolicy != webrtc.ICETransportPolicyRelay {
		return cfg
	}
	cfg.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	for _, s := range servers {
		cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{
			URLs: s.URLs, Username: s.Username, Credential: s.Credential,
			CredentialType: webrtc.ICECredentialTypePassword,
		})
	}
	return cfg
}

func (c *Client) settings() webrtc.SettingEngine {
	var s webrtc.SettingEngine
	var factory logging.LoggerFactory = pionLog{log: c.log}
	s.LoggerFactory = factory
	s.BufferFactory = c.receiver.newSink
	// Spares a goroutine for each slot that waits for its first packet.
	s.SetFireOnTrackBeforeFirstRTP(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	types := c.o.NetworkTypes
	if types == nil {
		types = []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	}
	s.SetNetworkTypes(types)
	// There is no better candidate to wait for.
	s.SetRelayAcceptanceMinWait(0)
	s.SetPrflxAcceptanceMinWait(0)
	if c.o.IPFilter != nil {
		s.SetIPFilter(c.o.IPFilter)
	}
	if c.o.UDPMux != nil {
		s.SetICEUDPMux(c.o.UDPMux)
	}
	return s
}

// mediaEngine knows Opus, VP8 with RTX, and the header extensions of the
// protocol; nothing else, to keep the offer small. The dependency descriptor is
// left out on purpose: Chromium would then leave the picture ids out.
func mediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, codec := range []struct {
		kind webrtc.RTPCodecType
		p    webrtc.RTPCodecParameters
	}{
		{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
			}, PayloadType: opusPT,
		}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
				RTCPFeedback: []webrtc.RTCPFeedback{
					{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
				},
			}, PayloadType: vp8PT,
		}},
		{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", vp8PT),
			}, PayloadType: rtxPT,
		}},
	} {
		if err := m.RegisterCodec(codec.p, codec.kind); err != nil {
			return nil, err
		}
	}
	for _, ext := range []struct {
		uri  string
		kind webrtc.RTPCodecType
	}{
		{audioLevelURI, webrtc.RTPCodecTypeAudio},
		{absSendTimeURI, webrtc.RTPCodecTypeAudio}, {absSendTimeURI, webrtc.RTPCodecTypeVideo},
		{twccURI, webrtc.RTPCodecTypeAudio}, {twccURI, webrtc.RTPCodecTypeVideo},
		{midURI, webrtc.RTPCodecTypeAudio}, {midURI, webrtc.RTPCodecTypeVideo},
		{ridURI, webrtc.RTPCodecTypeVideo}, {rridURI, webrtc.RTPCodecTypeVideo},
	} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: ext.uri}, ext.kind); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addLines adds the send m-lines and the pool of slots.
func (p *peer) addLines(policy message.Policy) error {
	twcc := &transportSequence{}
	for _, s := range []struct {
		source, stream string
		rids           []string
	}{
		{message.SourceMicrophone, "camera", []string{""}},
		{message.SourceCamera, "camera", ridsOf(policy.Camera, "q", "h", "f")},
		{message.SourceScreen, "screen", ridsOf(policy.Screen, "q", "f")},
		{message.SourceScreenAudio, "screen", []string{""}},
	} {
		sd := newSender(s.source, s.stream, s.rids, twcc)
		if p.c.o.NearWrap {
			sd.nearWrap()
		}
		if err := sd.add(p.pc); err != nil {
			return fmt.Errorf("add %s: %w", s.source, err)
		}
		p.senders = append(p.senders, sd)
	}
	const audio, video = webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo
	for range policy.Pool.Pairs {
		if err := p.addSlots(audio, video); err != nil {
			return err
		}
	}
	for range policy.Pool.Videos {
		if err := p.addSlots(video); err != nil {
			return err
		}
	}
	if policy.Pool.Screen {
		return p.addSlots(audio, video)
	}
	return nil
}

func ridsOf(encodings []message.Encoding, otherwise ...string) []string {
	if len(encodings) == 0 {
		return otherwise
	}
	rids := make([]string, len(encodings))
	for i, e := range encodings {
		rids[i] = e.RID
	}
	return rids
}

func (p *peer) addSlots(kinds ...webrtc.RTPCodecType) error {
	for _, kind := range kinds {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{
			Direction: webrtc.RTPTransceiverDirectionRecvonly,
		}); err != nil {
			return fmt.Errorf("add a slot: %w", err)
		}
	}
	return nil
}

// offer makes an offer and applies it. Candidates aren't waited for: the server
// learns them from the first check.
func (p *peer) offer(restart bool) (string, error) {
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return "", err
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	media := readSDP(offer.SDP)
	if len(media) < len(p.senders) {
		return "", fmt.Errorf("the offer has %d lines", len(media))
	}
	for i, s := range p.senders {
		s.setMid(media[i].mid)
	}
	p.c.receiver.lines(withoutSSRC(media[len(p.senders):]))
	return offer.SDP, nil
}

// withoutSSRC drops what belongs to the answer.
func withoutSSRC(lines []line) []line {
	for i := range lines {
		lines[i].ssrc, lines[i].rtx, lines[i].twccID = 0, 0, 0
	}
	return lines
}

// answer applies an answer.
func (p *peer) answer(text string) error {
	media := readSDP(text)
	if len(media) > len(p.senders) {
		p.c.receiver.lines(media[len(p.senders):])
	}
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text})
}

// up says whether media can flow.
func (p *peer) up() bool {
	return p != nil && p.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
}

// waitSRTP waits, after the state is connected, until packets are really sent.
// pion tells the state while it holds the transport's lock and starts SRTP
// before it lets go of it; what is written in between vanishes without an
// error. So taking the lock is enough.
func (p *peer) waitSRTP() {
	for _, tr := range p.pc.GetTransceivers() {
		if s := tr.Sender(); s != nil && s.Transport() != nil {
			s.Transport().GetRemoteCertificate()
			return
		}
	}
}

func (p *peer) close() {
	for _, s := range p.senders {
		s.stop()
	}
	// pion logs what it fails to close; there is nothing to do about it.
	_ = p.pc.Close()
	if p.socket != nil {
		_ = p.socket.Close() // nothing to be done about it either
	}
}

// sender finds the m-line of a source.
func (p *peer) sender(source string) *sender {
	if p == nil {
		return nil
	}
	for _, s := range p.senders {
		if s.source == source {
			return s
		}
	}
	return nil
}

func (p *peer) setLayers(source string, rids []string) {
	if s := p.sender(source); s != nil && !p.c.o.IgnoreLayers {
		s.setLayers(rids)
	}
}

func (p *peer) setMuted(source string, muted bool) {
	if s := p.sender(source); s != nil {
		s.setMuted(muted)
	}
}
