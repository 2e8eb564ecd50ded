package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/atriumrtc/atrium/control/store"
)

// childKind is a kind of thing that is listed below another one.
type childKind string

const (
	childUnit        childKind = "unit"         // of an organisation
	childAccount     childKind = "account"      // of an organisation
	childAPIKey      childKind = "api_key"      // of an organisation
	childArea        childKind = "area"         // of a unit
	childMeetingRoom childKind = "meeting_room" // of a unit, or of an area
)

func childKey(parent string, kind childKind, id string) string {
	return prefixChild + parent + "/" + string(kind) + "/" + id
}

// addChild lists id below parent.
func addChild(tx store.Tx, parent string, kind childKind, id string) error {
	return tx.Put(childKey(parent, kind, id), nil)
}

// children visits the ids below parent that come after one, in order of
// creation, the soft-deleted ones too.
func children(tx store.Tx, parent string, kind childKind, after string, visit func(id string) error) error {
	prefix := childKey(parent, kind, "")
	from := ""
	if after != "" {
		from = prefix + after
	}
	return tx.Range(prefix, from, func(key string, _ []byte) error {
		return visit(strings.TrimPrefix(key, prefix))
	})
}

// foldName returns what two names have in common that people would take for
// the same: case, composition and the width of white space don't count.
func foldName(name string) string {
	name = cases.Fold().String(norm.NFKC.String(name))
	return strings.Join(strings.FieldsFunc(norm.NFKC.String(name), unicode.IsSpace), " ")
}

func nameKey(parent string, kind childKind, name string) string {
	sum := sha256.Sum256([]byte(foldName(name)))
	return prefixName + parent + "/" + string(kind) + "/" + hex.EncodeToString(sum[:])
}

// takeName makes name that of id among the things of a kind below parent, or
// returns a *StateError with CodeNameTaken (R-T-5).
func takeName(tx store.Tx, parent string, kind childKind, name, id string) error {
	key := nameKey(parent, kind, name)
	holder, err := tx.Get(key)
	switch {
	case err == nil && string(holder) != id:
		return &StateError{CodeNameTaken, "There is already one of this name here; choose another name."}
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	return tx.Put(key, []byte(id))
}

// freeName gives up what takeName took.
func freeName(tx store.Tx, parent string, kind childKind, name string) error {
	return tx.Delete(nameKey(parent, kind, name))
}

// maxSlug is the most characters of a slug, without the number at its end.
const maxSlug = 40

// slugOf turns a name into what stands in addresses: a-z, 0-9 and single
// dashes; "" when nothing is left.
func slugOf(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(cases.Fold().String(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r): // an accent: its letter stays
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxSlug {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// takeSlug returns a slug for name that nothing of the kind below parent has
// or ever had (R-T-5: a slug is stable, also in reports on what is deleted).
func takeSlug(tx store.Tx, parent string, kind childKind, name, id string) (string, error) {
	base := slugOf(name)
	if base == "" {
		base = strings.ReplaceAll(string(kind), "_", "-")
	}
	slug := base
	for n := 2; ; n++ {
		key := prefixSlug + parent + "/" + string(kind) + "/" + slug
		_, err := tx.Get(key)
		if errors.Is(err, store.ErrNotFound) {
			return slug, tx.Put(key, []byte(id))
		}
		if err != nil {
			return "", err
		}
		slug = fmt.Sprintf("%s-%d", base, n)
	}
}
