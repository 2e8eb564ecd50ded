package media

import (
	"fmt"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/webrtc/v4"
)

const (
	audioLevelURI  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	absSendTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

	payloadVP8  = 96
	payloadRTX  = 97
	payloadOpus = 111
)

// newPeerConnection builds one PeerConnection with an API of its own: slots
// must see the payload types that this peer negotiated, not the engine's.
func (e *Engine) newPeerConnection(c carrier) (*webrtc.PeerConnection, error) {
	me := &webrtc.MediaEngine{}
	if err := registerCodecs(me); err != nil {
		return nil, err
	}
	se, err := e.settings()
	if err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if err := c.prepare(&se, registry); err != nil {
		return nil, err
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(se))
	return api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{e.certificate},
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
}

// registerCodecs registers VP8 with RTX and Opus, and the header extensions
// that the server reads.
func registerCodecs(me *webrtc.MediaEngine) error {
	vp8 := webrtc.RTPCodecParameters{
		PayloadType: payloadVP8,
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock,
			RTCPFeedback: feedback(videoFeedback),
		},
	}
	rtx := webrtc.RTPCodecParameters{
		PayloadType: payloadRTX,
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: videoClock, SDPFmtpLine: aptLine(payloadVP8),
		},
	}
	opus := webrtc.RTPCodecParameters{
		PayloadType: payloadOpus,
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: audioClock, Channels: 2, SDPFmtpLine: opusParameters,
			RTCPFeedback: feedback(audioFeedback),
		},
	}
	for _, c := range []webrtc.RTPCodecParameters{vp8, rtx} {
		if err := me.RegisterCodec(c, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	if err := me.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return err
	}
	return registerExtensions(me)
}

func feedback(known []string) []webrtc.RTCPFeedback {
	var out []webrtc.RTCPFeedback
	for _, what := range known {
		kind, parameter, _ := strings.Cut(what, " ")
		out = append(out, webrtc.RTCPFeedback{Type: kind, Parameter: parameter})
	}
	return out
}

func registerExtensions(me *webrtc.MediaEngine) error {
	for _, uri := range audioExtensions {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio); err != nil {
			return err
		}
	}
	for _, uri := range videoExtensions {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	return nil
}

// registerInbound adds receiver reports and TWCC feedback. Both touch inbound
// streams only; outbound RTP passes no interceptor.
func registerInbound(registry *interceptor.Registry) error {
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return fmt.Errorf("receiver reports: %w", err)
	}
	feedback, err := twcc.NewSenderInterceptor()
	if err != nil {
		return fmt.Errorf("transport feedback: %w", err)
	}
	registry.Add(reports)
	registry.Add(feedback)
	return nil
}

// settings of a PeerConnection: ICE-lite on the shared sockets. The carrier
// adds the sockets and SRTP: as DTLS server we get AES-GCM; as servers browsers
// pick CM-SHA1.
func (e *Engine) settings() (webrtc.SettingEngine, error) {
	se := webrtc.SettingEngine{LoggerFactory: e.pionLog}
	se.SetLite(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.DisableMediaEngineCopy(true)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if e.tcp != nil {
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	se.DisableActiveTCP(true)
	se.SetNetworkTypes(networks)
	se.SetIncludeLoopbackCandidate(true)
	if err := e.advertise(&se); err != nil {
		return se, err
	}
	// A dropped Wi-Fi is noticed within seconds; the seat outlives it.
	se.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	return se, nil
}
