package testkit

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestCanaries(t *testing.T) {
	c := Canaries{"Zoë Quill", "1931-03-17"}
	if found := c.In([]byte("nothing of them: 1931-03-18, Zo\u00eb")); len(found) != 0 {
		t.Errorf("found %q", found)
	}
	for _, text := range c {
		for i, written := range []string{
			"name: " + text + ".", strings.ToUpper(hex.EncodeToString([]byte(text))), hex.EncodeToString([]byte("x" + text)),
			string(wide(text, 0)), "x" + string(wide(text, 1)), fmt.Sprintf("%q", text),
			base64.StdEncoding.EncodeToString([]byte(text)), base64.URLEncoding.EncodeToString([]byte("a" + text)),
			base64.StdEncoding.EncodeToString([]byte(`{"name":"` + text + `"}`)), base64.RawURLEncoding.EncodeToString([]byte("ab" + text + "c")),
		} {
			if len(c.In([]byte("before"+written+"after"))) == 0 {
				t.Errorf("%s isn't found in form %d: %q", text, i, written)
			}
		}
	}
}
