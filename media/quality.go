package media

import "time"

// Shares of lost packets from which a connection counts as fair and poor: up
// to 2 % resending hides all, beyond 8 % faces freeze.
const (
	fairLoss = 0.02
	poorLoss = 0.08
	fairRTT  = 400 * time.Millisecond
)

// traffic is what a member's layers had received when it was last judged.
type traffic struct{ received, lost uint64 }

// judge grades everybody's connection and tells the room what changed.
func (r *Room) judge(now time.Duration) {
	if now < r.nextQuality {
		return
	}
	r.nextQuality = now + qualityInterval
	if r.lingering {
		r.soil(now, false)
	}
	var changed []Quality
	for _, m := range r.members {
		q := m.grade(now)
		if q != m.quality {
			m.quality = q
			changed = append(changed, q)
		}
	}
	if len(changed) == 0 {
		return
	}
	r.announce() // who they are comes first
	for _, m := range r.members {
		m.p.notify(QualityChanged{Participants: changed})
	}
}

// grade rates the last interval.
func (m *member) grade(now time.Duration) Quality {
	m.p.mu.Lock()
	state, t := m.p.state, m.p.transport
	m.p.mu.Unlock()
	if state == TransportNew {
		return m.quality // nothing is known yet
	}
	q := Quality{Participant: m.p.id, Score: QualityGood}
	if state != TransportConnected {
		q.Score = QualityLost
		return q
	}
	upload := m.uploadLoss(t)
	download := t.downloadLoss(now)
	worst := max(upload, download)
	m.loss = worst
	switch {
	case worst >= poorLoss:
		q.Score = QualityPoor
	case worst >= fairLoss || t.rtt() >= fairRTT:
		q.Score = QualityFair
	default:
		return q
	}
	switch {
	case upload >= fairLoss && download >= fairLoss:
		q.Reason = "both"
	case upload >= fairLoss:
		q.Reason = "upload"
	case download >= fairLoss:
		q.Reason = "download"
	}
	return q
}

// uploadLoss is the share of the publisher's packets that were lost for good
// since the last call.
func (m *member) uploadLoss(t *transport) float64 {
	var sum traffic
	for _, s := range t.sources {
		for _, l := range s.layers {
			sum.received += l.received.Load()
			sum.lost += l.lost.Load()
		}
	}
	received, lost := sum.received-m.traffic.received, sum.lost-m.traffic.lost
	replaced := sum.received < m.traffic.received
	m.traffic = sum
	if replaced || received == 0 {
		return 0
	}
	return float64(lost) / float64(received+lost)
}

// downloadLoss is the mean of what the receiver reported of its slots.
func (t *transport) downloadLoss(now time.Duration) float64 {
	var sum float64
	var n int
	for _, s := range t.slots {
		s.mu.Lock()
		if s.cur != nil && s.remote.at > 0 && now-s.remote.at < 2*qualityInterval {
			sum += s.remote.lost
			n++
		}
		s.mu.Unlock()
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
