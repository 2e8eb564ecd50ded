package control_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
)

func TestCleanName(t *testing.T) {
	for _, row := range []struct {
		name, want string
		ok         bool
	}{
		{"Zoë", "Zoë", true},
		{"  Ana María \t", "Ana María", true},
		{strings.Repeat("ä", 80), strings.Repeat("ä", 80), true},
		{"👩‍👩‍👧", "👩‍👩‍👧", true}, // joiners stay
		{"نعيمة", "نعيمة", true},
		{"<script>alert(1)</script>", "<script>alert(1)</script>", true}, // pages show text as text
		{"", "", false},
		{" \u00a0\u3000", "", false},
		{"\u0301\u0301", "", false}, // combining marks alone
		{"\u200b\u200d", "", false}, // nothing to see
		{strings.Repeat("a", 81), "", false},
		{"a\x00b", "", false}, {"a\nb", "", false}, {"a\x1b[31m", "", false}, {"a\u0085b", "", false},
		{"a\u202eb", "", false}, {"a\u2066b", "", false}, {"a\u2028b", "", false},
		{"a\ufeffb", "", false}, {"a\ue000", "", false}, {"a\uffff", "", false},
		{"a\xff", "", false}, {"\xed\xa0\x80", "", false},
	} {
		got, err := control.CleanName("name", row.name)
		if got != row.want || row.ok != (err == nil) {
			t.Errorf("CleanName(%q) = %q, %v", row.name, got, err)
		}
		var field *control.FieldError
		if err != nil && (!errors.As(err, &field) || field.Field != "name") {
			t.Errorf("CleanName(%q): %v doesn't name the field", row.name, err)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	f.Add("Zoë")
	f.Add("a\u202e")
	f.Fuzz(func(t *testing.T, name string) {
		got, err := control.CleanName("name", name)
		if err != nil {
			return
		}
		if again, err := control.CleanName("name", got); err != nil || again != got {
			t.Errorf("a clean name isn't clean: %q, %v", got, err)
		}
	})
}
