package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/sdk"
)

const testTime = 60 * time.Second

// msg is a signalling message, either way.
type msg = map[string]any

// peer is a scripted server: it takes joins, answers offers, and lets the test
// see what came and say what it likes.
type peer struct {
	t   *testing.T
	url string
	// onJoin says what a join is answered with: a welcome, or a bye.
	onJoin func(n int, join msg) msg

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at each message
	messages []msg
	joins    int
	conn     *websocket.Conn
	pc       *webrtc.PeerConnection
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{t: t, changed: make(chan struct{}), onJoin: func(n int, _ msg) msg { return welcome(n, n > 1) }}
	modules, err := sdk.Files()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/sdk/", http.StripPrefix("/sdk/", http.FileServerFS(modules)))
	mux.HandleFunc("/signal", p.serve)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><script type=module>
			import * as sdk from '/sdk/index.js';
			window.camera = () => { const c = document.createElement('canvas'); c.width = 1280; c.height = 720;
				const g = c.getContext('2d'); setInterval(() => { g.fillStyle = g.fillStyle === '#ff0000' ? '#0000ff' : '#ff0000'; g.fillRect(0, 0, 640, 360); }, 100);
				return c.captureStream(10).getTracks()[0]; };
			window.sdk = sdk;</script>`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(p.close)
	p.url = server.URL
	return p
}

func welcome(n int, resumed bool) msg {
	return msg{
		"type": "welcome", "participant": msg{"id": "me", "name": "Me", "role": "participant"}, "room": "r",
		"policy": msg{
			"pool": msg{"pairs": 6, "videos": 0, "screen": true}, "lines": 18,
			"publish": []string{"microphone", "camera", "screen", "screen_audio"}, "seat_seconds": 120,
		},
		"resume": fmt.Sprintf("me.secret-%d", n), "resumed": resumed, "now": "2030-01-01T00:00:00Z",
	}
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"atrium.v1"}})
	if err != nil {
		p.t.Errorf("accept: %v", err)
		return
	}
	conn.SetReadLimit(256 << 10)
	for {
		var m msg
		if err := wsjson.Read(r.Context(), conn, &m); err != nil {
			return // the page or the test closed it
		}
		p.take(r.Context(), conn, m)
	}
}

func (p *peer) take(ctx context.Context, conn *websocket.Conn, m msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, m)
	close(p.changed)
	p.changed = make(chan struct{})
	switch m["type"] {
	case "join":
		p.joins++
		p.conn = conn
		reply := p.onJoin(p.joins, m)
		_ = wsjson.Write(ctx, conn, reply)
		if reply["type"] == "bye" {
			_ = conn.Close(websocket.StatusNormalClosure, "")
		}
	case "offer":
		answer, err := p.answerLocked(m["sdp"].(string))
		if err != nil {
			p.t.Errorf("answer: %v", err)
			return
		}
		_ = wsjson.Write(ctx, conn, msg{"type": "answer", "sdp": answer})
	}
}

// answerLocked answers with the transport of before when it is offered again.
func (p *peer) answerLocked(sdp string) (string, error) {
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}
	if p.pc == nil || p.pc.SetRemoteDescription(offer) != nil {
		if err := p.renewLocked(); err != nil {
			return "", err
		}
		if err := p.pc.SetRemoteDescription(offer); err != nil {
			return "", err
		}
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return p.pc.LocalDescription().SDP, nil
}

func (p *peer) renewLocked() error {
	if p.pc != nil {
		_ = p.pc.Close()
	}
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return err
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(media); err != nil {
		return err
	}
	var settings webrtc.SettingEngine
	settings.SetLite(true)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	p.pc = pc
	return err
}

// send says something to the page.
func (p *peer) send(m msg) {
	p.t.Helper()
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	if err := wsjson.Write(p.t.Context(), conn, m); err != nil {
		p.t.Fatalf("send %v: %v", m["type"], err)
	}
}

// drop breaks the connection, as a network does.
func (p *peer) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.conn.CloseNow()
}

// await returns the n-th message (from 1) that has these fields.
func (p *peer) await(n int, want msg) msg {
	p.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		found := 0
		for _, m := range p.messages {
			if !has(m, want) {
				continue
			}
			if found++; found == n {
				p.mu.Unlock()
				return m
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("no message %d like %v; came: %.2000v", n, want, p.messages)
		}
	}
}

func has(m, want msg) bool {
	for key, value := range want {
		if m[key] != value {
			return false
		}
	}
	return true
}

func (p *peer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		_ = p.conn.CloseNow()
	}
	if p.pc != nil {
		_ = p.pc.Close()
	}
}

// page is a Chromium that has loaded the SDK.
type page struct {
	t   *testing.T
	ctx context.Context
}

func openPage(t *testing.T, url string) *page {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("no Chromium: install the package chromium")
	}
	if err != nil {
		t.Skip("no Chromium: install the package chromium to run the browser tests")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(t.Context(), testTime)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		t.Fatal(err)
	}
	err = chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page threw: %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	p := &page{t, ctx}
	p.until(`'sdk' in window`)
	return p
}

// run evaluates JavaScript, awaits a promise and returns the value.
func (p *page) run(js string) any {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[json.RawMessage](`(async () => JSON.stringify(await (`+js+`) ?? null))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	var text string
	var value any
	if err := json.Unmarshal(v, &text); err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	return value
}

// until waits for a JavaScript expression to become true.
func (p *page) until(js string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[any](js, chromedp.WithPollingTimeout(20*time.Second), chromedp.WithPollingInterval(30*time.Millisecond)))
	if err != nil {
		p.t.Fatalf("waiting for %s: %v", js, err)
	}
}
