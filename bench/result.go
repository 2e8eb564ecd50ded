package bench

import "time"

// SchemaRoom names the layout of [Result]. A change that breaks readers of
// result.json (a field removed or given another meaning) raises the number.
const SchemaRoom = "atrium-bench/room/1"

// Result is what a run found out; result.json is its JSON form. RESULT.md
// describes each field and a test keeps the two alike.
//
// The tag `unit` says how a number is to be read, and which units an assertion
// may compare it with: "s" (seconds), "us" (microseconds), "ratio" (1 is all),
// "bytes", "bit/s", "cores" (CPU seconds per second), "/s", or nothing for
// counts. Pointers are nil, in JSON null, where a figure could not be measured.
type Result struct {
	Schema   string       `json:"schema"`
	Started  time.Time    `json:"started"`
	Tool     Tool         `json:"tool"`
	Scenario ScenarioInfo `json:"scenario"`

	// Void is set when the generator was the bottleneck: no claim holds.
	Void        bool     `json:"void"`
	VoidReasons []string `json:"void_reasons"`

	// Loss is the share of all RTP packets (audio and video) that never
	// reached their receiver, resends included.
	Loss *float64 `json:"loss" unit:"ratio"`
	// SDP counts the offers and answers exchanged after the first answer, of
	// all participants over the whole run.
	SDP int64 `json:"sdp"`

	Joins Joins `json:"joins"`
	// Join is the time from asking for a token until the participant is
	// welcome and its transport (ICE and DTLS) is connected.
	Join Percentiles `json:"join"`
	// Token is the part of Join that the HTTP API took.
	Token Percentiles `json:"token"`
	// FirstFrame is the time from the beginning of the join, or from the join
	// of the first other publisher where that came later, until the first
	// packet of a key frame of anybody's video.
	FirstFrame Percentiles `json:"first_frame"`

	Audio Media `json:"audio"`
	Video Media `json:"video"`

	// Latency is one way, from handing a packet to the publisher's transport
	// until a receiver has decrypted it; what had to be resent is left out.
	Latency      Percentiles `json:"latency"`
	LatencyAudio Percentiles `json:"latency_audio"`
	LatencyVideo Percentiles `json:"latency_video"`

	Server    Server    `json:"server"`
	Generator Generator `json:"generator"`

	Assertions []Verdict `json:"assertions"`
}

// Tool says what made a result.
type Tool struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// ScenarioInfo is the scenario as result.json repeats it.
type ScenarioInfo struct {
	URL           string  `json:"url"`
	Participants  int     `json:"participants"`
	Publishers    int     `json:"publishers"`
	Layout        Layout  `json:"layout"`
	Simulcast     bool    `json:"simulcast"`
	Light         bool    `json:"light"`
	AllLayers     bool    `json:"all_layers"`
	Seconds       float64 `json:"seconds" unit:"s"`
	RampPerSecond float64 `json:"ramp_per_second" unit:"/s"`
}

// Joins counts how the participants fared.
type Joins struct {
	Planned   int `json:"planned"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	// Dropped are those that had joined and were gone before the end.
	Dropped int `json:"dropped"`
	// Seeing are those to whom a key frame of somebody's video came.
	Seeing int `json:"seeing"`
	// NoKeyFrame counts switches of slots that didn't open with a key frame,
	// from the first join on: most slots open before the steady window.
	NoKeyFrame int64 `json:"no_key_frame"`
	// Errors are the distinct reasons of Failed and Dropped, with counts.
	Errors []ErrorCount `json:"errors"`
}

// ErrorCount is a reason and how often it came up.
type ErrorCount struct {
	Error string `json:"error"`
	Count int    `json:"count"`
}

// Percentiles sums a distribution of durations up. All but Count are null when
// there was no sample.
type Percentiles struct {
	Count int64    `json:"count"`
	Min   *float64 `json:"min" unit:"s"`
	Mean  *float64 `json:"mean" unit:"s"`
	P50   *float64 `json:"p50" unit:"s"`
	P90   *float64 `json:"p90" unit:"s"`
	P95   *float64 `json:"p95" unit:"s"`
	P99   *float64 `json:"p99" unit:"s"`
	Max   *float64 `json:"max" unit:"s"`
}

// Media counts one kind of media over the steady window, all participants
// taken together.
type Media struct {
	// SentPackets and SentBytes (RTP payload) were handed to the transports.
	SentPackets int64 `json:"sent_packets"`
	SentBytes   int64 `json:"sent_bytes" unit:"bytes"`
	// ReceivedPackets are distinct packets, each counted once per receiver.
	ReceivedPackets int64 `json:"received_packets"`
	ReceivedBytes   int64 `json:"received_bytes" unit:"bytes"`
	// RecoveredPackets are those of ReceivedPackets that came as a resend.
	RecoveredPackets int64 `json:"recovered_packets"`
	// LostPackets are missing in the sequence numbers of the receivers.
	LostPackets int64 `json:"lost_packets"`
	// Loss is LostPackets ÷ (LostPackets + ReceivedPackets).
	Loss *float64 `json:"loss" unit:"ratio"`
	// Frames are VP8 frames of which the first packet was received; 0 for audio.
	Frames     int64      `json:"frames"`
	Violations Violations `json:"violations"`
	// SentRate and ReceivedRate are packets per second.
	SentRate     float64 `json:"sent_rate" unit:"/s"`
	ReceivedRate float64 `json:"received_rate" unit:"/s"`
	// ReceivedBits is payload bits per second, all receivers together.
	ReceivedBits float64 `json:"received_bits" unit:"bit/s"`
}

// Violations are what a decoder or a listener would trip over, none of which
// any loss explains.
type Violations struct {
	// Total is the sum of those below.
	Total int64 `json:"total"`
	// NoKeyFrame counts switches of a slot that didn't open with a key frame,
	// though nothing was lost.
	NoKeyFrame int64 `json:"no_key_frame"`
	// Timestamps went back, or changed within a frame.
	Timestamps int64 `json:"timestamps"`
	// Pictures counts breaks of VP8's picture ids and TL0 numbers.
	Pictures int64 `json:"pictures"`
	// Jumps are leaps of the sequence number (SE-11).
	Jumps int64 `json:"jumps"`
	// Misrouted packets are of somebody whom the map doesn't name.
	Misrouted int64 `json:"misrouted"`
	// Damaged packets are too short, or have a stamp with a wrong checksum.
	Damaged int64 `json:"damaged"`
	// UnknownStream counts packets of an SSRC that the answer didn't name;
	// audio's stand with video's.
	UnknownStream int64 `json:"unknown_stream"`
}

// Server is what the server's /metrics said before and after the steady
// window. Everything is null when Metrics could not be read.
type Server struct {
	Metrics string `json:"metrics"`
	// Problem says why figures are missing; "" when none are.
	Problem string `json:"problem"`
	// CPU is the process's user and system time per second.
	CPU *float64 `json:"cpu" unit:"cores"`
	// UserCPU and SystemCPU are its parts, known where the server's process is.
	UserCPU   *float64 `json:"user_cpu" unit:"cores"`
	SystemCPU *float64 `json:"system_cpu" unit:"cores"`
	// JoinCPUSeconds is the process's CPU time from the first join to the last.
	JoinCPUSeconds *float64 `json:"join_cpu_seconds" unit:"s"`
	PacketsIn      *float64 `json:"packets_in"`
	PacketsOut     *float64 `json:"packets_out"`
	// GSOShare is the share of the packets sent that left in runs of two or
	// more (UDP_SEGMENT), RTCP included.
	GSOShare *float64 `json:"gso_share" unit:"ratio"`
	// UploadLoss is the share of packets to the server that never reached it.
	UploadLoss *float64 `json:"upload_loss" unit:"ratio"`
	// DroppedPackets sums all reasons.
	DroppedPackets *float64 `json:"dropped_packets"`
	// USPerForwardedPacket is CPU time ÷ packets the server sent.
	USPerForwardedPacket *float64 `json:"us_per_forwarded_packet" unit:"us"`
	// USPerPacket is CPU time ÷ packets in and out.
	USPerPacket *float64 `json:"us_per_packet" unit:"us"`
	// USPerReceivedPacket is CPU time ÷ packets the participants received.
	USPerReceivedPacket *float64 `json:"us_per_received_packet" unit:"us"`
	ResidentBytes       *float64 `json:"resident_bytes" unit:"bytes"`
	Goroutines          *float64 `json:"goroutines"`
}

// Generator tells how close to its own limits the load generator ran during
// the steady window.
type Generator struct {
	// Cores that this process may use.
	Cores int `json:"cores"`
	// CPU is this process's user and system time per second; CPUShare is that
	// ÷ Cores.
	CPU      *float64 `json:"cpu" unit:"cores"`
	CPUShare *float64 `json:"cpu_share" unit:"ratio"`
	// MachineBusy is the share of the machine's CPU time in use by anybody.
	MachineBusy *float64 `json:"machine_busy" unit:"ratio"`
	// Ticks are the moments at which something was due to be sent, LateTicks
	// those that came more than LateAfter too late.
	Ticks     int64    `json:"ticks"`
	LateTicks int64    `json:"late_ticks"`
	LateShare *float64 `json:"late_share" unit:"ratio"`
	// QueueDrops are packets that the kernel dropped because the generator read
	// its sockets too slowly (Linux).
	QueueDrops *float64 `json:"queue_drops"`
	Goroutines int      `json:"goroutines"`
	// Saturated is set when any of these passed its limit; see [Result.Void].
	Saturated bool `json:"saturated"`
}

// Verdict is the outcome of one assertion.
type Verdict struct {
	Assertion string `json:"assertion"`
	// Outcome is "held", "failed", "unmeasured" (the figure is null) or "void".
	Outcome string `json:"outcome"`
	// Actual is the figure as text with its unit; "" when it is null.
	Actual string `json:"actual"`
}

// Outcomes of an assertion. Only OutcomeHeld proves anything.
const (
	OutcomeHeld       = "held"
	OutcomeFailed     = "failed"
	OutcomeUnmeasured = "unmeasured"
	OutcomeVoid       = "void"
)

// Held says whether every assertion held.
func (r *Result) Held() bool { return allHeld(r.Assertions) }

// Complete says whether everybody joined and stayed.
func (r *Result) Complete() bool {
	return r.Joins.Completed == r.Joins.Planned && r.Joins.Dropped == 0
}
