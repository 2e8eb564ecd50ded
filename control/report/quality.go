package report

import "time"

// Sample is how a participant's connection did at a moment.
type Sample struct {
	Loss    float64       // of packets, of the worse direction: 0 to 1
	RTT     time.Duration // 0: not known
	Jitter  time.Duration
	Freezes int // since the sample before
	Score   int // 0 (lost) to 100 (good)
	Relayed bool
}

// Quality is what samples come to: sums, so that they can be added up.
type Quality struct {
	Samples int     `json:"samples" cbor:"1,keyasint"`
	Loss    float64 `json:"loss" cbor:"2,keyasint"`                     // sum
	RTT     float64 `json:"rtt" cbor:"3,keyasint"`                      // sum, ms
	RTTs    int     `json:"rtts,omitempty" cbor:"4,keyasint,omitempty"` // samples that knew it
	Jitter  float64 `json:"jitter" cbor:"5,keyasint"`                   // sum, ms
	Freezes int     `json:"freezes,omitempty" cbor:"6,keyasint,omitempty"`
	Score   int     `json:"score" cbor:"7,keyasint"` // sum
	Relayed int     `json:"relayed,omitempty" cbor:"8,keyasint,omitempty"`
}

// Add adds a sample.
func (q *Quality) Add(s Sample) {
	q.Samples++
	q.Loss += min(max(s.Loss, 0), 1)
	if s.RTT > 0 {
		q.RTTs++
		q.RTT += float64(s.RTT) / float64(time.Millisecond)
	}
	q.Jitter += float64(s.Jitter) / float64(time.Millisecond)
	q.Freezes += s.Freezes
	q.Score += min(max(s.Score, 0), 100)
	if s.Relayed {
		q.Relayed++
	}
}

// Merge adds what other samples came to.
func (q *Quality) Merge(o Quality) {
	q.Samples += o.Samples
	q.Loss += o.Loss
	q.RTT += o.RTT
	q.RTTs += o.RTTs
	q.Jitter += o.Jitter
	q.Freezes += o.Freezes
	q.Score += o.Score
	q.Relayed += o.Relayed
}

// figures are the means of a Quality that is shown; nil where nothing was
// sampled.
func (q *Quality) figures() (loss, rtt, jitter, freezes, score any) {
	if q == nil || q.Samples == 0 {
		return nil, nil, nil, nil, nil
	}
	n := float64(q.Samples)
	if q.RTTs > 0 {
		rtt = round(q.RTT/float64(q.RTTs), 1)
	}
	return round(100*q.Loss/n, 2), rtt, round(q.Jitter/n, 1), q.Freezes, round(float64(q.Score)/n, 0)
}

// relayed says whether the connection went through a relay; nil when nothing
// was sampled.
func (q *Quality) relayed() any {
	if q == nil || q.Samples == 0 {
		return nil
	}
	return q.Relayed > 0
}
