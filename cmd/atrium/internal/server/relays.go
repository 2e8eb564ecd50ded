package server

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/atriumrtc/atrium/signal/message"
	"github.com/atriumrtc/atrium/turn"
)

// relays hands out the TURN server of this process.
type relays struct {
	server *turn.Server
	// publicIPs of media.public_ips: behind a NAT the name that a client used
	// may be that of a proxy in front of the HTTP port only.
	publicIPs []string
}

// Servers implements signal.Relays.
func (r relays) Servers(participantID, host string) []message.ICEServer {
	hosts := r.publicIPs
	if len(hosts) == 0 || slices.Equal(hosts, []string{"auto"}) {
		hosts = []string{strings.Trim(host, "[]")}
	}
	transports := []string{"udp"}
	if r.server.TCP() {
		transports = append(transports, "tcp")
	}
	var urls []string
	for _, h := range hosts {
		for _, transport := range transports {
			urls = append(urls, "turn:"+net.JoinHostPort(h, strconv.Itoa(r.server.Port()))+"?transport="+transport)
		}
	}
	username, password, _ := r.server.Credentials(participantID)
	return []message.ICEServer{{URLs: urls, Username: username, Credential: password}}
}

// Revoke implements signal.Relays.
func (r relays) Revoke(participantID string) { r.server.Revoke(participantID) }
