package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// inside is what a relay must never reach: every special range, and the
// forms that hide one address in another.
var inside = []string{
	"127.0.0.2", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.1",
	"192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"8.8.8.8", "::", "::1", "::ffff:127.0.0.2", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",
	"2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1",
}

// SE-1: permission and channel are refused with 403 for every address but the
// media socket's, alone or beside a good one, and nothing that is sent anyhow
// arrives.
func TestPeersAreRefused(t *testing.T) {
	s, relay := start(t, nil)
	username, password, _ := s.Credentials("alice")
	client := dialRaw(t, s)
	if got := client.ask(s, username, password, stun.MethodAllocate, udpTransport()); got != 0 {
		t.Fatalf("allocate: %d", got)
	}
	channel := stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 1, 0, 0}}
	for _, ip := range inside {
		peer := peerAddress{netip.AddrPortFrom(netip.MustParseAddr(ip), media.Port())}
		if got := client.ask(s, username, password, stun.MethodCreatePermission, peer); got != 403 {
			t.Errorf("permission for %s: %d, want 403", ip, got)
		}
		if got := client.ask(s, username, password, stun.MethodCreatePermission, peerAddress{media}, peer); got != 403 {
			t.Errorf("permission for media and %s: %d, want 403", ip, got)
		}
		if got := client.ask(s, username, password, stun.MethodChannelBind, channel, peer); got != 403 {
			t.Errorf("channel to %s: %d, want 403", ip, got)
		}
		client.send(build(t, stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peer,
			stun.RawAttribute{Type: stun.AttrData, Value: []byte("knock")}))
		client.send([]byte{0x40, 1, 0, 4, 1, 2, 3, 4})
	}
	// The permission of the media address is for all its ports (RFC 8656 §9):
	// there the relay decides.
	if got := client.ask(s, username, password, stun.MethodCreatePermission, peerAddress{media}); got != 0 {
		t.Fatalf("permission for media: %d", got)
	}
	if d, strayed := relay.delivered.Load(), relay.strayed.Load(); d != 0 || strayed != 0 {
		t.Errorf("%d bytes were delivered and %d datagrams got as far as the relay", d, strayed)
	}
	other := peerAddress{netip.AddrPortFrom(media.Addr(), media.Port()+1)}
	client.send(build(t, stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), other,
		stun.RawAttribute{Type: stun.AttrData, Value: []byte("knock")}))
	eventually(t, "the relay judged another port", func() bool { return relay.strayed.Load() == 1 })
	if d := relay.delivered.Load(); d != 0 {
		t.Errorf("%d bytes were delivered", d)
	}
}

// sinks counts the bytes that real sockets of this host receive.
type sinks struct {
	bytes   atomic.Int64
	port    int // the same one on each address
	sockets []net.PacketConn
	readers sync.WaitGroup
}

// openSinks binds a port on each address that this host lets us bind.
func openSinks(t *testing.T, addresses ...string) *sinks {
	t.Helper()
	s := &sinks{}
	for _, a := range addresses {
		c, err := net.ListenPacket("udp", net.JoinHostPort(a, strconv.Itoa(s.port)))
		if err != nil {
			if s.port == 0 {
				t.Fatal(err)
			}
			t.Logf("no sink on %s: %v", a, err)
			continue
		}
		s.port = c.LocalAddr().(*net.UDPAddr).Port
		s.sockets = append(s.sockets, c)
		s.readers.Go(func() {
			b := make([]byte, 2000)
			for {
				n, _, err := c.ReadFrom(b)
				if err != nil {
					return
				}
				s.bytes.Add(int64(n))
			}
		})
	}
	t.Cleanup(func() {
		for _, c := range s.sockets {
			_ = c.Close()
		}
		s.readers.Wait()
	})
	return s
}

// uclient runs Debian's turnutils_uclient against s, for 6 s at most: refused
// it tries for ever. What it reaches is judged by relay and sinks, not by what
// it says.
func uclient(t *testing.T, s *Server, args ...string) {
	t.Helper()
	username, password, _ := s.Credentials("alice")
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	all := append([]string{"6", "turnutils_uclient", "-c", "-n", "3", "-l", "64", "-z", "5", "-L", "127.0.0.1",
		"-u", username, "-w", password, "-p", strconv.Itoa(s.Port())}, args...)
	out, err := exec.CommandContext(ctx, "timeout", append(all, "127.0.0.1")...).CombinedOutput()
	if testing.Verbose() {
		t.Logf("%v: %v\n%s", args, err, out)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Errorf("turnutils_uclient %v: %v\n%s", args, err, out)
	}
}

// SE-1 with a third-party client: valid credentials, and 0 bytes anywhere but
// the media socket, by channel, by send indication, without permissions, over
// UDP and TCP, and with TCP relaying. For an IPv6 peer it asks for an IPv6
// relay, which is refused (440); TestPeersAreRefused goes further there.
func TestThirdPartyClientReachesNothing(t *testing.T) {
	if _, err := exec.LookPath("turnutils_uclient"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("turnutils_uclient is missing: apt install coturn: %v", err)
		}
		t.Skipf("turnutils_uclient is missing: apt install coturn: %v", err)
	}
	s, relay := start(t, func(c *Config, _ *Options) { c.MaxAllocationsPerUser = 1000 })
	// The control: what is allowed does arrive, so the test can fail.
	uclient(t, s, "-e", media.Addr().String(), "-r", strconv.Itoa(int(media.Port())))
	if relay.delivered.Load() == 0 {
		t.Fatalf("turnutils_uclient doesn't reach the media socket either: %+v", s.Snapshot())
	}
	addresses := []string{"127.0.0.1", "127.0.0.2", "::1"}
	if own, err := net.InterfaceAddrs(); err == nil {
		for _, a := range own {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
				addresses = append(addresses, n.IP.String())
			}
		}
	}
	sink := openSinks(t, addresses...)
	port := strconv.Itoa(sink.port)
	runs := [][]string{
		{"-t", "-e", "127.0.0.1", "-r", port},
		{"-t", "-s", "-e", "127.0.0.1", "-r", port},
		{"-I", "-s", "-e", "127.0.0.1", "-r", port},
		{"-T", "-e", "127.0.0.1", "-r", port},
		{"-e", "127.0.0.1", "-r", strconv.Itoa(s.Port())}, // the TURN server itself
		{"-y"}, // client to client
	}
	for i, a := range append(addresses, "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "10.0.0.1", "169.254.169.254",
		"64:ff9b::7f00:1", "2002:7f00:1::1", "fc00::1", "fe80::1", "224.0.0.1", "ff02::1") {
		run := []string{"-e", a, "-r", port}
		if i%2 == 1 {
			run = append(run, "-s")
		}
		runs = append(runs, run)
	}
	delivered := relay.delivered.Load()
	// Sixteen at a time: each waits most of its time.
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, run := range runs {
		slots <- struct{}{}
		all.Go(func() {
			uclient(t, s, run...)
			<-slots
		})
	}
	all.Wait()
	if got := sink.bytes.Load(); got != 0 {
		t.Errorf("the sinks received %d bytes", got)
	}
	if got := relay.delivered.Load() - delivered; got != 0 {
		t.Errorf("the media socket received %d bytes that weren't meant for it", got)
	}
	snapshot := s.Snapshot()
	if snapshot.AllocationsTotal < uint64(len(runs)/2) || snapshot.Refused[RefusedPeer] == 0 || snapshot.Refused[RefusedTCPRelay] == 0 {
		t.Errorf("the client didn't get far enough to prove anything: %+v", snapshot)
	}
	t.Logf("%d runs, %d datagrams stopped by the relay, refused: %v", len(runs), relay.strayed.Load(), snapshot.Refused)
}
