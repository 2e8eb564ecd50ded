package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func off() *bool { b := false; return &b }

// Every message that a client may send, and how it looks.
func TestDecodeClient(t *testing.T) {
	for _, row := range []struct {
		in   string
		want ClientMessage
	}{
		{`{"type":"join","token":"t"}`, &Join{Token: "t"}},
		{`{"type":"join","token":"t","slots":18,"resume":"r"}`, &Join{Token: "t", Slots: 18, Resume: "r"}},
		{`{"resume":"r","type":"join","token":null}`, &Join{Resume: "r"}},
		{`{"type":"offer","sdp":"v=0\r\n"}`, &Offer{SDP: "v=0\r\n"}},
		{`{"type":"candidate","candidate":"","mid":"0"}`, &Candidate{Mid: "0"}},
		{`{"type":"candidate","candidate":"candidate:1","mid":null}`, &Candidate{Candidate: "candidate:1"}},
		{`{"type":"publish","mid":"1","source":"camera"}`, &Publish{Mid: "1", Source: "camera"}},
		{`{"type":"publish","mid":"1","source":"camera","active":false}`, &Publish{Mid: "1", Source: "camera", Active: off()}},
		{`{"type":"layout"}`, &Layout{}},
		{`{"type":"layout","tiles":[]}`, &Layout{Tiles: []Tile{}}},
		{
			`{"type":"layout","tiles":[{"participant":"p","source":"screen","width":1,"height":2,"priority":3}]}`,
			&Layout{Tiles: []Tile{{Participant: "p", Source: "screen", Width: 1, Height: 2, Priority: 3}}},
		},
		{`{"type":"mute","source":"microphone","muted":true}`, &Mute{Source: "microphone", Muted: true}},
		{`{"type":"chat","text":" hi\u0000\u202e \n"}`, &SendChat{Text: "hi"}},
		{`{"type":"chat","to":"p","text":"a\nb"}`, &SendChat{To: "p", Text: "a\nb"}},
		{`{"type":"hand","raised":false}`, &Hand{}},
		{`{"type":"leave"}`, &Leave{}},
	} {
		t.Run(row.in, func(t *testing.T) {
			got, err := DecodeClient([]byte(row.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// SE-9, SE-10: what is refused, and that the refusal names what is wrong.
func TestDecodeClientRefuses(t *testing.T) {
	deep := `{"type":"layout","tiles":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`
	for _, row := range []struct{ name, in, code, want string }{
		{"too big", `{"type":"offer","sdp":"` + strings.Repeat("x", MaxBytes) + `"}`, CodeTooBig, "262144 bytes"},
		{"too deep", deep, CodeBadMessage, "deeper than 32"},
		{"very deep and cut off", strings.Repeat(`[`, 200_000), CodeBadMessage, "deeper than 32"},
		{"no UTF-8", "{\"type\":\"chat\",\"text\":\"\xff\"}", CodeBadMessage, "UTF-8"},
		{"empty", ``, CodeBadMessage, "not a JSON object"},
		{"array", `[]`, CodeBadMessage, "not a JSON object"},
		{"null", `null`, CodeBadMessage, "not a JSON object"},
		{"cut off", `{"type":"leave"`, CodeBadMessage, "not valid JSON"},
		{"trailing", `{"type":"leave"} {}`, CodeBadMessage, "not valid JSON"},
		{"no type", `{}`, CodeBadMessage, `"type" is required`},
		{"type of another case", `{"Type":"leave"}`, CodeBadMessage, `"Type" is unknown`},
		{"type twice", `{"type":"leave","type":"leave"}`, CodeBadMessage, `"type" comes twice`},
		{"type a number", `{"type":1}`, CodeBadMessage, `"type" must be a string, not number`},
		{"unknown type", `{"type":"dance"}`, CodeBadMessage, `"dance"`},
		{"a server's type", `{"type":"welcome"}`, CodeBadMessage, `"welcome"`},
		{"unknown field", `{"type":"leave","now":true}`, CodeBadMessage, `"now" is unknown`},
		{"unknown inner field", `{"type":"layout","tiles":[{"x":1}]}`, CodeBadMessage, `"tiles[0].x" is unknown`},
		{"field of another case", `{"type":"hand","Raised":true}`, CodeBadMessage, `"Raised" is unknown`},
		{"field twice", `{"type":"chat","text":"a","text":"b"}`, CodeBadMessage, `"text" comes twice`},
		{"long field", `{"type":"leave","` + strings.Repeat("é", 500) + `":1}`, CodeBadMessage, "…"},
		{"join without", `{"type":"join"}`, CodeBadMessage, `"token" is required`},
		{"token too long", `{"type":"join","token":"` + strings.Repeat("x", MaxToken+1) + `"}`, CodeBadMessage, `"token" is longer`},
		{"resume too long", `{"type":"join","resume":"` + strings.Repeat("x", MaxID+1) + `"}`, CodeBadMessage, `"resume" is longer`},
		{"slots", `{"type":"join","token":"t","slots":-1}`, CodeBadMessage, `"slots" must be from 0`},
		{"slots a fraction", `{"type":"join","token":"t","slots":1.5}`, CodeBadMessage, `"slots" must be a whole number`},
		{"no sdp", `{"type":"offer"}`, CodeBadMessage, `"sdp" is required`},
		{"null sdp", `{"type":"offer","sdp":null}`, CodeBadMessage, `"sdp" is required`},
		{"empty sdp", `{"type":"offer","sdp":""}`, CodeBadMessage, `"sdp" is required`},
		{"candidate too long", `{"type":"candidate","candidate":"` + strings.Repeat("x", MaxCandidate+1) + `"}`, CodeBadMessage, `"candidate" is longer`},
		{"publish without mid", `{"type":"publish","mid":"","source":"camera"}`, CodeBadMessage, `"mid" is required`},
		{"publish what", `{"type":"publish","mid":"1","source":"cat"}`, CodeBadMessage, `"source" must be`},
		{"active a word", `{"type":"publish","mid":"1","source":"camera","active":"no"}`, CodeBadMessage, `"active" must be true or false`},
		{"tiles an object", `{"type":"layout","tiles":{}}`, CodeBadMessage, `"tiles" must be an array`},
		{"tile null", `{"type":"layout","tiles":[null]}`, CodeBadMessage, `"tiles[0]" is null`},
		{"tile of sound", `{"type":"layout","tiles":[{"participant":"p","source":"microphone","width":1,"height":1}]}`, CodeBadMessage, `"tiles[0].source" must be camera or screen`},
		{"tile without size", `{"type":"layout","tiles":[{"participant":"p","source":"camera","width":1}]}`, CodeBadMessage, `"tiles[0].height" is required`},
		{"tile too wide", `{"type":"layout","tiles":[{"participant":"p","source":"camera","width":16385,"height":1}]}`, CodeBadMessage, `"tiles[0].width" must be from 0 to 16384`},
		{"too many tiles", `{"type":"layout","tiles":[` + strings.TrimSuffix(strings.Repeat(`{"participant":"p","source":"camera","width":1,"height":1},`, MaxTiles+1), ",") + `]}`, CodeBadMessage, `"tiles" has more than 64`},
		{"mute without muted", `{"type":"mute","source":"camera"}`, CodeBadMessage, `"muted" is required`},
		{"chat empty", `{"type":"chat","text":" \u0007 "}`, CodeBadMessage, `"text" is empty`},
		{"chat too long", `{"type":"chat","text":"` + strings.Repeat("ü", MaxText+1) + `"}`, CodeBadMessage, `"text" is longer than 4000 characters`},
		{"hand without raised", `{"type":"hand"}`, CodeBadMessage, `"raised" is required`},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, err := DecodeClient([]byte(row.in))
			var refused *DecodeError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, %v; want a *DecodeError", m, err)
			}
			if refused.Code != row.code || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %s: %v; want %s: …%s…", refused.Code, err, row.code, row.want)
			}
			if len(err.Error()) > 300 {
				t.Errorf("the error repeats %d bytes of what was sent", len(err.Error()))
			}
		})
	}
}

func TestLimitsAllowWhatIsAtThem(t *testing.T) {
	text := strings.Repeat("ü", MaxText)
	if _, err := DecodeClient(fmt.Appendf(nil, `{"type":"chat","text":%q}`, text)); err != nil {
		t.Error(err)
	}
	sdp := strings.Repeat("x", MaxBytes-len(`{"type":"offer","sdp":""}`))
	if _, err := DecodeClient([]byte(`{"type":"offer","sdp":"` + sdp + `"}`)); err != nil {
		t.Error(err)
	}
}

func TestServerMessagesSurviveTheWire(t *testing.T) {
	ends := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := Participant{ID: "p", Name: "A", Role: RoleModerator, Hand: true, HandAt: &ends, Connected: true, Sources: []Source{{Source: SourceCamera, Muted: true}}}
	for _, m := range []ServerMessage{
		&Welcome{
			Participant: Self{ID: "p", Name: "A", Role: RoleViewer}, Room: "r",
			Policy: Policy{
				Pool: Pool{Pairs: 6, Screen: true}, Lines: 18, Publish: []string{SourceCamera},
				Camera: []Encoding{{RID: "q", MaxWidth: 320, MaxHeight: 180, MaxBitrate: 1, ScaleDown: 4}}, Screen: []Encoding{},
				SeatSeconds: 120, MaxMessageBytes: MaxBytes,
			},
			ICEServers: []ICEServer{{URLs: []string{"turn:x"}, Username: "u", Credential: "c"}}, Resume: "s", Resumed: true, Now: ends,
		},
		&Answer{SDP: "v=0"},
		&Room{
			ID: "r", Name: "N", Kind: "meeting", Epoch: 1 << 60, Participants: []Participant{p}, EndsAt: &ends, Call: "c",
			Controls: Moderation{Chat: ChatOff, Spotlight: "p", InCharge: "p"}, Breakouts: []Breakout{{ID: "b", Name: "B"}},
			BreakoutsOpen: true, BreakoutsEndAt: &ends,
		},
		&Controls{
			Room: "r", Name: "N", EndsAt: &ends, Call: "c", Controls: Moderation{Chat: ChatOn}, Breakouts: []Breakout{{ID: "b", Name: "B"}},
			BreakoutsOpen: true, BreakoutsEndAt: &ends,
		},
		&Participants{Joined: []Participant{p}, Left: []string{"x"}, Changed: []Participant{p}},
		&Map{Epoch: 2, Slots: []Slot{{Mid: "4", Participant: "p", Source: SourceCamera, State: SlotPaused, Reason: ReasonMuted, Name: "A"}}},
		&Map{Epoch: 2, Slots: []Slot{{Mid: "4", Participant: "p", Source: SourceCamera, State: SlotLive, RTPFrom: new(uint32)}}},
		&Layers{Source: SourceCamera, RIDs: []string{}},
		&Speakers{Speakers: []Speaker{{Participant: "p", Level: 0.5}}},
		&Quality{Participants: []Connection{{Participant: "p", Score: QualityPoor, Reason: QualityUpload}}},
		&Chat{ID: "1", From: "p", Name: "A", To: "q", Text: "<b>", At: ends},
		&Transport{State: TransportFailed},
		&Notice{Code: NoticeDraining, Message: "m"},
		&Notice{Code: NoticeHelp, Message: "m", Text: "<b>", From: "p", Room: "r", At: &ends},
		&Error{Code: CodeNotAllowed, Message: "m"},
		&Bye{Code: CodeShutdown, Reason: "m", Retry: true},
	} {
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), `{"type":"`+m.MessageType()+`"`) || !json.Valid(data) {
			t.Errorf("%s", data)
		}
		// A later server may say more.
		data = append([]byte(`{"later":[{"x":1}],`), data[1:]...)
		got, err := DecodeServer(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("%s: %s", data, diff)
		}
	}
}

func TestClientMessagesSurviveTheWire(t *testing.T) {
	for _, m := range []ClientMessage{
		&Join{Token: "t", Slots: 18}, &Join{Resume: "r"}, &Offer{SDP: "v=0"}, &Candidate{Candidate: "c", Mid: "0"},
		&Publish{Mid: "0", Source: SourceMicrophone}, &Publish{Mid: "0", Source: SourceMicrophone, Active: off()},
		&Layout{}, &Layout{Tiles: []Tile{}}, &Layout{Tiles: []Tile{{Participant: "p", Source: SourceCamera}}},
		&Mute{Source: SourceCamera}, &SendChat{Text: "x"}, &Hand{Raised: true}, &Leave{},
	} {
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeClient(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("%s: %s", data, diff)
		}
	}
}

func TestDecodeServerSkipsWhatItDoesNotKnow(t *testing.T) {
	if _, err := DecodeServer([]byte(`{"type":"later"}`)); !errors.Is(err, ErrUnknownType) {
		t.Error(err)
	}
	if _, err := DecodeServer([]byte(`{"type":"answer","sdp":1}`)); err == nil {
		t.Error("no error")
	}
}

// SE-8: names that would mislead or break out of a line.
func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"  Ada \t\n Lovelace ":             "Ada Lovelace",
		"a\x00b\x1b[31mc\u009b":            "ab[31mc",
		"eve\u202egnp.exe\u2066":           "evegnp.exe",
		"\xffx":                            "x",
		"משה":                              "משה",
		"👩\u200d👩\u200d👧":                  "👩\u200d👩\u200d👧",
		strings.Repeat("é", MaxName+5):     strings.Repeat("é", MaxName),
		strings.Repeat("x ", MaxName):      strings.TrimSpace(strings.Repeat("x ", MaxName/2)),
		"<script>alert(1)</script>":        "<script>alert(1)</script>",
		"\u2028line\u2029separators\u0085": "line separators",
	} {
		if got := CleanName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzDecode: SE-10. Whatever was sent, nothing panics, and what is taken is
// within the limits and stays the same when it is written and read again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"join","token":"t","slots":18}`, `{"type":"offer","sdp":"v=0"}`,
		`{"type":"layout","tiles":[{"participant":"p","source":"camera","width":1,"height":2,"priority":3}]}`,
		`{"type":"publish","mid":"1","source":"camera","active":false}`, `{"type":"chat","to":"p","text":"a\u202eb"}`,
		`{"type":"room","id":"r","participants":[{"sources":[{}]}],"ends_at":"2026-01-02T03:04:05Z"}`,
		`{"type":"controls","room":"r","controls":{"chat":"off"},"breakouts":[{"id":"b"}]}`, `{"type":"chat","to":"moderators","text":"x"}`,
		`{"type":"notice","code":"help","at":"2026-01-02T03:04:05.678Z"}`, `{"type":"map","slots":[null]}`, `[[[[`, "{\"\\\"", `{"type":"hand","raised":true}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := DecodeServer(data); err == nil && m == nil {
			t.Error("neither a message nor an error")
		}
		m, err := DecodeClient(data)
		if err != nil {
			if !errors.As(err, new(*DecodeError)) {
				t.Errorf("%T is no *DecodeError", err)
			}
			return
		}
		again, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxBytes {
			return // escapes made it longer
		}
		same, err := DecodeClient(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if diff := cmp.Diff(m, same); diff != "" {
			t.Error(diff)
		}
	})
}
