//go:build long

package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/signal/message"
)

// road is one participant's way to the media ports and back: a UDP and a TCP
// port of its own on loopback, put into the answer that the participant gets.
// It loses packets at random, or lets none through, when asked to.
type road struct {
	t *testing.T
	// lost is which share of the datagrams is lost, each way, in permille.
	lost atomic.Int64
	// blocked lets no datagram through.
	blocked atomic.Bool
	// stalled, while held, reads nothing that is for the client.
	stalled sync.Mutex
	// What was let through: datagrams, and bytes by TCP.
	datagrams, stream, dropped atomic.Uint64

	random   *rand.Rand // under randomMu
	randomMu sync.Mutex

	udp      *net.UDPConn
	tcp      net.Listener
	udpTo    netip.AddrPort
	tcpTo    string
	done     sync.WaitGroup
	openMu   sync.Mutex
	open     []io.Closer
	finished bool
}

// newRoad makes a road to ports of loopback; the seed decides what is lost.
func newRoad(t *testing.T, udpPort, tcpPort int, seed uint64) *road {
	t.Helper()
	loopback := netip.MustParseAddr("127.0.0.1")
	r := &road{
		t: t, random: rand.New(rand.NewPCG(seed, seed)),
		udpTo: netip.AddrPortFrom(loopback, uint16(udpPort)), tcpTo: fmt.Sprintf("127.0.0.1:%d", tcpPort),
	}
	var err error
	if r.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()}); err != nil {
		t.Fatal(err)
	}
	_ = r.udp.SetReadBuffer(roadBuffer) // less where the kernel allows less
	if r.tcp, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	r.open = []io.Closer{r.udp, r.tcp}
	r.done.Go(r.carryUDP)
	r.done.Go(r.carryTCP)
	t.Cleanup(r.close)
	return r
}

// roadBuffer is room for a burst that a busy machine leaves unread.
const roadBuffer = 1 << 20

// tcpWindow is how much of a TCP connection a road takes in ahead.
const tcpWindow = 64 << 10

func (r *road) close() {
	r.stalled.TryLock()
	r.stalled.Unlock()
	r.openMu.Lock()
	r.finished = true
	for _, c := range r.open {
		_ = c.Close()
	}
	r.openMu.Unlock()
	r.done.Wait()
}

// keep closes c with the road.
func (r *road) keep(c io.Closer) bool {
	r.openMu.Lock()
	defer r.openMu.Unlock()
	if r.finished {
		_ = c.Close()
		return false
	}
	r.open = append(r.open, c)
	return true
}

// lets says whether a datagram gets through.
func (r *road) lets() bool {
	lost := r.blocked.Load()
	if share := r.lost.Load(); share > 0 && !lost {
		r.randomMu.Lock()
		lost = r.random.Int64N(1000) < share
		r.randomMu.Unlock()
	}
	if lost {
		r.dropped.Add(1)
		return false
	}
	r.datagrams.Add(1)
	return true
}

// carryUDP gives each source a socket of its own towards the server, as a NAT
// does.
func (r *road) carryUDP() {
	out := map[netip.AddrPort]*net.UDPConn{}
	buf := make([]byte, 2048)
	for {
		n, from, err := r.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		to := out[from]
		if to == nil {
			if to, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(r.udpTo)); err != nil || !r.keep(to) {
				return
			}
			_ = to.SetReadBuffer(roadBuffer)
			out[from] = to
			r.done.Go(func() { r.carryBack(to, from) })
		}
		if r.lets() {
			_, _ = to.Write(buf[:n]) // lost, as datagrams are
		}
	}
}

func (r *road) carryBack(from *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 2048)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		r.stalled.Lock()
		r.stalled.Unlock()
		if r.lets() {
			_, _ = r.udp.WriteToUDPAddrPort(buf[:n], to)
		}
	}
}

func (r *road) carryTCP() {
	// Little room of its own: what stalls at the client stalls at the server.
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, tcpWindow)
		}), err)
	}}
	for {
		in, err := r.tcp.Accept()
		if err != nil {
			return
		}
		out, err := dialer.Dial("tcp4", r.tcpTo)
		if err != nil {
			_ = in.Close()
			continue
		}
		if !r.keep(in) || !r.keep(out) {
			return
		}
		r.done.Go(func() { _, _ = io.Copy(counted{r, out}, in); _ = out.Close() })
		r.done.Go(func() { _, _ = io.Copy(gate{counted{r, in}}, out); _ = in.Close() })
	}
}

// counted counts what is written.
type counted struct {
	r *road
	w io.Writer
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.r.stream.Add(uint64(n))
	return n, err
}

// gate is written to while the road isn't stalled.
type gate struct{ counted }

func (g gate) Write(b []byte) (int, error) {
	g.r.stalled.Lock()
	defer g.r.stalled.Unlock()
	return g.counted.Write(b)
}

// ports are the road's, for an answer.
func (r *road) ports() (udp, tcp int) {
	return r.udp.LocalAddr().(*net.UDPAddr).Port, r.tcp.Addr().(*net.TCPAddr).Port
}

// inPage makes a page take the road.
func (r *road) inPage() string {
	udp, tcp := r.ports()
	return fmt.Sprintf(`window.rewriteAnswer = (sdp) => sdp.replace(/(a=candidate:\S+ \d+ (udp|tcp) \d+ \S+ )\d+( typ)/gi,
		(_, head, protocol, tail) => head + (protocol.toLowerCase() === 'udp' ? %d : %d) + tail)`, udp, tcp)
}

var candidate = regexp.MustCompile(`(?i)(a=candidate:\S+ \d+ (udp|tcp) \d+ \S+ )\d+( typ)`)

// rewrite puts the road's ports into an answer.
func (r *road) rewrite(sdp string) string {
	udp, tcp := r.ports()
	return candidate.ReplaceAllStringFunc(sdp, func(line string) string {
		port, m := udp, candidate.FindStringSubmatch(line)
		if strings.EqualFold(m[2], "tcp") {
			port = tcp
		}
		return m[1] + strconv.Itoa(port) + m[3]
	})
}

// signalling is the server's WebSocket with the road's ports in the answers:
// the URL for a client that is no page.
func (r *road) signalling(s *server) string {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		down, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{message.Subprotocol}})
		if err != nil {
			return
		}
		defer down.CloseNow() //nolint:errcheck // it is over
		up, _, err := websocket.Dial(req.Context(), strings.Replace(s.URL, "http", "ws", 1)+message.Path,
			&websocket.DialOptions{Subprotocols: []string{message.Subprotocol}})
		if err != nil {
			return
		}
		defer up.CloseNow() //nolint:errcheck // it is over
		var both sync.WaitGroup
		both.Go(func() { r.speak(req, up, down); _ = up.CloseNow() })
		both.Go(func() { r.speak(req, down, up); _ = down.CloseNow() })
		both.Wait()
	}))
	r.t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	return proxy.URL
}

// speak passes messages on, answers with the road's ports.
func (r *road) speak(req *http.Request, to, from *websocket.Conn) {
	from.SetReadLimit(1 << 20)
	for {
		kind, data, err := from.Read(req.Context())
		if err != nil {
			return
		}
		var m struct{ Type, SDP string }
		if json.Unmarshal(data, &m) == nil && m.Type == "answer" {
			if data, err = json.Marshal(map[string]string{"type": "answer", "sdp": r.rewrite(m.SDP)}); err != nil {
				return
			}
		}
		if err := to.Write(req.Context(), kind, data); err != nil {
			return
		}
	}
}
