package bench

import (
	"context"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range of the latency histograms in microseconds, with three digits: what
// takes longer than a minute counts as a minute.
const (
	latencyLowest  = 1
	latencyHighest = int64(time.Minute / time.Microsecond)
	latencyDigits  = 3
)

// measure waits for the steady window to pass and fills in what happened in
// it.
func (r *run) measure(ctx context.Context, result *Result) error {
	peers := r.attendance.peers()
	// Joining leaves garbage; collecting it within the window would make the
	// generator late.
	runtime.GC()
	r.server.enter(ctx)
	begin := currentUsage(time.Now())
	before := make([]counters, len(peers))
	for i, p := range peers {
		p.mark()
		before[i] = p.counters()
	}

	ticker := time.NewTicker(max(liveEvery, time.Duration(len(peers))*livePerPeer))
	defer ticker.Stop()
	for passed := time.Duration(0); passed < r.scenario.For; passed = time.Since(begin.at) {
		r.progress.Measuring(passed, r.scenario.For, live(peers, before, passed))
		select {
		case <-ctx.Done():
			return ErrInterrupted
		case <-ticker.C:
		case <-time.After(r.scenario.For - passed):
		}
	}
	sum := sumSince(peers, before)
	end := currentUsage(time.Now())
	r.server.leave(ctx)
	window := end.at.Sub(begin.at)
	r.progress.Measuring(r.scenario.For, r.scenario.For, live(peers, before, window))

	result.Audio, result.Video = sum.audio.figures(window), sum.video.figures(window)
	all := sum.audio.plus(sum.video)
	result.Loss = all.figures(window).Loss
	audio, video := latenciesOf(peers)
	result.LatencyAudio = percentilesOfHistogram(audio, time.Microsecond)
	result.LatencyVideo = percentilesOfHistogram(video, time.Microsecond)
	audio.Merge(video)
	result.Latency = percentilesOfHistogram(audio, time.Microsecond)
	result.Server = r.server.figures(window, all.received)
	result.Generator, result.VoidReasons = generatorFigures(begin, end, sum, runtime.GOMAXPROCS(0))
	result.Void = result.Generator.Saturated
	if result.VoidReasons == nil {
		result.VoidReasons = []string{}
	}
	return nil
}

// sumSince adds up what all peers counted after before.
func sumSince(peers []peer, before []counters) (sum counters) {
	for i, p := range peers {
		c := p.counters()
		sum.audio = sum.audio.plus(c.audio.since(before[i].audio))
		sum.video = sum.video.plus(c.video.since(before[i].video))
		sum.ticks += c.ticks - before[i].ticks
		sum.lateTicks += c.lateTicks - before[i].lateTicks
	}
	return sum
}

// latenciesOf merges the latencies of all peers.
func latenciesOf(peers []peer) (audio, video *hdrhistogram.Histogram) {
	audio = hdrhistogram.New(latencyLowest, latencyHighest, latencyDigits)
	video = hdrhistogram.New(latencyLowest, latencyHighest, latencyDigits)
	for _, p := range peers {
		p.addLatencies(audio, video)
	}
	return audio, video
}

// live is what can be said after that much of the steady window.
func live(peers []peer, before []counters, passed time.Duration) Live {
	var l Live
	sum := sumSince(peers, before)
	all := sum.audio.plus(sum.video)
	for _, p := range peers {
		select {
		case <-p.gone():
			l.Gone++
		default:
		}
	}
	l.Lost = all.lost
	if passed > 0 {
		l.SentRate = float64(all.sent) / passed.Seconds()
		l.ReceivedRate = float64(all.received) / passed.Seconds()
	}
	return l
}
