package media

import (
	"slices"
	"time"
)

// hear registers a member's microphone with the room's detector, in the place
// of the one before.
func (r *Room) hear(m *member, mic *Source) {
	if m.mic == mic {
		return
	}
	if m.mic != nil {
		r.detector.Remove(m.mic.layers[0].id)
		m.mic.detector.Store(nil)
	}
	if m.mic = mic; mic != nil {
		r.detector.Add(mic.layers[0].id)
		mic.detector.Store(r.detector)
	}
}

// listen ranks the voices and tells who speaks.
func (r *Room) listen(now time.Duration) {
	if now < r.nextVoices {
		return
	}
	r.nextVoices = now + voiceInterval
	ranked, moved := r.detector.Tick(now)
	speaking, changed := r.detector.Speaking()
	if moved || changed { // their order matters to the automatic stage
		r.loudest = r.loudest[:0]
		for _, v := range ranked {
			r.loudest = append(r.loudest, v.ID)
		}
		r.soil(now, false)
	}
	if !changed {
		return
	}
	ev := SpeakersChanged{Speakers: []Speaker{}}
	for _, v := range speaking {
		for _, m := range r.members {
			if m.mic != nil && m.mic.layers[0].id == v.ID {
				ev.Speakers = append(ev.Speakers, Speaker{Participant: m.p.id, Level: v.Level})
			}
		}
	}
	if slices.EqualFunc(ev.Speakers, r.speakers.Speakers, func(a, b Speaker) bool { return a.Participant == b.Participant }) {
		return
	}
	r.speakers = ev
	r.announce() // who they are comes first
	for _, m := range r.members {
		m.p.notify(ev)
	}
}
