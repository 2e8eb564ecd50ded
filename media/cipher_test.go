package media

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// Header extensions and payload types that a cipherPeer has negotiated.
const (
	midExtension      = 4
	ridExtension      = 5
	repairedExtension = 6
	twccExtension     = 7
)

// cipherPeer is a participant with a direct carrier whose keys the test holds:
// what pion does is left out, the whole packet path is there.
type cipherPeer struct {
	*fakePeer
	d    *direct
	keys srtp.Keys
	out  *srtp.Outgoing // of the client
	seal map[uint32]*srtp.Encryptor
}

// keyedCarrier is a direct carrier without a PeerConnection.
type keyedCarrier struct{ *direct }

func (c keyedCarrier) close() error {
	c.down()
	return c.view.Close()
}

// addCipher adds a participant that receives at to; without one its transport
// isn't up.
func addCipher(t testing.TB, e *Engine, id string, pool Pool, p srtp.Profile, to netip.AddrPort) *cipherPeer {
	t.Helper()
	c := &cipherPeer{fakePeer: newFake(t, e, id, pool), keys: randomKeys(p), seal: map[uint32]*srtp.Encryptor{}}
	tr := c.layOut()
	c.d = newDirect(tr)
	tr.carrier = keyedCarrier{c.d}
	for _, s := range tr.slots {
		s.w = nil
	}
	c.d.in.agree(terms{mid: midExtension, rid: ridExtension, repaired: repairedExtension, twcc: twccExtension, rtx: payloadRTX})
	client := srtp.Keys{Profile: p, Client: cloneMaster(c.keys.Client), Server: cloneMaster(c.keys.Server)}
	if err := c.d.open(client); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.out, err = srtp.NewOutgoing(p, c.keys.Client); err != nil {
		t.Fatal(err)
	}
	if to.IsValid() {
		c.d.to.Store(e.mux.Destination(to))
	}
	c.plugIn(tr)
	return c
}

func cloneMaster(m srtp.Master) srtp.Master {
	return srtp.Master{Key: slices.Clone(m.Key), Salt: slices.Clone(m.Salt)}
}

func randomKeys(p srtp.Profile) srtp.Keys {
	k := srtp.Keys{Profile: p}
	key, salt := 16, 12
	switch p {
	case srtp.AES128CMSHA1:
		salt = 14
	case srtp.AES256GCM:
		key = 32
	}
	for _, m := range []*srtp.Master{&k.Client, &k.Server} {
		m.Key, m.Salt = make([]byte, key), make([]byte, salt)
		_, _ = rand.Read(m.Key) // never fails
		_, _ = rand.Read(m.Salt)
	}
	return k
}

// protect encrypts a packet as the client does.
func (c *cipherPeer) protect(t testing.TB, pkt *rtp.Packet) []byte {
	t.Helper()
	e := c.seal[pkt.SSRC]
	if e == nil {
		var err error
		if e, err = c.out.Encryptor(pkt.SSRC); err != nil {
			t.Fatal(err)
		}
		c.seal[pkt.SSRC] = e
	}
	plain, err := pkt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	n, err := pkt.Header.MarshalTo(make([]byte, mtu))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := e.Encrypt(make([]byte, 0, len(plain)+e.Overhead()), plain[:n], plain[n:])
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// named sets the extensions that say what a packet is of; "" is left out.
func named(t testing.TB, pkt *rtp.Packet, mid, rid, repaired string) *rtp.Packet {
	t.Helper()
	for id, value := range map[uint8]string{midExtension: mid, ridExtension: rid, repairedExtension: repaired} {
		if value == "" {
			continue
		}
		if err := pkt.SetExtension(id, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	return pkt
}

// frame is a frame in packets of about size bytes, as libwebrtc splits it: they
// differ by a byte, the shorter ones first.
func (c *cipherPeer) frame(t testing.TB, ssrc uint32, rid string, n, packets, size int, key bool) [][]byte {
	t.Helper()
	var out [][]byte
	for i := range packets {
		pkt := videoPacket(c.id, rid, n, key)
		if i > 0 {
			pkt.Payload[0] = 0x80
		}
		pkt.SSRC, pkt.PayloadType = ssrc, payloadVP8
		pkt.SequenceNumber, pkt.Marker = uint16(n*packets+i), i == packets-1
		want := size
		if i >= packets/2 {
			want++
		}
		pkt.Payload = append(pkt.Payload, make([]byte, max(0, want-len(pkt.Payload)))...)
		out = append(out, c.protect(t, named(t, pkt, c.mid(Camera), rid, "")))
	}
	return out
}

func (f *fakePeer) mid(kind SourceKind) string { return f.layer(kind, 0).source.mid }

// handle hands what was read together to the carrier.
func (c *cipherPeer) handle(out *udp.Batch, packets ...[]byte) {
	out.Begin()
	for _, b := range packets {
		c.d.HandleMedia(b, netip.AddrPort{}, out)
	}
	out.End()
}

// newBatch is a batch as readers have it.
func newBatch(t testing.TB, e *Engine) *udp.Batch {
	b := e.mux.NewBatch()
	t.Cleanup(b.Close)
	return b
}

// sink is a socket that takes what comes to it.
func sink(t testing.TB) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// plain decrypts what a cipherPeer was sent.
func (c *cipherPeer) opener(t testing.TB) func(b []byte) rtp.Packet {
	t.Helper()
	d, err := srtp.NewDecryptor(c.keys.Profile, c.keys.Server)
	if err != nil {
		t.Fatal(err)
	}
	return func(b []byte) (pkt rtp.Packet) {
		t.Helper()
		plain, err := d.DecryptInPlace(slices.Clone(b), rtpHeaderLen)
		if err != nil {
			t.Fatalf("number %d: %v", binary.BigEndian.Uint16(b[2:]), err)
		}
		if err := pkt.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		return pkt
	}
}
