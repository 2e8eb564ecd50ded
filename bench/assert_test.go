package bench

import (
	"errors"
	"strings"
	"testing"
)

func measured() *Result {
	return &Result{
		Scenario: ScenarioInfo{Layout: LayoutGallery, Simulcast: true},
		Loss:     figure(0.0005), SDP: 0,
		Join:   Percentiles{Count: 30, P95: figure(1.5)},
		Video:  Media{ReceivedPackets: 63000, ReceivedBits: 2.5e6, Loss: figure(0)},
		Server: Server{USPerForwardedPacket: figure(3.9), ResidentBytes: figure(90e6)},
	}
}

func TestAssertionOutcome(t *testing.T) {
	for _, row := range []struct{ claim, outcome, actual string }{
		{"loss<0.1%", OutcomeHeld, "0.05%"},
		{"loss<0.05%", OutcomeFailed, "0.05%"},
		{"loss<=0.05%", OutcomeHeld, "0.05%"},
		{"loss<0.001", OutcomeHeld, "0.05%"},
		{" loss < 0.1 % ", OutcomeHeld, "0.05%"},
		{"join_p95<2s", OutcomeHeld, "1.5 s"},
		{"join.p95<2000ms", OutcomeHeld, "1.5 s"},
		{"join_p95<1499999us", OutcomeFailed, "1.5 s"},
		{"join_p95<1.5", OutcomeFailed, "1.5 s"},
		{"join_p95>=1.5", OutcomeHeld, "1.5 s"},
		{"join_p99<2s", OutcomeUnmeasured, ""},
		{"sdp==0", OutcomeHeld, "0"},
		{"sdp!=0", OutcomeFailed, "0"},
		{"us_per_forwarded_packet<4", OutcomeHeld, "3.9 µs"},
		{"us_per_forwarded_packet<4us", OutcomeHeld, "3.9 µs"},
		{"server.us_per_forwarded_packet<0.001ms", OutcomeFailed, "3.9 µs"},
		{"server_cpu<1", OutcomeUnmeasured, ""},
		{"video.received_packets>=63k", OutcomeHeld, "63000"},
		{"video_received_bits>2.4M", OutcomeHeld, "2.5 Mbit/s"},
		{"resident_bytes<0.1M", OutcomeFailed, "90 MB"},
		{"video.loss==0", OutcomeHeld, "0%"},
		{"loss>-1", OutcomeHeld, "0.05%"},
		{"scenario.layout==gallery", OutcomeHeld, "gallery"},
		{"layout!=gallery", OutcomeFailed, "gallery"},
		{"simulcast==true", OutcomeHeld, "true"},
		{"void!=true", OutcomeHeld, "false"},
	} {
		all, err := ParseAssertions(row.claim)
		if err != nil {
			t.Errorf("%s: %v", row.claim, err)
			continue
		}
		v := all[0].Judge(measured())
		if v.Outcome != row.outcome || v.Actual != row.actual {
			t.Errorf("%s: %s (%s), want %s (%s)", row.claim, v.Outcome, v.Actual, row.outcome, row.actual)
		}
	}
}

// A saturated generator proves nothing about the server, whatever it measured.
func TestAssertionVoid(t *testing.T) {
	r := measured()
	r.Void = true
	for claim, outcome := range map[string]string{
		"loss<0.1%": OutcomeVoid, "loss<0%": OutcomeVoid, "join_p99<2s": OutcomeUnmeasured,
		"void==true": OutcomeHeld, "late_ticks==0": OutcomeHeld, "layout==stage": OutcomeFailed, "sdp==0": OutcomeHeld,
	} {
		all, err := ParseAssertions(claim)
		if err != nil {
			t.Fatal(err)
		}
		if v := all[0].Judge(r); v.Outcome != outcome {
			t.Errorf("%s: %s, want %s", claim, v.Outcome, outcome)
		}
	}
}

func TestParseAssertionsList(t *testing.T) {
	all, err := ParseAssertions("loss<0.1%, join_p95 < 2s ,sdp==0")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, a.String())
	}
	if text := strings.Join(got, " "); text != "loss<0.1% join_p95<2s sdp==0" {
		t.Errorf("got %s", text)
	}
	for _, empty := range []string{"", "  "} {
		if all, err := ParseAssertions(empty); err != nil || len(all) != 0 {
			t.Errorf("%q: %v, %v", empty, all, err)
		}
	}
}

func TestParseAssertionsErrors(t *testing.T) {
	for _, row := range []struct{ claims, says string }{
		{"los<1%", "nearest: loss"},
		{"join_p96<2s", "nearest: join.p90, join.p95, join.p99"},
		{"JOIN_P95<2s", "nearest: join.p95"},
		{"us_per_forwarded_packets<4", "nearest: server.us_per_forwarded_packet"},
		{"p95<2s", "could be join.p95 or token.p95"},
		{"cpu<1", "could be server.cpu or generator.cpu"},
		{"loss", "no comparison"},
		{"loss<", "no value after <; write for example loss<0.1%"},
		{"<1", "no field before"},
		{"loss=1%", `"=" is no comparison`},
		{"loss<>1%", `"<>" is no comparison`},
		{"loss=<1%", `"=<" is no comparison`},
		{"loss<2s", `unit "s" does not fit loss; write for example 0.1%`},
		{"join_p95<2%", `unit "%" does not fit join.p95; write for example 2s or 150ms`},
		{"join_p95<2m", `unit "m" does not fit`},
		{"sdp<1ms", `unit "ms" does not fit sdp`},
		{"sdp<x", "no number"},
		{"sdp<1.2.3", "no number"},
		{"sdp<1e3", "no number"},
		{"sdp<inf", "no number"},
		{"sdp<NaN", "no number"},
		{"sdp<0x10", "no number"},
		{"sdp<1_000", "no number"},
		{"sdp<--1", "no number"},
		{"simulcast<true", "compare it with == or !="},
		{"simulcast==yes", "true or false"},
		{"assertions==1", "no number"},
		{"loss<1%,", "empty"},
		{",", "empty"},
		{strings.Repeat("loss<1%,", 1000), "at most 4096"},
	} {
		_, err := ParseAssertions(row.claims)
		if !errors.Is(err, ErrAssertion) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.30s: %v; want %q", row.claims, err, row.says)
		}
	}
}

// SE-10: whatever is given, it is refused or means the same when read again.
func FuzzParseAssertions(f *testing.F) {
	for _, seed := range []string{
		"loss<0.1%,join_p95<2s", "sdp==0", "layout==gallery", "a<", "<=>!", "loss<−1", "p95<1", "video_frames>=6.5k", "loss<1µs",
	} {
		f.Add(seed)
	}
	r := measured()
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseAssertions(text)
		if err != nil {
			if !errors.Is(err, ErrAssertion) {
				t.Fatalf("%q: %v is no ErrAssertion", text, err)
			}
			return
		}
		for _, a := range all {
			again, err := ParseAssertions(a.String())
			if err != nil || len(again) != 1 {
				t.Fatalf("%q read as %q, which gives %v", text, a, err)
			}
			if x, y := a.Judge(r), again[0].Judge(r); x.Outcome != y.Outcome {
				t.Fatalf("%q is %s, and %s when read again", text, x.Outcome, y.Outcome)
			}
		}
	})
}
