package source

import (
	"math/rand/v2"
	"time"
)

// Pattern says whether a speaker talks at a time since the beginning.
type Pattern func(at time.Duration) bool

// Always talks.
func Always(time.Duration) bool { return true }

// Never talks.
func Never(time.Duration) bool { return false }

// Turns talks and pauses in turn, each for between half and one and a half
// times as long as given. The same seed gives the same turns.
func Turns(seed uint64, talk, pause time.Duration) Pattern {
	random := rand.New(rand.NewPCG(seed, ^seed))
	around := func(mean time.Duration) time.Duration {
		return max(PacketTime, mean/2+time.Duration(random.Int64N(int64(max(mean, 1)))))
	}
	// Callers go forward in time, so one turn is all that is kept.
	talking := random.IntN(2) == 0
	until := time.Duration(random.Int64N(int64(max(talk, 1)))) // begins within a turn
	return func(at time.Duration) bool {
		for at >= until {
			talking = !talking
			if talking {
				until += around(talk)
			} else {
				until += around(pause)
			}
		}
		return talking
	}
}

// Rota lets several of a group talk at a time, in turns: at every turn another
// set of size talkers out of the group's members. The member is one of them,
// numbered from 0.
func Rota(member, members, talkers int, turn time.Duration) Pattern {
	return func(at time.Duration) bool {
		if members <= 0 || turn <= 0 {
			return false
		}
		first := int(at/turn) * talkers % members
		return (member%members-first+members)%members < talkers
	}
}

// SpeechConfig says what a Speech makes.
type SpeechConfig struct {
	// Pattern says when to talk; nil is Always.
	Pattern Pattern
	// DTX sends one small packet every 400 ms while silent, as Opus does with
	// discontinuous transmission. Browsers have it off by default and send 50
	// packets a second always.
	DTX bool
	// Seed varies sizes and levels.
	Seed uint64
}

// What an Opus speaker of about 32 kbps sends, in bytes and −dBov.
const (
	opusTOC      = 0x78 // hybrid, full band, 20 ms, mono, one frame (RFC 6716 section 3.1)
	talkLeast    = 60
	talkMost     = 100
	silenceLeast = 36 // large enough for a stamp
	silenceMost  = 44
	dtxSize      = 3
	dtxEvery     = 20 // packets: 400 ms

	loudest      = 12
	quietest     = 42
	levelSilence = 127
)

// Speech is an Audio that sounds, to a server, like somebody talking.
type Speech struct {
	cfg    SpeechConfig
	random *rand.Rand
	buf    [talkMost]byte

	packets  int
	silent   int // packets since the last word
	level    int
	wasQuiet bool
}

// NewSpeech makes a source.
func NewSpeech(cfg SpeechConfig) *Speech {
	if cfg.Pattern == nil {
		cfg.Pattern = Always
	}
	s := &Speech{cfg: cfg, random: rand.New(rand.NewPCG(cfg.Seed, 0x5eec)), level: quietest, wasQuiet: true}
	fill(s.buf[:], s.random)
	s.buf[0] = opusTOC
	return s
}

// Next implements Audio.
func (s *Speech) Next(p *Packet) error {
	at := time.Duration(s.packets) * PacketTime
	s.packets++
	*p = Packet{Filler: true}
	if s.cfg.Pattern(at) {
		s.talk(p)
		return nil
	}
	s.wasQuiet = true
	p.Level = levelSilence
	s.silent++
	switch {
	case !s.cfg.DTX:
		p.Data = s.buf[:silenceLeast+s.random.IntN(silenceMost-silenceLeast+1)]
	case s.silent%dtxEvery == 1:
		p.Data = s.buf[:dtxSize]
	}
	return nil
}

// talk makes a packet of speech: the level wanders, as that of syllables does.
func (s *Speech) talk(p *Packet) {
	s.silent = 0
	s.level = min(quietest, max(loudest, s.level+s.random.IntN(11)-5))
	if s.wasQuiet {
		s.level = (loudest + quietest) / 2
	}
	p.Data = s.buf[:talkLeast+s.random.IntN(talkMost-talkLeast+1)]
	p.Level, p.Voice, p.Marker = uint8(s.level), true, s.wasQuiet
	s.wasQuiet = false
}
