package bench

import "time"

// SchemaBreakout names the layout of [BreakoutResult].
const SchemaBreakout = "atrium-bench/breakout/1"

// BreakoutResult is what a run of a [Breakout] found out. BREAKOUT.md describes
// each field and a test keeps the two alike; for units and null see [Result].
type BreakoutResult struct {
	Schema   string       `json:"schema"`
	Started  time.Time    `json:"started"`
	Tool     Tool         `json:"tool"`
	Scenario BreakoutInfo `json:"scenario"`

	// Void is set when the generator was the bottleneck: no claim holds.
	Void        bool     `json:"void"`
	VoidReasons []string `json:"void_reasons"`

	// SDP counts the offers and answers exchanged after the first answer, of
	// everybody over the whole run.
	SDP int64 `json:"sdp"`
	// Stray counts packets of another room, see BREAKOUT.md.
	Stray int64 `json:"stray"`
	// NoKeyFrame counts switches of slots that didn't open with a key frame.
	NoKeyFrame int64 `json:"no_key_frame"`
	// Loss is the share of all RTP packets that never reached their receiver.
	Loss *float64 `json:"loss" unit:"ratio"`

	Joins BreakoutJoins `json:"joins"`
	// Register is how long the API took to register somebody, Enter to let them
	// into the lobby by their link; Parked is from opening the link until the
	// transport is up and what they publish is sent.
	Register Percentiles `json:"register"`
	Enter    Percentiles `json:"enter"`
	Parked   Percentiles `json:"parked"`

	// Admit is of the individual consultation, Storm of the group.
	Admit Admissions `json:"admit"`
	Storm Storm      `json:"storm"`

	// What follows is of the opening and of all moves between breakouts.
	//
	// AudioGap is the longest silence of each participant from just before the
	// request until a while after the move, SteadyGap the same without a move.
	AudioGap  Percentiles `json:"audio_gap"`
	SteadyGap Percentiles `json:"steady_gap"`
	// Told, FirstAudio and FirstVideo are from sending the request until the
	// message about the new room, the first packet of sound, and the first packet
	// of a key frame there.
	Told       Percentiles `json:"told"`
	FirstAudio Percentiles `json:"first_audio"`
	FirstVideo Percentiles `json:"first_video"`

	// Closing is the same of the return to the main room.
	Closing Closing `json:"closing"`
	// Moves are the opening, each move, and the closing.
	Moves []BreakoutMove `json:"moves"`

	// Seconds is the length of the time that Loss, Server and Generator are of:
	// from the first move to the last, or, without breakouts, the admission of
	// all.
	Seconds   float64   `json:"seconds" unit:"s"`
	Server    Server    `json:"server"`
	Generator Generator `json:"generator"`

	Assertions []Verdict `json:"assertions"`
}

// BreakoutInfo is the scenario as the result repeats it.
type BreakoutInfo struct {
	URL           string  `json:"url"`
	Participants  int     `json:"participants"`
	Rooms         int     `json:"rooms"`
	Moves         int     `json:"moves"`
	Admits        int     `json:"admits"`
	Together      bool    `json:"together"`
	Singly        bool    `json:"singly"`
	Simulcast     bool    `json:"simulcast"`
	Light         bool    `json:"light"`
	RampPerSecond float64 `json:"ramp_per_second" unit:"/s"`
	PauseSeconds  float64 `json:"pause_seconds" unit:"s"`
}

// BreakoutJoins counts how the participants fared; the moderator isn't one.
type BreakoutJoins struct {
	Planned    int `json:"planned"`
	Registered int `json:"registered"`
	Waiting    int `json:"waiting"` // got into the lobby, with their transport up
	Admitted   int `json:"admitted"`
	// Together are those who heard and saw somebody in the group.
	Together int `json:"together"`
	Failed   int `json:"failed"`
	Dropped  int `json:"dropped"`
	// Errors are the distinct reasons of Failed and Dropped, with counts.
	Errors []ErrorCount `json:"errors"`
}

// Admissions are of a guest who waits, or is on hold, with their transport up,
// and is admitted to a provider who is in the call (PF-5).
type Admissions struct {
	// Request is how long the request took.
	Request Percentiles `json:"request"`
	// Hear and See are from its return until both had received each other's
	// sound, and a key frame of each other's video; 0: before it returned.
	Hear Percentiles `json:"hear"`
	See  Percentiles `json:"see"`
	// HearSent and SeeSent are the same from sending it.
	HearSent Percentiles `json:"hear_sent"`
	SeeSent  Percentiles `json:"see_sent"`
}

// Storm is the admission of everybody who waited, by one request.
type Storm struct {
	Admitted int `json:"admitted"`
	// Refused were left in the lobby.
	Refused int `json:"refused"`
	// LinksSeconds is from the first link that was opened to the last one.
	LinksSeconds *float64 `json:"links_seconds" unit:"s"`
	// RequestSeconds is how long the request took.
	RequestSeconds *float64 `json:"request_seconds" unit:"s"`
	// Hear and See are from sending it until each received somebody's sound, and
	// a key frame of somebody's video.
	Hear Percentiles `json:"hear"`
	See  Percentiles `json:"see"`
}

// Closing is the end of the breakouts.
type Closing struct {
	AudioGap   Percentiles `json:"audio_gap"`
	Told       Percentiles `json:"told"`
	FirstAudio Percentiles `json:"first_audio"`
	FirstVideo Percentiles `json:"first_video"`
}

// BreakoutMove is one move of everybody.
type BreakoutMove struct {
	// Kind is open, move or close.
	Kind string `json:"kind"`
	// RequestSeconds is how long the API took, for all requests of the move.
	RequestSeconds float64     `json:"request_seconds" unit:"s"`
	AudioGap       Percentiles `json:"audio_gap"`
	Told           Percentiles `json:"told"`
	FirstAudio     Percentiles `json:"first_audio"`
	FirstVideo     Percentiles `json:"first_video"`
	Stray          int64       `json:"stray"`
}

// Kinds of a [BreakoutMove].
const (
	moveOpen  = "open"
	moveMove  = "move"
	moveClose = "close"
)

// Fields lists the scalars of r in the order of its JSON form.
func (r *BreakoutResult) Fields() []Field { return fieldsOf(r) }

// Judge decides the claims and keeps the verdicts in the result, in order.
func (r *BreakoutResult) Judge(claims []Assertion) {
	r.Assertions = append(r.Assertions, judgeAll(claims, r.Fields(), r.Void)...)
}

// Held says whether every assertion held.
func (r *BreakoutResult) Held() bool { return allHeld(r.Assertions) }

// Complete says whether everybody came together and stayed.
func (r *BreakoutResult) Complete() bool {
	return r.Joins.Together == r.Joins.Planned && r.Joins.Dropped == 0
}
