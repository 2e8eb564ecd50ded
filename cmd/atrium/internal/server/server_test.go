package server

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/store"
	"github.com/atriumrtc/atrium/signal/message"
)

// TestRooms goes through the API and signalling as an embedding app would:
// room, token, join, list, remove, delete.
func TestRooms(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	c := apiOf(t, s)
	room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "meeting", Name: "Team"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(room.Link, urlOf(s)+"/r#") {
		t.Errorf("link %s", room.Link)
	}
	admission, err := c.Entry(t.Context(), room.Link, "Ann")
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.CreateToken(t.Context(), room.ID, "Bea", "moderator", "")
	if err != nil {
		t.Fatal(err)
	}
	ann := dial(t, s, admission.Token.Token)
	welcome := ann.expect("welcome")
	if welcome["room"] != room.ID {
		t.Errorf("welcomed to %v, not %v", welcome["room"], room.ID)
	}
	if policy, ok := welcome["policy"].(map[string]any); !ok || policy["lines"] != 18.0 {
		t.Errorf("a call of six has %v lines, want 18", policy["lines"])
	}
	bea := dial(t, s, token.Token)
	bea.expect("welcome")
	ann.expect("participants")
	list, err := c.Participants(t.Context(), room.ID)
	if err != nil || len(list) != 2 || list[0].Name != "Ann" || list[1].Role != "moderator" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.Mute(t.Context(), room.ID, list[0].ID, "camera", true); codeOf(err) != "not_found" {
		t.Errorf("muting what isn't published: %v", err)
	}
	if err := c.Remove(t.Context(), room.ID, list[0].ID); err != nil {
		t.Error(err)
	}
	if bye := ann.expect("bye"); bye["code"] != "removed" {
		t.Errorf("bye %v", bye)
	}
	if err := c.Remove(t.Context(), room.ID, list[0].ID); codeOf(err) != "not_found" {
		t.Errorf("removing twice: %v", err)
	}
	if err := c.DeleteRoom(t.Context(), room.ID); err != nil {
		t.Error(err)
	}
	if bye := bea.expect("bye"); bye["code"] != "room_closed" {
		t.Errorf("bye %v", bye)
	}
	if bye := dial(t, s, token.Token).expect("bye"); bye["code"] != "room_closed" {
		t.Errorf("a token of a deleted room: %v", bye)
	}
	if bye := dial(t, s, "nonsense").expect("bye"); bye["code"] != "bad_token" {
		t.Errorf("no token: %v", bye)
	}
}

func codeOf(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestPool: calls in which everybody fits a pair get the small pool.
func TestPool(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	c := apiOf(t, s)
	for capacity, lines := range map[int]float64{2: 18, 7: 18, 8: 37, 61: 37} {
		room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "plain", Capacity: capacity}, "")
		if err != nil {
			t.Fatal(err)
		}
		token, err := c.CreateToken(t.Context(), room.ID, "Ann", "viewer", "")
		if err != nil {
			t.Fatal(err)
		}
		policy, ok := dial(t, s, token.Token).expect("welcome")["policy"].(map[string]any)
		if !ok || policy["lines"] != lines {
			t.Errorf("capacity %d: %v lines, want %v", capacity, policy["lines"], lines)
		}
	}
}

// TestRestart: a restart forgets no room and no key.
func TestRestart(t *testing.T) {
	cfg := testConfig(t)
	s, err := New(Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	demo, err := s.Control().EnsureDemo(t.Context())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	s = start(t, Options{Config: cfg})
	c, err := api.New(urlOf(s), demo.APIKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	if room, err := c.Room(t.Context(), demo.Room.ID); err != nil || !strings.HasSuffix(room.Link, "#"+demo.Room.Link) {
		t.Errorf("%+v, %v", room, err)
	}
}

// TestPortTaken: each listener names its key and says what to do.
func TestPortTaken(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	taken := tcp.Addr().String()
	tcpPort := portOf(tcp)
	udpPort := udp.LocalAddr().(*net.UDPAddr).Port
	for key, set := range map[string]func(*configs.Config){
		"http.plain_address": func(c *configs.Config) { c.HTTP.PlainAddress = taken },
		"http.address":       func(c *configs.Config) { c.HTTP.Address = taken },
		"metrics.address":    func(c *configs.Config) { c.Metrics.Address = taken },
		"media.tcp_port":     func(c *configs.Config) { c.Media.TCPPort = tcpPort },
		"media.udp_port":     func(c *configs.Config) { c.Media.UDPPort = udpPort },
		"turn.port":          func(c *configs.Config) { c.TURN.Port = udpPort },
	} {
		c := testConfig(t)
		set(&c)
		certificates, err := SelfMade(testTime)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(Options{Config: c, Certificates: certificates})
		if err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "\n") ||
			strings.Count(err.Error(), "another program") != 1 || !strings.Contains(err.Error(), "stop it, or set "+key+" to ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestSetLimits: what SIGHUP changes is in force at once.
func TestSetLimits(t *testing.T) {
	c := testConfig(t)
	s := start(t, Options{Config: c})
	guest, err := api.New(urlOf(s), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong := func(want int) {
		t.Helper()
		var problem *api.Error
		if _, err := guest.Entry(t.Context(), "wrong", "Ann"); !errors.As(err, &problem) || problem.Status != want {
			t.Errorf("a wrong link: %v, want status %d", err, want)
		}
	}
	wrong(http.StatusNotFound)
	c.API.FailureBurst, c.API.FailureInterval = 1, time.Hour
	c.Signal.AllowedOrigins = []string{"https://app.example.org"}
	s.SetLimits(c)
	wrong(http.StatusNotFound)
	wrong(http.StatusTooManyRequests)
	conn, _, err := websocket.Dial(t.Context(), urlOf(s)+message.Path, &websocket.DialOptions{
		Subprotocols: []string{message.Subprotocol}, HTTPHeader: http.Header{"Origin": {"https://app.example.org"}},
	})
	if err != nil {
		t.Fatalf("an origin that was allowed just now: %v", err)
	}
	_ = conn.CloseNow()
}

// SE-8: pages of an origin that an organisation lists may use its tokens, and
// nobody else's; pages of others may not even connect.
func TestOriginOfAnOrganisation(t *testing.T) {
	const app = "https://app.example.org"
	s := start(t, Options{Config: testConfig(t)})
	token := func(origins ...string) string {
		t.Helper()
		founded, err := s.Control().FoundOrganisation(t.Context(), control.Actor{Kind: control.ActorOperator}, control.OrganisationSpec{
			Name: "Clinic", Settings: control.OrganisationSettings{AllowedOrigins: origins},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := api.New(urlOf(s), founded.Secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		room, err := c.CreateRoom(t.Context(), api.RoomSpec{Type: "plain"}, "")
		if err != nil {
			t.Fatal(err)
		}
		made, err := c.CreateToken(t.Context(), room.ID, "Ann", "participant", "")
		if err != nil {
			t.Fatal(err)
		}
		return made.Token
	}
	its, others := token(app), token()
	dialFrom(t, s, its, app).expect("welcome")
	if bye := dialFrom(t, s, others, app).expect("bye"); bye["code"] != "bad_origin" {
		t.Errorf("another organisation's token: %v", bye)
	}
	dial(t, s, others).expect("welcome")
	_, resp, err := websocket.Dial(t.Context(), urlOf(s)+message.Path, &websocket.DialOptions{
		Subprotocols: []string{message.Subprotocol}, HTTPHeader: http.Header{"Origin": {"https://evil.example.org"}},
	})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("an origin that nobody lists: %v", err)
	}
}

// TestNextPort: what dev does with a busy port.
func TestNextPort(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	c := testConfig(t)
	c.HTTP.PlainAddress = "localhost:" + strconv.Itoa(portOf(busy))
	c.Media.TCPPort, c.TURN.Port = portOf(busy), portOf(busy)
	s := start(t, Options{Config: c, NextPort: true})
	if port := s.PlainPort(); port <= portOf(busy) {
		t.Errorf("port %d after %d", port, portOf(busy))
	}
	if status, _ := testkit.Get(t, "http://localhost:"+strconv.Itoa(s.PlainPort())+"/r"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

func TestBadAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.1:0": "this host has no address 203.0.113.1:0",
		"nowhere":       "http.plain_address: ",
	} {
		c := testConfig(t)
		c.HTTP.PlainAddress = address
		if _, err := New(Options{Config: c}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for key, set := range map[string]func(*configs.Config){
		"media.address": func(c *configs.Config) { c.Media.Address = "203.0.113.1" },
		"turn.address":  func(c *configs.Config) { c.TURN.Address = "203.0.113.1" },
	} {
		c := testConfig(t)
		set(&c)
		if _, err := New(Options{Config: c}); err == nil || !strings.HasPrefix(err.Error(), key+": this host has no address 203.0.113.1; set it to ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestDataLocked: two servers can't share a folder, and the second says so.
func TestDataLocked(t *testing.T) {
	c := testConfig(t)
	start(t, Options{Config: c})
	_, err := New(Options{Config: c})
	if !errors.Is(err, store.ErrLocked) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestDataFolderCantBeMade(t *testing.T) {
	c := testConfig(t)
	if err := os.WriteFile(c.Data.Dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Data.Dir += "/file/below"
	if _, err := New(Options{Config: c}); err == nil || !strings.HasPrefix(err.Error(), "data.dir: ") {
		t.Errorf("got %v", err)
	}
}

func TestOpenControl(t *testing.T) {
	c := testConfig(t)
	rules, closeData, err := OpenControl(c)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := rules.CreateOrganisation(t.Context(), "Org")
	if err := errors.Join(err, closeData()); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Config: c})
	client, err := api.New(urlOf(s), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.ListRooms(t.Context(), "", 0); err != nil {
		t.Error(err)
	}
	if _, _, err := OpenControl(c); !errors.Is(err, store.ErrLocked) {
		t.Errorf("while the server runs: %v", err)
	}
}

// TestNoCalls: control without a server answers as if every room were empty.
func TestNoCalls(t *testing.T) {
	var none control.Media = noCalls{}
	if list, err := none.Participants(t.Context(), "r"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := none.CloseRoom(t.Context(), "r"); err != nil {
		t.Error(err)
	}
	if err := none.Remove(t.Context(), "r", "p"); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	if err := none.Mute(t.Context(), "r", "p", "camera", true); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	if err := none.Attach(t.Context(), "p", []string{"r"}); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	if err := errors.Join(none.Arrange(t.Context(), control.MediaRoom{ID: "r"}),
		none.Tell(t.Context(), control.Audience{RoomIDs: []string{"r"}}, control.CallNotice{Code: control.NoticeEnding})); err != nil {
		t.Error(err)
	}
}
