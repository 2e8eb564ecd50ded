package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// Two clients meet in a room of a server of this process: one publishes a
// camera, the other watches it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	url, _, stop, err := serve(media.SmallPool()) // or any Atrium server's URL
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	camera, err := source.NewTraceVideo(source.TraceConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ada, err := client.Connect(ctx, client.Options{
		URL: url, Token: "hall/ada",
		Publish: []client.Publication{{Source: message.SourceCamera, Video: camera}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ada.Close() //nolint:errcheck // always nil

	bob, err := client.Connect(ctx, client.Options{URL: url, Token: "hall/bob"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bob.Close() //nolint:errcheck // always nil

	err = bob.WaitFor(ctx, func(s client.State) bool { return s.Receives("ada", message.SourceCamera) })
	fmt.Println("bob sees ada:", err == nil)
	fmt.Println("packets of somebody else:", bob.Stats().Video.Misrouted)
	fmt.Println("SDP after the first answer:", bob.SDPAfterFirst())
	// Output:
	// bob sees ada: true
	// packets of somebody else: 0
	// SDP after the first answer: 0
}
