package media

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// udpProxy stands between one client and the media socket, so that what a
// network does to datagrams can be done to them.
type udpProxy struct {
	front, back *net.UDPConn
	wg          sync.WaitGroup
	blocked     atomic.Bool
	client      atomic.Pointer[net.UDPAddr]
	// up, if set, sees what the client sends before it goes on; what it returns
	// goes on too.
	up func(b []byte) [][]byte
}

func newUDPProxy(t *testing.T, e *Engine) *udpProxy {
	t.Helper()
	p := &udpProxy{}
	var err error
	p.front, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	p.back, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(e.Addresses()[0]))
	must(t, err)
	t.Cleanup(func() {
		_, _ = p.front.Close(), p.back.Close()
		p.wg.Wait()
	})
	return p
}

// put puts the proxy into the way of p, whose PeerConnection isn't built yet.
func (x *udpProxy) put(e *Engine, p *testPeer) {
	from, to := " "+sprint(e.Addresses()[0].Port())+" typ host", " "+sprint(x.front.LocalAddr().(*net.UDPAddr).Port)+" typ host"
	p.rewrite = func(answer string) string {
		var out strings.Builder
		for l := range strings.Lines(answer) {
			if strings.HasPrefix(l, "a=candidate:") && strings.Contains(strings.ToLower(l), " udp ") {
				l = strings.Replace(l, from, to, 1)
			}
			out.WriteString(l)
		}
		return out.String()
	}
	x.wg.Go(x.forth)
	x.wg.Go(x.return_)
}

func (x *udpProxy) forth() {
	buf := make([]byte, 2048)
	for {
		n, from, err := x.front.ReadFromUDP(buf)
		if err != nil {
			return
		}
		x.client.Store(from)
		if x.blocked.Load() {
			continue
		}
		_, _ = x.back.Write(buf[:n])
		if x.up != nil {
			for _, b := range x.up(buf[:n]) {
				_, _ = x.back.Write(b)
			}
		}
	}
}

func (x *udpProxy) return_() {
	buf := make([]byte, 2048)
	for {
		n, err := x.back.Read(buf)
		if err != nil {
			return
		}
		if to := x.client.Load(); to != nil && !x.blocked.Load() {
			_, _ = x.front.WriteToUDP(buf[:n], to)
		}
	}
}

// restart restarts ICE from the client's side.
func (p *testPeer) restart() {
	p.t.Helper()
	o, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	must(p.t, err)
	gathered := webrtc.GatheringCompletePromise(p.pc)
	must(p.t, p.pc.SetLocalDescription(o))
	<-gathered
	answer, err := p.Offer(context.Background(), p.pc.LocalDescription().SDP)
	must(p.t, err)
	if p.rewrite != nil {
		answer = p.rewrite(answer)
	}
	must(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// SE-14, SE-15: in mid-call UDP stops to work, the client goes on by TCP, and
// back again, each time after an ICE restart: both directions go on in the same
// SRTP contexts, and what can't be sent in between costs nothing.
func TestPathChangesInMidCall(t *testing.T) { bothCarriers(t, checkPathChanges) }

func checkPathChanges(t *testing.T, e *Engine) {
	t.Helper()
	a := addPeer(t, e, "a")
	b, proxy := newTraveller(t, e, "b")
	talk(t, e, a, b)
	for _, want := range []webrtc.ICEProtocol{webrtc.ICEProtocolTCP, webrtc.ICEProtocolUDP, webrtc.ICEProtocolTCP} {
		proxy.blocked.Store(want == webrtc.ICEProtocolTCP)
		b.restart()
		if !b.await(want, patience) {
			t.Fatalf("the path is %v; want %v", b.path(), want)
		}
		for _, p := range []*testPeer{a, b} {
			for len(p.in) > 0 {
				<-p.in
			}
		}
		seen := 0
		enough := func(who string) func(received) bool {
			return func(r received) bool {
				if hears(who)(r) {
					seen++
				}
				return seen >= 50
			}
		}
		b.from("a, by "+want.String(), enough("a"))
		seen = 0
		a.from("b, by "+want.String(), enough("b"))
	}
	if s := e.Snapshot(); s.Dropped["forged"]+s.Dropped["spent_number"]+s.Panics != 0 {
		t.Errorf("dropped: %v", s.Dropped)
	}
}

// SE-3: over real sockets, what the client sent is replayed from its own
// address, and forged: nothing of it reaches the viewer, whose call goes on.
func TestReplayFromTheRightAddress(t *testing.T) { bothCarriers(t, checkReplay) }

func checkReplay(t *testing.T, e *Engine) {
	t.Helper()
	proxy := newUDPProxy(t, e)
	proxy.up = func(b []byte) [][]byte {
		if b[0]&0xC0 != 0x80 {
			return nil
		}
		forged := append([]byte(nil), b...)
		forged[3] += 7
		return [][]byte{b, b, forged}
	}
	a, b := newUnbuiltPeer(t, e, "a", RoleParticipant, SmallPool()), addPeer(t, e, "b")
	proxy.put(e, a)
	a.build()
	a.connect()
	talk(t, e, a, b)
	last, numbers := map[string]uint16{}, 0
	b.from("a", func(r received) bool {
		if n, ok := last[r.mid]; ok && r.pkt.SequenceNumber-n-1 > 1 { // sound has every second number
			t.Fatalf("line %s: number %d after %d", r.mid, r.pkt.SequenceNumber, n)
		}
		last[r.mid] = r.pkt.SequenceNumber
		numbers++
		return numbers > 300
	})
	if s := e.Snapshot(); e.cfg.SRTP == SRTPOwn && (s.Dropped["forged"] < 100 || s.Dropped["duplicate"] < 200) {
		t.Errorf("dropped: %v", s.Dropped)
	}
}

// Receiver reports, feedback and key-frame requests of a direct carrier are
// what pion's client reads.
func TestReportsReachTheClient(t *testing.T) {
	e := newTestEngine(t)
	a, b := addPeer(t, e, "a"), addPeer(t, e, "b")
	sender := a.pc.GetSenders()[0]
	reports := make(chan rtcp.Packet, 64)
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				close(reports)
				return
			}
			for _, p := range packets {
				select {
				case reports <- p:
				default:
				}
			}
		}
	}()
	talk(t, e, a, b)
	ssrc := uint32(sender.GetParameters().Encodings[0].SSRC)
	for deadline := time.After(patience); ; {
		select {
		case p := <-reports:
			if rr, ok := p.(*rtcp.ReceiverReport); ok {
				for _, r := range rr.Reports {
					if r.SSRC == ssrc && r.FractionLost > 100 && r.FractionLost < 156 { // every second number
						return
					}
				}
			}
		case <-deadline:
			t.Fatal("no receiver report")
		}
	}
}
