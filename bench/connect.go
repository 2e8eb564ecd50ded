package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// leaveTimeout bounds the goodbye of one participant; the server then keeps the
// seat for a while, which the deletion of the room ends.
const leaveTimeout = 3 * time.Second

// clientJoiner makes participants with signal/client.
type clientJoiner struct {
	url      string
	insecure bool
	light    *client.Light // nil: participants check everything
}

// join implements joiner.
func (j clientJoiner) join(ctx context.Context, s seat) (peer, error) {
	p := &clientPeer{began: time.Now()}
	o, err := j.options(s, &p.meter)
	if err != nil {
		return nil, err
	}
	if p.client, err = client.Connect(ctx, o); err != nil {
		return nil, err
	}
	return p, nil
}

// options are what a seat's client is to do.
func (j clientJoiner) options(s seat, m *meter) (client.Options, error) {
	o := client.Options{URL: j.url, Token: s.token, InsecureTLS: j.insecure, Light: j.light, IgnoreLayers: s.allLayers}
	var err error
	if s.publisher {
		o.Publish, err = publications(s, m)
	}
	return o, err
}

// publications are the camera and the microphone of a publisher.
func publications(s seat, m *meter) ([]client.Publication, error) {
	cfg := source.TraceConfig{Seed: uint64(s.index)}
	if !s.simulcast {
		cfg.RIDs = []string{"f"}
	}
	video, err := source.NewTraceVideo(cfg)
	if err != nil {
		return nil, fmt.Errorf("making video: %w", err)
	}
	pattern := source.Never
	if s.speaks {
		pattern = source.Always
	}
	audio := source.NewSpeech(source.SpeechConfig{Seed: uint64(s.index), Pattern: pattern})
	return []client.Publication{
		{Source: message.SourceMicrophone, Audio: &meteredAudio{Audio: audio, meter: m}},
		{Source: message.SourceCamera, Video: &meteredVideo{Video: video, meter: m}},
	}, nil
}

// clientPeer is a peer of signal/client.
type clientPeer struct {
	client *client.Client
	began  time.Time // when Connect was called
	meter  meter
	// unopened are the slots that had opened without a key frame by mark.
	unopened int64
}

func (p *clientPeer) look(ctx context.Context, tiles []wanted) error {
	layout := make([]message.Tile, 0, len(tiles))
	for _, t := range tiles {
		layout = append(layout, message.Tile{
			Participant: t.participant, Source: message.SourceCamera,
			Width: t.width, Height: t.height, Priority: t.priority,
		})
	}
	return p.client.SetLayout(ctx, layout)
}

func (p *clientPeer) counters() counters { return p.countersOf(p.client.Stats()) }

func (p *clientPeer) countersOf(stats client.Stats) counters {
	c := counters{
		sdp:   int64(stats.SDPAfterFirst),
		audio: received(stats.Audio), video: received(stats.Video),
		ticks: p.meter.ticks.Load(), lateTicks: p.meter.late.Load(),
		noKeyFrame: p.unopened + int64(stats.Video.NoKeyFrame),
	}
	c.video.violations.UnknownStream = int64(stats.Unknown)
	c.video.violations = c.video.violations.summed()
	for _, sent := range stats.Sent {
		to := &c.video
		if sent.Source == message.SourceMicrophone || sent.Source == message.SourceScreenAudio {
			to = &c.audio
		}
		to.sent += int64(sent.Packets)
		to.sentBytes += int64(sent.Bytes)
	}
	if first := stats.Times.FirstVideo; first > 0 {
		c.firstFrame = p.began.Add(first)
	}
	return c
}

// received turns the counts of signal/client into ours.
func received(c check.Counts) mediaCounters {
	return mediaCounters{
		received: int64(c.Packets), receivedBytes: int64(c.Bytes),
		recovered: int64(c.Recovered), lost: int64(c.Lost), frames: int64(c.Frames),
		violations: Violations{
			NoKeyFrame: int64(c.NoKeyFrame), Timestamps: int64(c.Timestamps),
			Pictures: int64(c.PictureGaps + c.TL0Gaps), Jumps: int64(c.Jumps),
			Misrouted: int64(c.Misrouted), Damaged: int64(c.Damaged + c.Malformed),
		}.summed(),
	}
}

func (p *clientPeer) addLatencies(audio, video *hdrhistogram.Histogram) {
	p.client.AddLatency(audio, video)
}

func (p *clientPeer) mark() {
	p.unopened += int64(p.client.Stats().Video.NoKeyFrame)
	p.client.ResetStats()
}

func (p *clientPeer) gone() <-chan struct{} { return p.client.Done() }

func (p *clientPeer) cause() error { return p.client.Err() }

func (p *clientPeer) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if p.client.Leave(ctx) != nil {
		_ = p.client.Close() // never fails
	}
}

// Options are what a run needs to know beside its scenario.
type Options struct {
	// Key of the API, with which the room is made.
	Key string
	// Insecure accepts any TLS certificate.
	Insecure bool
	// Metrics reads the server's metrics and MetricsURL says for people where;
	// without it the figures of the server are null.
	Metrics    ReadMetrics
	MetricsURL string
	// ServerPID is the server's process, where it runs on this host; 0: unknown.
	// Its CPU time is then read from the system, user and system apart.
	ServerPID int
	// Profile tells that process to write a CPU profile of the steady window:
	// SIGUSR1 at its beginning and its end (see `atrium dev --cpu-profile`).
	Profile bool
	// Progress is told how the run gets on.
	Progress Progress
	// Version of the program, for the result.
	Version string
}

// tools are what a run against a server is carried out with.
type tools struct {
	rooms  *apiRooms
	joiner clientJoiner
	server serverWatch
}

// tools opens what a run against the server at url needs, with light clients or
// full ones. Errors as of [Run].
func (o Options) tools(url string, light bool) (*tools, error) {
	if o.Progress == nil {
		return nil, errors.New("bench: no Progress given")
	}
	rooms, err := newAPIRooms(url, o)
	if err != nil {
		return nil, err
	}
	t := &tools{
		rooms: rooms, joiner: clientJoiner{url: url, insecure: o.Insecure},
		server: serverWatch{url: o.MetricsURL, source: o.Metrics, process: process{o.ServerPID}, profile: o.Profile},
	}
	if light {
		if t.joiner.light, err = client.NewLight(); err != nil {
			rooms.close()
			return nil, err
		}
	}
	return t, nil
}

// close ends what the run was carried out with, once every result has been
// read.
func (t *tools) close() {
	if t.joiner.light != nil {
		_ = t.joiner.light.Close() // nothing to be lost
	}
	t.rooms.close()
}

// Run carries the scenario out: it makes a plain room with as many seats as
// participants, lets them join, measures from when all have joined (or failed
// to), and deletes the room, also when it fails or ctx ends.
//
// Some who can't join or drop out are no error, but counted in the result.
// Errors: [ErrScenario], [ErrInterrupted], [ErrNobody], [ErrKey],
// [ErrUnreachable], [ErrCertificate], [ErrNoAtrium], and those of the API's
// client.
func Run(ctx context.Context, s Scenario, o Options) (*Result, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	t, err := o.tools(s.URL, s.Light)
	if err != nil {
		return nil, err
	}
	defer t.close()
	r := &run{
		scenario: s, rooms: t.rooms, joiner: t.joiner, server: t.server, progress: o.Progress, version: o.Version,
	}
	return r.do(ctx)
}
