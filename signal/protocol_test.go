package signal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/signal/message"
)

// PROTOCOL.md tells every code, and its examples are true.
func TestProtocolDocument(t *testing.T) {
	doc, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(doc, -1)
	examples := 0
	for _, block := range blocks {
		dec := json.NewDecoder(bytes.NewReader(block[1]))
		for {
			var raw json.RawMessage
			if err := dec.Decode(&raw); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", block[1], err)
			}
			if !bytes.Contains(raw, []byte(`"type"`)) {
				continue // a part of a message
			}
			examples++
			_, clientErr := message.DecodeClient(raw)
			if _, serverErr := message.DecodeServer(raw); clientErr != nil && serverErr != nil {
				t.Errorf("%s: neither a client's (%v) nor the server's (%v)", raw, clientErr, serverErr)
			}
		}
	}
	if examples < 12 {
		t.Errorf("%d examples were found", examples)
	}
	text := string(doc)
	source, err := os.ReadFile("message/message.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?:Code|Notice)\w+\s+= "(\w+)"`).FindAllSubmatch(source, -1)
	if len(codes) < 26 {
		t.Fatalf("%d codes were found", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(text, "\n| `"+string(code[1])+"` |") {
			t.Errorf("the code %s isn't told of", code[1])
		}
	}
}

// Every message that can be decoded has a handler.
func TestHandlersAreComplete(t *testing.T) {
	for _, in := range []string{
		`{"type":"join","token":"t"}`, `{"type":"offer","sdp":"v"}`, `{"type":"candidate","candidate":""}`,
		`{"type":"publish","mid":"0","source":"camera"}`, `{"type":"layout"}`, `{"type":"mute","source":"camera","muted":true}`,
		`{"type":"chat","text":"x"}`, `{"type":"hand","raised":true}`, `{"type":"leave"}`,
	} {
		m, err := message.DecodeClient([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if handlers[m.MessageType()] == nil {
			t.Errorf("%s has no handler", m.MessageType())
		}
	}
	if len(handlers) != 9 {
		t.Errorf("%d handlers", len(handlers))
	}
}
