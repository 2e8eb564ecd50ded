package signal

import (
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// cameraEncodings and screenEncodings are what publishers send. The rates are
// those that the goals for a server's performance are stated for.
func cameraEncodings() []message.Encoding {
	return []message.Encoding{
		{RID: "q", MaxWidth: 320, MaxHeight: 180, MaxBitrate: 130_000, ScaleDown: 4},
		{RID: "h", MaxWidth: 640, MaxHeight: 360, MaxBitrate: 400_000, ScaleDown: 2},
		{RID: "f", MaxWidth: 1280, MaxHeight: 720, MaxBitrate: 1_200_000, ScaleDown: 1},
	}
}

// The small encoding of a screen is still to be read by somebody with little
// bandwidth: half the size, not a quarter.
func screenEncodings() []message.Encoding {
	return []message.Encoding{
		{RID: "q", MaxWidth: 960, MaxHeight: 540, MaxBitrate: 400_000, ScaleDown: 2},
		{RID: "f", MaxWidth: 1920, MaxHeight: 1080, MaxBitrate: 2_500_000, ScaleDown: 1},
	}
}

func policyOf(role media.Role, pool media.Pool, seat time.Duration) message.Policy {
	publish := []string{}
	if role != media.RoleViewer {
		publish = []string{
			message.SourceMicrophone, message.SourceCamera, message.SourceScreen, message.SourceScreenAudio,
		}
	}
	return message.Policy{
		Pool:            message.Pool{Pairs: pool.Pairs, Videos: pool.Videos, Screen: pool.Screen},
		Lines:           pool.Lines(),
		Publish:         publish,
		Camera:          cameraEncodings(),
		Screen:          screenEncodings(),
		SeatSeconds:     int(seat / time.Second),
		MaxMessageBytes: message.MaxBytes,
	}
}

// fit cuts a pool to a client that can offer only so many m-lines (0: any):
// the gallery first, the last pair and the screen never.
func fit(pool media.Pool, lines int) (media.Pool, error) {
	if lines == 0 {
		return pool, nil
	}
	for pool.Videos > 0 && pool.Lines() > lines {
		pool.Videos--
	}
	for pool.Pairs > 1 && pool.Lines() > lines {
		pool.Pairs--
	}
	if least := pool.Lines(); least > lines {
		return pool, &refusal{message.CodeBadMessage, fmt.Sprintf(`field "slots" must be at least %d, or absent`, least)}
	}
	return pool, nil
}
