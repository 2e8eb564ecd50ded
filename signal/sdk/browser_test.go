package sdk_test

import (
	"strings"
	"testing"
)

// connected opens a page that has connected as `room`, with what more options
// say.
func connected(t *testing.T, p *peer, more string) *page {
	t.Helper()
	b := openPage(t, p.url)
	b.run(`sdk.connect('/signal', {token: 'first' ` + more + `}).then((r) => { window.room = r; window.first = r.peerConnection; })`)
	b.until(`room.state === 'connected'`)
	return b
}

// The offer has the lines of the pool in order, our codecs and extensions
// only, simulcast, and no address.
func TestOffer(t *testing.T) {
	p := newPeer(t)
	connected(t, p, "")
	join := p.await(1, msg{"type": "join"})
	if join["token"] != "first" || len(join) != 2 {
		t.Errorf("join is %v", join)
	}
	sdp := p.await(1, msg{"type": "offer"})["sdp"].(string)
	sections := strings.Split(sdp, "\r\nm=")[1:]
	var got []string
	for _, s := range sections {
		for _, direction := range []string{"sendonly", "recvonly"} {
			if strings.Contains(s, "\r\na="+direction+"\r\n") {
				got = append(got, s[:1]+direction[:1])
			}
		}
	}
	want := "as vs vs as" + strings.Repeat(" ar vr", 7)
	if strings.Join(got, " ") != want {
		t.Errorf("lines are %v, want %s", got, want)
	}
	for _, line := range strings.Split(sdp, "\r\n") {
		if strings.HasPrefix(line, "a=rtpmap:") && !strings.Contains(line, " VP8/") && !strings.Contains(line, " rtx/") && !strings.Contains(line, " opus/") {
			t.Errorf("another codec: %s", line)
		}
		if strings.HasPrefix(line, "a=candidate") || strings.HasPrefix(line, "c=") && line != "c=IN IP4 0.0.0.0" {
			t.Errorf("an address: %s", line)
		}
	}
	if strings.Contains(sdp, "dependency-descriptor") {
		t.Error("the dependency descriptor is offered")
	}
	if !strings.Contains(sections[1], "a=simulcast:send q;h;f") || !strings.Contains(sections[2], "a=simulcast:send q;f") {
		t.Error("no simulcast in camera or screen")
	}
	for _, extension := range []string{"sdes:mid", "sdes:rtp-stream-id", "repaired-rtp-stream-id", "transport-wide-cc", "abs-send-time"} {
		if !strings.Contains(sections[1], extension) {
			t.Errorf("the camera does not offer %s", extension)
		}
	}
	if len(sdp) > 64<<10 {
		t.Errorf("the offer has %d bytes", len(sdp))
	}
}

// What is published is said with its mid; layers switch encodings.
func TestPublish(t *testing.T) {
	p := newPeer(t)
	b := connected(t, p, "")
	b.run(`room.publish('camera', camera())`)
	p.await(1, msg{"type": "publish", "mid": "1", "source": "camera", "active": true})
	active := `room.peerConnection.getTransceivers()[1].sender.getParameters().encodings.map((e) => e.rid + e.active).join()`
	if got := b.run(active); got != "qtrue,htrue,ftrue" {
		t.Errorf("encodings: %v", got)
	}
	p.send(msg{"type": "layers", "source": "camera", "rids": []string{"q", "f"}})
	b.until(active + ` === 'qtrue,hfalse,ftrue'`)
	b.run(`room.mute('camera', true)`)
	p.await(1, msg{"type": "mute", "source": "camera", "muted": true})
	b.run(`room.unpublish('camera')`)
	p.await(1, msg{"type": "publish", "mid": "1", "source": "camera", "active": false})
	if code := b.run(`room.publish('microphone', camera()).catch((e) => e.code)`); code != "bad_argument" {
		t.Errorf("a video track as microphone: %v", code)
	}
}

// R-IC: a lost connection returns to its seat with the latest secret, keeps
// the media connection and says its whole state again.
func TestReturns(t *testing.T) {
	p := newPeer(t)
	b := connected(t, p, "")
	b.run(`room.publish('camera', camera(), {muted: true})`)
	b.run(`room.setLayout([{participant: 'x', source: 'camera', width: 2, height: 1, priority: 1}])`)
	p.await(1, msg{"type": "layout"}) // or dropping the connection may overtake it
	for n := 2; n <= 3; n++ {
		p.drop()
		join := p.await(n, msg{"type": "join"})
		if want := "me.secret-" + string(rune('0'+n-1)); join["resume"] != want || join["token"] != nil {
			t.Errorf("join %d is %v, want resume %s", n, join, want)
		}
		p.await(n, msg{"type": "publish", "source": "camera", "active": true})
		p.await(n, msg{"type": "mute", "source": "camera", "muted": true})
		p.await(n, msg{"type": "layout"})
		b.until(`room.state === 'connected' && room.resume === 'me.secret-` + string(rune('0'+n)) + `'`)
	}
	if b.run(`room.peerConnection === first`) != true {
		t.Error("the media connection was replaced")
	}
}

// A seat that is gone is replaced by one of a new token, with a new media
// connection.
func TestRenews(t *testing.T) {
	p := newPeer(t)
	p.onJoin = func(n int, join msg) msg {
		if join["resume"] != nil {
			return msg{"type": "bye", "code": "resume_unknown", "reason": "no such seat", "retry": false}
		}
		return welcome(n, false)
	}
	b := connected(t, p, `, renew: async () => 'second'`)
	p.drop()
	p.await(1, msg{"type": "join", "token": "second"})
	p.await(2, msg{"type": "offer"})
	b.until(`room.state === 'connected' && room.peerConnection !== first`)
}

// A transport that the server has lost is brought back by an ICE restart.
func TestRestartsICE(t *testing.T) {
	p := newPeer(t)
	b := connected(t, p, "")
	ufrag := func(n int) string {
		_, rest, _ := strings.Cut(p.await(n, msg{"type": "offer"})["sdp"].(string), "a=ice-ufrag:")
		return strings.SplitN(rest, "\r\n", 2)[0]
	}
	before := ufrag(1)
	p.send(msg{"type": "transport", "state": "failed"})
	if after := ufrag(2); after == before {
		t.Errorf("the second offer has the ufrag %s too", after)
	}
	b.until(`room.state === 'connected' && room.peerConnection === first`)
}

// The map says what the slots carry; one of another stay is void.
func TestMap(t *testing.T) {
	p := newPeer(t)
	b := connected(t, p, "")
	person := func(id string) msg {
		return msg{"id": id, "name": id, "role": "participant", "hand": false, "connected": true, "sources": []msg{}}
	}
	slots := []msg{{"mid": "4", "participant": "a", "source": "microphone", "state": "live"}, {"mid": "5", "participant": "a", "source": "camera", "state": "paused", "reason": "key_frame"}}
	keys := `[...room.tracks].map(([k, t]) => k + ' ' + t.state + t.reason + ' ' + t.track.kind).join()`
	p.send(msg{"type": "map", "epoch": 7, "slots": slots}) // before its room: applied with it
	p.send(msg{"type": "room", "id": "r", "name": "R", "kind": "plain", "epoch": 7, "participants": []msg{person("me"), person("a")}})
	b.until(keys + ` === 'a/microphone live audio,a/camera pausedkey_frame video'`)
	p.send(msg{"type": "map", "epoch": 6, "slots": []msg{}})
	p.send(msg{"type": "participants", "joined": []msg{person("b")}, "left": []string{"a"}})
	b.until(`[...room.participants.keys()].join() === 'me,b'`)
	if got := b.run(keys); got != "a/microphone live audio,a/camera pausedkey_frame video" {
		t.Errorf("a void map was applied: %v", got)
	}
	p.send(msg{"type": "room", "id": "", "name": "", "kind": "parked", "epoch": 8, "participants": []msg{}})
	b.until(`room.tracks.size === 0 && room.room.kind === 'parked'`)
	if n := b.run(`room.audio.length`); n != 7.0 {
		t.Errorf("%v audio slots, want 7", n)
	}
}

// R-GC-5: what the moderators set comes as controls, with each move and
// between; hands have an order; a voice to all rooms has a name.
func TestControls(t *testing.T) {
	p := newPeer(t)
	b := connected(t, p, "")
	b.run(`void (window.told = [], room.on('controls', (c) => told.push([c.id, c.name, c.chat, c.spotlight, c.inCharge, c.call, c.breakouts.map((x) => x.name).join('+'), c.endsAt?.getTime() ?? 0, c.breakoutsOpen, c.breakoutsEndAt?.getTime() ?? 0].join())))`)
	b.run(`void (window.hands = [], room.on('hands', (h) => hands.push(h.map((x) => x.id).join('+'))))`)
	b.run(`void (window.notices = [], room.on('notice', (n) => notices.push([n.code, n.text, n.from, n.room, n.at?.getTime() ?? 0].join())))`)
	person := func(id, hand string) msg {
		m := msg{"id": id, "name": id, "role": "participant", "hand": hand != "", "connected": true, "sources": []msg{}}
		if hand != "" {
			m["hand_at"] = hand
		}
		return m
	}
	p.send(msg{
		"type": "room", "id": "r", "name": "R", "kind": "group", "epoch": 7, "call": "c", "controls": msg{"chat": "on", "spotlight": "", "in_charge": "m"},
		"breakouts": []msg{}, "participants": []msg{person("me", ""), person("a", "2026-01-01T00:00:00.2Z"), person("b", "2026-01-01T00:00:00.1Z")},
	})
	p.send(msg{
		"type": "controls", "room": "r", "name": "R2", "ends_at": "2026-01-01T00:00:00Z", "call": "c", "controls": msg{"chat": "off", "spotlight": "a", "in_charge": "m"},
		"breakouts": []msg{{"id": "x", "name": "X"}, {"id": "y", "name": "Y"}}, "breakouts_open": true, "breakouts_end_at": "2026-01-01T00:00:01Z",
	})
	p.send(msg{"type": "controls", "room": "elsewhere", "name": "no", "controls": msg{"chat": "on"}})
	p.send(msg{"type": "participants", "changed": []msg{person("b", ""), person("me", "2026-01-01T00:00:00.3Z")}})
	p.send(msg{"type": "notice", "code": "help", "message": "m", "text": "t", "from": "a", "room": "x", "at": "2026-01-01T00:00:00Z"})
	p.send(msg{"type": "map", "epoch": 7, "slots": []msg{{"mid": "4", "participant": "m", "source": "microphone", "state": "live", "name": "Mary"}}})
	b.until(`room.tracks.get('m/microphone')?.name === 'Mary'`)
	for js, want := range map[string]any{
		`told.join('|')`:  `r,R,true,,m,c,,0,false,0|r,R2,false,a,m,c,X+Y,1767225600000,true,1767225601000`,
		`hands.join('|')`: `b+a|a+me`,
		`Math.abs(room.now.getTime() - Date.UTC(2030, 0, 1)) < 60000`: true, // as welcome says
		`room.hands.map((x) => x.id).join('+')`:                       `a+me`,
		`notices.join('|')`:                                           `help,t,a,x,1767225600000`,
	} {
		if got := b.run(js); got != want {
			t.Errorf("%s: %v, want %s", js, got, want)
		}
	}
	b.run(`room.chat('hello', {to: sdk.MODERATORS})`)
	p.await(1, msg{"type": "chat", "to": "moderators", "text": "hello"})
}

// Every refusal has its stable code.
func TestRefusals(t *testing.T) {
	p := newPeer(t)
	p.onJoin = func(n int, join msg) msg {
		if join["token"] == "full" {
			return msg{"type": "bye", "code": "room_full", "reason": "full", "retry": false}
		}
		return welcome(n, false)
	}
	b := openPage(t, p.url)
	for js, want := range map[string]string{
		`sdk.connect('/signal', {token: 'full'})`:                           "room_full",
		`sdk.connect('/signal', {})`:                                        "bad_argument",
		`sdk.connect('/nowhere', {token: 'x'})`:                             "connection_lost",
		`sdk.connect('/signal', {token: 'x', signal: AbortSignal.abort()})`: "aborted",
		`(() => { const c = new AbortController(); const r = sdk.connect('/signal', {token: 'x', signal: c.signal}); c.abort(); return r; })()`: "aborted",
	} {
		if got := b.run(js + `.then(() => 'connected', (e) => e instanceof sdk.AtriumError && e.code)`); got != want {
			t.Errorf("%s: %v, want %s", js, got, want)
		}
	}
	b.run(`sdk.connect('/signal', {token: 'x'}).then((r) => { window.room = r; r.on('closed', (e) => window.ended = e.code); r.on('error', (e) => window.failed = e.code); })`)
	p.send(msg{"type": "error", "code": "rate_limited", "message": "slower"})
	b.until(`window.failed === 'rate_limited' && room.state !== 'closed'`)
	b.run(`void room.on('notice', (n) => window.notice = n.code)`)
	p.send(msg{"type": "notice", "code": "draining", "message": "soon"})
	b.until(`window.notice === 'draining' && room.state !== 'closed'`)
	p.send(msg{"type": "later_version", "x": 1})
	p.send(msg{"type": "bye", "code": "removed", "reason": "by a moderator", "retry": false})
	b.until(`window.ended === 'removed' && room.state === 'closed' && room.peerConnection.connectionState === 'closed'`)
	if code := b.run(`room.publish('camera', camera()).catch((e) => e.code)`); code != "closed" {
		t.Errorf("publishing after the end: %v", code)
	}
}
