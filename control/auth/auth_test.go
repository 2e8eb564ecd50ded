package auth

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newKeys(t testing.TB) *Keys {
	t.Helper()
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(when time.Time) func() time.Time { return func() time.Time { return when } }

func claims() JoinClaims {
	return JoinClaims{
		ID: "jti", ParticipantID: "participant", OrganisationID: "org", RoomID: "room",
		Name: "Zoë", Role: "participant", IssuedAt: start, ExpiresAt: start.Add(TokenLifetime),
	}
}

func issue(t testing.TB, keys *Keys) string {
	t.Helper()
	token, err := NewTokens(keys, at(start)).Issue(claims())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// R-SE-7: a token is good for five minutes, to the second.
func TestTokenLifetime(t *testing.T) {
	keys := newKeys(t)
	token := issue(t, keys)
	for _, row := range []struct {
		after time.Duration
		want  error
	}{
		{0, nil},
		{-time.Hour, nil}, // the clock went back (SE-20): no reason to refuse
		{TokenLifetime - time.Second, nil},
		{TokenLifetime, ErrExpired},
		{24 * time.Hour, ErrExpired},
	} {
		got, err := NewTokens(keys, at(start.Add(row.after))).Verify(token)
		if !errors.Is(err, row.want) {
			t.Errorf("after %v: %v, want %v", row.after, err, row.want)
		}
		if err == nil && (got.Name != "Zoë" || got.ParticipantID != "participant" ||
			!got.ExpiresAt.Equal(start.Add(TokenLifetime))) {
			t.Errorf("after %v: claims %+v", row.after, got)
		}
	}
	if again := issue(t, keys); again != token {
		t.Error("the same claims gave another token")
	}
}

func TestIssueRefuses(t *testing.T) {
	tokens := NewTokens(newKeys(t), at(start))
	for name, change := range map[string]func(*JoinClaims){
		"too long":       func(c *JoinClaims) { c.ExpiresAt = c.ExpiresAt.Add(time.Second) },
		"no time":        func(c *JoinClaims) { c.ExpiresAt = c.IssuedAt },
		"no participant": func(c *JoinClaims) { c.ParticipantID = "" },
		"no id":          func(c *JoinClaims) { c.ID = "" },
		"no room":        func(c *JoinClaims) { c.RoomID = "" },
	} {
		c := claims()
		change(&c)
		if _, err := tokens.Issue(c); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}

// forge signs arbitrary claims and headers with a key.
func forge(t *testing.T, keys *Keys, change func(*jwt.Token, jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{
		"iss": "atrium", "aud": []string{"signal"}, "sub": "p", "jti": "j", "org": "o", "room": "r",
		"name": "n", "role": "viewer", "iat": start.Unix(), "exp": start.Add(TokenLifetime).Unix(),
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	token.Header["kid"] = keys.signing[0].id
	change(token, c)
	signed, err := token.SignedString(keys.signing[0].private)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestVerifyRefuses(t *testing.T) {
	keys, other := newKeys(t), newKeys(t)
	token := issue(t, keys)
	parts := strings.Split(token, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + keys.signing[0].id + `"}`))
	set := func(name string, value any) func(*jwt.Token, jwt.MapClaims) {
		return func(_ *jwt.Token, c jwt.MapClaims) { c[name] = value }
	}
	unset := func(name string) func(*jwt.Token, jwt.MapClaims) {
		return func(_ *jwt.Token, c jwt.MapClaims) { delete(c, name) }
	}
	symmetric := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "p"})
	symmetric.Header["kid"] = keys.signing[0].id
	confused, err := symmetric.SignedString([]byte(keys.signing[0].private.Public().(ed25519.PublicKey)))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"empty":             "",
		"garbage":           "a.b.c",
		"another key":       issue(t, other),
		"alg none":          none + "." + parts[1] + ".",
		"alg none, signed":  none + "." + parts[1] + "." + parts[2],
		"no signature":      parts[0] + "." + parts[1] + ".",
		"public key as MAC": confused,
		"too long":          token + strings.Repeat("A", maxToken),
		"wrong audience":    forge(t, keys, set("aud", []string{"api"})),
		"no audience":       forge(t, keys, unset("aud")),
		"wrong issuer":      forge(t, keys, set("iss", "else")),
		"no expiry":         forge(t, keys, unset("exp")),
		"no issue time":     forge(t, keys, unset("iat")),
		"no participant":    forge(t, keys, unset("sub")),
		"long lifetime":     forge(t, keys, set("exp", start.Add(TokenLifetime+time.Second).Unix())),
		"old and foreign": forge(t, keys, func(_ *jwt.Token, c jwt.MapClaims) {
			c["exp"], c["aud"] = start.Add(-time.Hour).Unix(), "api"
		}),
		"unknown key": forge(t, keys, func(token *jwt.Token, _ jwt.MapClaims) { token.Header["kid"] = "else" }),
		"no key":      forge(t, keys, func(token *jwt.Token, _ jwt.MapClaims) { delete(token.Header, "kid") }),
	} {
		if _, err := NewTokens(keys, at(start)).Verify(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	// Any changed byte of any part.
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if _, err := NewTokens(keys, at(start)).Verify(string(changed)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("changed at byte %d: %v", i, err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("creation left something behind: %v", entries)
	}
	token, sealed := issue(t, first), first.Seal([]byte("secret"), "place")
	second, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTokens(second, at(start)).Verify(token); err != nil {
		t.Errorf("a token from before the restart: %v", err)
	}
	if got, err := second.Open(sealed, "place"); err != nil || string(got) != "secret" {
		t.Errorf("sealed before the restart: %q, %v", got, err)
	}
}

// Keys rotate: the first of the file is used, the others still verify.
func TestKeyRotation(t *testing.T) {
	file := newKeyFile()
	old, err := file.keys()
	if err != nil {
		t.Fatal(err)
	}
	file.Signing = append([]keyEntry{newKeyEntry()}, file.Signing...)
	file.Sealing = append([]keyEntry{newKeyEntry()}, file.Sealing...)
	rotated, err := file.keys()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTokens(rotated, at(start)).Verify(issue(t, old)); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}
	if _, err := NewTokens(old, at(start)).Verify(issue(t, rotated)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token of the new key, verified without it: %v", err)
	}
	if _, err := rotated.Open(old.Seal([]byte("x"), "p"), "p"); err != nil {
		t.Errorf("sealed with the old key: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	good, err := json.Marshal(newKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, row := range []struct {
		name    string
		content []byte
		mode    os.FileMode
		says    string
	}{
		{"readable by others", good, 0o640, "chmod 600"},
		{"empty", nil, 0o600, "damaged"},
		{"cut", good[:len(good)/2], 0o600, "damaged"},
		{"twice", append(bytes.Clone(good), good...), 0o600, "damaged"},
		{"no keys", []byte(`{"version":1}`), 0o600, "missing"},
		{"newer", []byte(`{"version":2}`), 0o600, "unknown to this release"},
		{"short key", []byte(`{"version":1,"signing":[{"id":"a","key":"AAAA"}],"sealing":[{"id":"b","key":"AAAA"}]}`), 0o600, "damaged"},
		{"huge", bytes.Repeat([]byte(" "), keyFileLimit+1), 0o600, "too long"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(row.name, " ", "_"))
		if err := os.WriteFile(path, row.content, row.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeys(path)
		if !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one sentence saying %q", row.name, err, row.says)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, row.content) {
			t.Errorf("%s: the file was altered", row.name)
		}
	}
	if _, err := LoadKeys(dir); !errors.Is(err, ErrKeyFile) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := LoadKeys(filepath.Join(dir, "none", "keys")); !errors.Is(err, ErrKeyFile) {
		t.Errorf("in no directory: %v", err)
	}
}

func TestSeal(t *testing.T) {
	keys := newKeys(t)
	sealed := keys.Seal([]byte("a link"), "room/1")
	if bytes.Contains(sealed, []byte("a link")) {
		t.Error("the sealed value shows its contents")
	}
	if bytes.Equal(sealed, keys.Seal([]byte("a link"), "room/1")) {
		t.Error("the nonce repeats")
	}
	if _, err := keys.Open(sealed, "room/2"); !errors.Is(err, ErrUnsealed) {
		t.Errorf("opened for another purpose: %v", err)
	}
	if _, err := newKeys(t).Open(sealed, "room/1"); !errors.Is(err, ErrUnsealed) {
		t.Errorf("opened with other keys: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := keys.Open(changed, "room/1"); !errors.Is(err, ErrUnsealed) {
			t.Errorf("changed at byte %d: %v", i, err)
		}
		if _, err := keys.Open(sealed[:i], "room/1"); !errors.Is(err, ErrUnsealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

// R-SE-5: at least 128 bits, and a link is found however it was pasted.
func TestLinkDigest(t *testing.T) {
	keys := newKeys(t)
	secret, digest := keys.NewLink()
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(raw)*8 < 128 {
		t.Fatalf("a link of %d bits, %v", len(raw)*8, err)
	}
	for _, row := range []struct {
		link string
		ok   bool
	}{
		{secret, true},
		{" " + secret + "\n", true},
		{"#" + secret, true},
		{"https://calls.example.org/r#" + secret, true},
		{"https://calls.example.org/r?x#y#" + secret, true},
		{"", false},
		{"#", false},
		{secret[1:], false},
		{secret + "A", false},
		{secret[:23] + "=", false},
		{secret[:23] + "/", false},
		{"https://calls.example.org/" + secret, false},
		{strings.Repeat(" ", maxPasted) + secret, false},
	} {
		got, ok := LinkDigest(row.link)
		if ok != row.ok || ok && got != digest {
			t.Errorf("LinkDigest(%q): %v, want %v", row.link, ok, row.ok)
		}
	}
}

func TestAPIKeyDigest(t *testing.T) {
	secret, digest := newKeys(t).NewAPIKey()
	if !strings.HasPrefix(secret, "atk_") || len(secret) != 4+43 {
		t.Errorf("the key has another form: %d characters", len(secret))
	}
	if got, ok := APIKeyDigest(secret); !ok || got != digest {
		t.Errorf("digest of a good key: %v", ok)
	}
	for _, bad := range []string{"", "atk_", secret[4:], "atx_" + secret[4:], secret[:46], secret + "A"} {
		if _, ok := APIKeyDigest(bad); ok {
			t.Errorf("%q passes for a key", bad)
		}
	}
}

func FuzzVerify(f *testing.F) {
	keys, err := NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	tokens := NewTokens(keys, at(start))
	good := issue(f, keys)
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := tokens.Verify(token); err == nil && token != good {
			t.Errorf("verified a token that was never issued: %q", token)
		}
	})
}

func FuzzLinkDigest(f *testing.F) {
	f.Add("https://calls.example.org/r#q3mVY0wXbq1cF8Zk5nTjUw2e")
	f.Add("#")
	f.Fuzz(func(t *testing.T, link string) {
		if _, ok := LinkDigest(link); ok && len(strings.TrimSpace(link)) < 24 {
			t.Errorf("a short link passes: %q", link)
		}
	})
}
