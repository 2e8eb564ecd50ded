package client_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// door admits whoever names a room and an id: "room/id". It stands for control.
type door struct{ pool media.Pool }

func (d door) Admit(_ context.Context, token string) (signal.Admission, error) {
	room, id, ok := strings.Cut(token, "/")
	if !ok {
		return signal.Admission{}, signal.ErrBadToken
	}
	return signal.Admission{
		ParticipantID: id, Name: id, Role: media.RoleParticipant, Pool: d.pool,
		Room: &media.RoomOptions{ID: room, Kind: "plain", Capacity: 16},
	}, nil
}

func (door) Seat(context.Context, signal.Admission) error { return nil }

func (door) Present(context.Context, signal.Admission, bool) {}

func (door) Left(context.Context, signal.Admission, media.CloseReason) {}

// serve runs the real thing on loopback, and says where.
func serve(pool media.Pool) (url string, engine *media.Engine, stop func(), err error) {
	cfg := media.DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	engine, err = media.NewEngine(cfg, media.Options{})
	if err != nil {
		return "", nil, nil, err
	}
	signals := signal.New(signal.DefaultConfig(), signal.Options{Engine: engine, Authority: door{pool}})
	web := httptest.NewServer(signals)
	return web.URL, engine, func() {
		signals.Close()
		web.Close()
		_ = engine.Close() // nothing hangs on it any more
	}, nil
}

func publications(seed uint64) ([]client.Publication, error) {
	camera, err := source.NewTraceVideo(source.TraceConfig{Seed: seed})
	if err != nil {
		return nil, err
	}
	voice := source.NewSpeech(source.SpeechConfig{Seed: seed})
	return []client.Publication{
		{Source: message.SourceCamera, Video: camera},
		{Source: message.SourceMicrophone, Audio: voice},
	}, nil
}

func join(ctx context.Context, t *testing.T, url, room, id string, change func(*client.Options)) *client.Client {
	t.Helper()
	pubs, err := publications(uint64(id[0]))
	if err != nil {
		t.Fatal(err)
	}
	o := client.Options{URL: url, Token: room + "/" + id, Publish: pubs}
	if change != nil {
		change(&o)
	}
	c, err := client.Connect(ctx, o)
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func await(ctx context.Context, t *testing.T, c *client.Client, what string, ok func(client.State) bool) {
	t.Helper()
	if err := c.WaitFor(ctx, ok); err != nil {
		t.Fatalf("%s waits until %s: %v\n%+v\n%+v", c.ID(), what, err, c.State(), c.Stats())
	}
}

func seesAndHears(who string) func(client.State) bool {
	return func(s client.State) bool {
		return s.Receives(who, message.SourceCamera) && s.Receives(who, message.SourceMicrophone)
	}
}

func start(t *testing.T, pool media.Pool) (context.Context, string, *media.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	url, engine, stop, err := serve(pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return ctx, url, engine
}

// flaws are the counts that a loopback call must not have.
func flaws(c check.Counts) check.Counts {
	return check.Counts{
		Lost: c.Lost, Jumps: c.Jumps, Damaged: c.Damaged, Misrouted: c.Misrouted, Malformed: c.Malformed,
		Timestamps: c.Timestamps, PictureGaps: c.PictureGaps, TL0Gaps: c.TL0Gaps, NoKeyFrame: c.NoKeyFrame,
	}
}

// Three people see and hear each other through the real server; nothing that a
// decoder could stumble over, no stray packet, no SDP after the first answer.
func TestCallThroughAtrium(t *testing.T) {
	ctx, url, _ := start(t, media.SmallPool())
	ids := []string{"ann", "bob", "cy"}
	var clients []*client.Client
	for _, id := range ids {
		clients = append(clients, join(ctx, t, url, "call", id, nil))
	}
	for _, c := range clients {
		for _, id := range ids {
			if id != c.ID() {
				await(ctx, t, c, "it sees and hears "+id, seesAndHears(id))
			}
		}
	}
	if err := clients[0].Chat(ctx, "", "hello"); err != nil {
		t.Error(err)
	}
	await(ctx, t, clients[1], "the chat comes", func(s client.State) bool {
		return len(s.Chats) == 1 && s.Chats[0].Text == "hello" && s.Chats[0].From == "ann"
	})
	await(ctx, t, clients[1], "somebody speaks", func(s client.State) bool { return len(s.Speakers) > 0 })
	for _, c := range clients {
		st := c.Stats()
		if got := flaws(st.Video); got != (check.Counts{}) {
			t.Errorf("%s: video %+v", c.ID(), got)
		}
		if got := flaws(st.Audio); got != (check.Counts{}) {
			t.Errorf("%s: audio %+v", c.ID(), got)
		}
		if st.SDPAfterFirst != 0 || st.Unknown != 0 || st.Times.FirstVideo == 0 {
			t.Errorf("%s: %d SDP, %d of unknown SSRC, times %+v", c.ID(), st.SDPAfterFirst, st.Unknown, st.Times)
		}
	}
	audio, video := check.NewLatency(), check.NewLatency()
	clients[0].AddLatency(audio, video)
	if audio.TotalCount() == 0 || audio.Max() > time.Minute.Microseconds() {
		t.Errorf("latencies of %d packets of sound, up to %d µs", audio.TotalCount(), audio.Max())
	}
	if err := clients[2].Leave(ctx); err != nil {
		t.Error(err)
	}
	await(ctx, t, clients[0], "cy has left", func(s client.State) bool { return len(s.Room.Participants) == 2 })
}

// A move swaps what the slots show, and nothing else: isolation is judged by
// the stamps of everything that comes.
func TestMoveThroughAtrium(t *testing.T) {
	ctx, url, engine := start(t, media.SmallPool())
	ann := join(ctx, t, url, "one", "ann", nil)
	bob := join(ctx, t, url, "one", "bob", nil)
	cy := join(ctx, t, url, "two", "cy", nil)
	await(ctx, t, ann, "it sees bob", seesAndHears("bob"))
	if err := engine.Move(ctx, engine.Participant("ann"), engine.Room("two")); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, ann, "it sees cy", seesAndHears("cy"))
	await(ctx, t, cy, "it sees ann", seesAndHears("ann"))
	await(ctx, t, bob, "ann is gone", func(s client.State) bool { return len(s.Room.Participants) == 1 })
	for _, c := range []*client.Client{ann, bob, cy} {
		st := c.Stats()
		if v, a := flaws(st.Video), flaws(st.Audio); v != (check.Counts{}) || a != (check.Counts{}) || st.SDPAfterFirst != 0 {
			t.Errorf("%s: video %+v audio %+v, %d SDP", c.ID(), v, a, st.SDPAfterFirst)
		}
	}
}

// The seat outlives the WebSocket, and an ICE restart keeps it too (SE-14).
func TestResumeThroughAtrium(t *testing.T) {
	ctx, url, _ := start(t, media.SmallPool())
	ann := join(ctx, t, url, "call", "ann", nil)
	bob := join(ctx, t, url, "call", "bob", nil)
	await(ctx, t, bob, "it sees ann", seesAndHears("ann"))
	ann.Drop()
	await(ctx, t, ann, "the WebSocket is gone", func(s client.State) bool { return !s.Signalling })
	if err := ann.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, ann, "it sees bob again", seesAndHears("bob"))
	if ann.SDPAfterFirst() != 0 {
		t.Errorf("%d SDP for a resume", ann.SDPAfterFirst())
	}
	if err := ann.ICERestart(ctx); err != nil {
		t.Fatal(err)
	}
	sent := ann.Stats().Sent[0].Packets
	bob.ResetStats()
	eventually(ctx, t, func() bool { return bob.Stats().Audio.Packets > 10 }) // ann speaks again
	if ann.Stats().Sent[0].Packets <= sent || ann.State().Transport != webrtc.PeerConnectionStateConnected {
		t.Error("nothing is sent after the restart")
	}
}

func TestTokensThroughAtrium(t *testing.T) {
	ctx, url, _ := start(t, media.SmallPool())
	ann := join(ctx, t, url, "call", "ann", nil)
	for token, code := range map[string]string{"nonsense": message.CodeBadToken, "call/ann": message.CodeSeatTaken} {
		_, err := client.Connect(ctx, client.Options{URL: url, Token: token})
		var bye *client.ByeError
		if !errors.As(err, &bye) || bye.Code != code {
			t.Errorf("token %q: %v, want %s", token, err, code)
		}
	}
	if ann.Err() != nil {
		t.Errorf("ann's call ended: %v", ann.Err())
	}
}
