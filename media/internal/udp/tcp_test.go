package udp

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// tcpAgents connects our lite agent, on a TCPView whose media h gets, with a
// full one by ICE/TCP.
func tcpAgents(t *testing.T, m *Mux, h Handler) (v *TCPView, server, client *ice.Conn) {
	t.Helper()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shared := ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: m.TCPListener(listener), Logger: quiet.NewLogger("tcp"), ReadBufferSize: 64})
	t.Cleanup(func() { _ = shared.Close() })
	v = m.TCPView(shared, h)
	ours := liteAgent(t, ice.WithTCPMux(v), ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeTCP4}), ice.WithDisableActiveTCP())
	theirs := fullAgent(t, ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeTCP4}), onLoopback())
	server, client = connectAgents(t, ours, theirs)
	return v, server, client
}

// SE-15: media over ICE/TCP reaches the handler, DTLS the agent, and a
// destination the remote, in order.
func TestTCPView(t *testing.T) {
	m := listen(t)
	h := newRecorder()
	v, server, client := tcpAgents(t, m, h)
	send(t, client, rtp)
	if got := h.wait(t, 1); !bytes.Equal(got[0], rtp) {
		t.Fatalf("%x", got[0])
	}
	send(t, client, clientHello)
	b := make([]byte, packetSize)
	_ = server.SetReadDeadline(time.Now().Add(patience))
	if n, err := server.Read(b); err != nil || !bytes.Equal(b[:n], clientHello) {
		t.Fatalf("%x, %v", b[:n], err)
	}

	d := v.Destination(h.from)
	out := m.NewBatch()
	defer out.Close()
	var want [][]byte
	for i := range 50 {
		want = append(want, stamped(100+i*20, uint32(i)))
		put(out, d, want[i])
	}
	_ = client.SetReadDeadline(time.Now().Add(patience))
	for i := range want {
		if n, err := client.Read(b); err != nil || !bytes.Equal(b[:n], want[i]) {
			t.Fatalf("datagram %d: %d bytes, %v", i, n, err)
		}
	}
	put(out, v.Destination(netip.AddrPortFrom(loopback, 9)), rtp) // never validated
	waitDropped(t, m, DropTCPGone, 1)
	waitStats(t, m, "50 packets out, 1 in", func(s Stats) bool { return s.TCPPackets == 50 && s.PacketsIn == 1 })
}

// SE-3: over TCP too, nothing but checks passes before the agent answered one.
func TestTCPSourceMustBeValidated(t *testing.T) {
	m := listen(t)
	h := newRecorder()
	v := m.TCPView(nil, h)
	from := &net.TCPAddr{IP: loopback.AsSlice(), Port: 9}
	request := check(t, "alice")
	script := &scriptedConn{from: from, packets: [][]byte{rtp, clientHello, request}}
	c := &tcpConn{PacketConn: script, view: v}
	read := func(want []byte) {
		t.Helper()
		b := make([]byte, packetSize)
		if n, _, err := c.ReadFrom(b); err != nil || !bytes.Equal(b[:n], want) {
			t.Fatalf("%x, %v", b[:n], err)
		}
	}
	read(request)
	waitDropped(t, m, DropUnknownSource, 2)
	if _, err := c.WriteTo(answer(t, request), from); err != nil {
		t.Fatal(err)
	}
	script.packets = [][]byte{rtp, clientHello}
	read(clientHello)
	h.wait(t, 1)
	v.handler = handlerFunc(func(b []byte, from netip.AddrPort, _ *Batch) { v.Pass(b, from) })
	script.packets = [][]byte{rtp, clientHello}
	read(rtp)
	read(clientHello)
	for port := range uint16(3 * maxSources) {
		v.admit(c, netip.AddrPortFrom(loopback, 100+port))
	}
	if len(v.remotes) != maxSources || len(v.oldest) != maxSources {
		t.Errorf("%d remotes, %d in order", len(v.remotes), len(v.oldest))
	}
	_ = c.Close()
	if len(v.remotes) != 0 || len(v.oldest) != 0 {
		t.Errorf("%d remotes left", len(v.remotes))
	}
}

// scriptedConn returns packets one after the other.
type scriptedConn struct {
	net.PacketConn
	from    net.Addr
	packets [][]byte
}

func (c *scriptedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n := copy(b, c.packets[0])
	c.packets = c.packets[1:]
	return n, c.from, nil
}

func (c *scriptedConn) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (c *scriptedConn) Close() error                              { return nil }
