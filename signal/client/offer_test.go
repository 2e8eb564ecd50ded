package client

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/signal/message"
)

// The offer has the lines of the protocol in their order, in a size that the
// server takes: 18 lines for small calls, 37 for groups.
func TestOfferLayout(t *testing.T) {
	rows := []struct {
		name  string
		pool  message.Pool
		lines int
	}{
		{"small call", message.Pool{Pairs: 6, Screen: true}, 18},
		{"group", message.Pool{Pairs: 6, Videos: 19, Screen: true}, 37},
		{"nothing to receive", message.Pool{}, 4},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newFakeServer(t, row.pool)
			f.mustConnect(testContext(t), nil)
			want := []string{
				"audio sendonly", "video sendonly q;h;f", "video sendonly q;f", "audio sendonly",
			}
			for range row.pool.Pairs {
				want = append(want, "audio recvonly", "video recvonly")
			}
			for range row.pool.Videos {
				want = append(want, "video recvonly")
			}
			if row.pool.Screen {
				want = append(want, "audio recvonly", "video recvonly")
			}
			if diff := cmp.Diff(want, describe(f.offer)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if len(want) != row.lines {
				t.Errorf("%d lines, want %d", len(want), row.lines)
			}
			if len(f.offer) >= 60_000 {
				t.Errorf("an offer of %d bytes", len(f.offer))
			}
			checkCodecs(t, f.offer)
		})
	}
}

// describe says of each line what it is.
func describe(sdp string) []string {
	var lines []string
	for row := range strings.Lines(sdp) {
		row = strings.TrimSpace(row)
		if media, ok := strings.CutPrefix(row, "m="); ok {
			kind, _, _ := strings.Cut(media, " ")
			lines = append(lines, kind)
		}
		if len(lines) == 0 {
			continue
		}
		last := &lines[len(lines)-1]
		if row == "a=sendonly" || row == "a=recvonly" {
			kind, rids, _ := strings.Cut(*last, " ")
			*last = strings.TrimSpace(kind + " " + row[2:] + " " + rids)
		}
		if rids, ok := strings.CutPrefix(row, "a=simulcast:send "); ok {
			*last += " " + rids
		}
	}
	return lines
}

func checkCodecs(t *testing.T, sdp string) {
	t.Helper()
	for row := range strings.Lines(sdp) {
		row = strings.TrimSpace(row)
		if codec, ok := strings.CutPrefix(row, "a=rtpmap:"); ok {
			switch codec {
			case "111 opus/48000/2", "96 VP8/90000", "97 rtx/90000":
			default:
				t.Errorf("codec %s", codec)
			}
		}
		if strings.HasPrefix(row, "a=extmap:") {
			_, uri, _ := strings.Cut(row, " ")
			switch uri {
			case midURI, ridURI, rridURI, twccURI, absSendTimeURI, audioLevelURI:
			default:
				t.Errorf("header extension %s", uri)
			}
		}
	}
}

func TestReadSDP(t *testing.T) {
	const sdp = "v=0\r\na=mid:no line yet\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:4\r\na=ssrc:77 cname:x\r\na=extmap:3/sendonly " + twccURI + "\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:5\r\na=ssrc-group:FID 10 11\r\na=ssrc:10 cname:x\r\na=ssrc:11 cname:x\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:6\r\na=ssrc:not a number\r\na=ssrc-group:SIM 1 2\r\n"
	want := []line{
		{mid: "4", ssrc: 77, twccID: 3},
		{mid: "5", video: true, ssrc: 10, rtx: 11},
		{mid: "6", video: true},
	}
	if diff := cmp.Diff(want, readSDP(sdp), cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// SE-10.
func FuzzReadSDP(f *testing.F) {
	f.Add("m=video 9\na=ssrc-group:FID 1 2\na=extmap:300 " + twccURI)
	f.Add("m=\na=mid")
	f.Fuzz(func(t *testing.T, sdp string) {
		if lines := readSDP(sdp); len(lines) > strings.Count(sdp, "m=") {
			t.Fatalf("%d lines", len(lines))
		}
	})
}
