package turn_test

import (
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/atriumrtc/atrium/turn"
)

// noMedia is where a media.Engine goes: it opens relays into its own socket.
type noMedia struct{}

func (noMedia) OpenRelay() (net.PacketConn, error) { return nil, net.ErrClosed }

// A server hands a participant what its browser needs as an RTCIceServer, and
// takes it away when the participant leaves.
func Example() {
	cfg := turn.DefaultConfig()
	cfg.Address, cfg.Port = "127.0.0.1", 0 // any free port
	server, err := turn.New(cfg, turn.Options{
		Relay:          noMedia{},
		MediaAddresses: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:7882")} },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	username, password, expires := server.Credentials("alice")
	_ = fmt.Sprintf("turn:127.0.0.1:%d?transport=udp %s %s %s", server.Port(), username, password, expires)
	fmt.Println("participants:", server.Snapshot().Participants)

	server.Revoke("alice")
	fmt.Println("participants:", server.Snapshot().Participants)
	// Output:
	// participants: 1
	// participants: 0
}
