package server

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/pion/ice/v4"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
)

func speech() source.Audio {
	return source.NewSpeech(source.SpeechConfig{Pattern: source.Always})
}

// tap keeps what comes by a connection.
type tap struct {
	net.Conn
	to *testkit.Buffer
}

func (t tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	_, _ = t.to.Write(b[:n]) // never fails
	return n, err
}

// httpFrom is a client whose connections come from a local address; what the
// server sends is kept in heard, if that isn't nil. WebSockets aren't
// compressed.
func httpFrom(t *testing.T, from string, heard *testkit.Buffer) *http.Client {
	t.Helper()
	dial := testkit.DialFrom(from)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil || heard == nil {
			return conn, err
		}
		return tap{conn, heard}, nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// muxOn is a media socket on a local address.
func muxOn(t *testing.T, address string) ice.UDPMux {
	t.Helper()
	socket, err := net.ListenPacket("udp4", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket})
	t.Cleanup(func() { _ = mux.Close() }) // closes the socket too
	return mux
}

// R-PV-3, SE-19: nobody's address is in another's signalling: not while one
// waits beside others, not in the call, not when somebody's connection is cut
// and when they leave. Everybody comes from an address of their own.
func TestNobodyLearnsAddresses(t *testing.T) {
	c := newClinic(t, Options{Config: testConfig(t)})
	ctx := t.Context()
	names := []string{"Ann", "Bob", "Cyd", "Dr Who"}
	addresses := []string{"127.0.0.11", "127.0.0.22", "127.0.0.33", "127.0.0.44"}
	heard := make([]testkit.Buffer, len(names))
	people := make([]*client.Client, len(names))
	connect := func(i int, j control.Join) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
		defer cancel()
		var err error
		people[i], err = client.Connect(ctx, client.Options{
			URL: urlOf(c.Server), Token: c.token(j), HTTPClient: httpFrom(t, addresses[i], &heard[i]), UDPMux: muxOn(t, addresses[i]),
			Publish: []client.Publication{{Source: "microphone", Audio: speech()}},
		})
		if err != nil {
			t.Fatalf("%s: %v", names[i], err)
		}
		t.Cleanup(func() { _ = people[i].Close() }) // may have ended already
	}
	var visits []string
	for i := range 3 {
		e := c.enter(names[i])
		visits = append(visits, e.Visit.ID)
		connect(i, e.Join)
		in(t, people[i], "", 0)
	}
	first, err := c.Control().Admit(ctx, c.dr, visits[0], control.AdmitSpec{})
	if err != nil {
		t.Fatal(err)
	}
	connect(3, first.Join)
	if _, err := c.Control().Admit(ctx, c.dr, visits[1], control.AdmitSpec{CallID: first.Call.ID}); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 3} {
		in(t, people[i], first.Call.ID, 3)
	}
	if err := people[1].Leave(ctx); err != nil {
		t.Error(err)
	}
	in(t, people[0], first.Call.ID, 2)
	if err := c.Control().EndCall(ctx, c.dr.Actor, first.Call.ID); err != nil {
		t.Fatal(err)
	}
	<-people[0].Done()
	<-people[3].Done()
	for i := range heard {
		got := []byte(heard[i].String())
		if !bytes.Contains(got, []byte(`"welcome"`)) {
			t.Errorf("%s: what was heard can't be read: %d bytes", names[i], len(got))
		}
		for j, address := range addresses {
			if found := (testkit.Canaries{address}).In(got); i != j && len(found) != 0 {
				t.Errorf("%s learned where %s is: %q", names[i], names[j], found)
			}
		}
	}
	if !slices.ContainsFunc([]int{0, 3}, func(i int) bool { return bytes.Contains([]byte(heard[i].String()), []byte("Dr Who")) }) {
		t.Error("nobody heard of the others at all")
	}
}
