package configs

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/viper"
)

// vault is a section as a package with a secret would declare it.
type vault struct {
	Vault struct {
		ClientSecret string `mapstructure:"client_secret"`
		CertFile     string `mapstructure:"cert_file"`
		MonkeyHouse  string `mapstructure:"monkey_house"`
	} `mapstructure:"vault"`
}

// TestSecretKeys: a secret brings a key for its file along, and nothing else
// does.
func TestSecretKeys(t *testing.T) {
	var names []string
	for _, k := range keysOf(reflect.TypeFor[vault](), "") {
		name := k.name
		if k.secret {
			name += " secret"
		}
		if k.fileOf != "" {
			name += " of " + k.fileOf
		}
		names = append(names, name)
	}
	want := "vault.client_secret secret, vault.client_secret_file of vault.client_secret, vault.cert_file, vault.monkey_house"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// loadSecret reads the file that vault.client_secret_file names.
func loadSecret(t *testing.T, secret, file string) (string, error) {
	t.Helper()
	l := loader{keys: keysOf(reflect.TypeFor[vault](), "")}
	fields, files := viper.New(), viper.New()
	fields.SetDefault("vault.client_secret", secret)
	files.SetDefault("vault.client_secret_file", file)
	err := l.secrets(fields, files)
	return fields.GetString("vault.client_secret"), err
}

func TestSecretFile(t *testing.T) {
	if got, err := loadSecret(t, "", writeFile(t, "secret", "s3cret \r\n")); err != nil || got != "s3cret " {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := loadSecret(t, "inline", ""); err != nil || got != "inline" {
		t.Errorf("%q, %v", got, err)
	}
	for name, row := range map[string]struct{ secret, file, want string }{
		"both":    {"inline", writeFile(t, "secret", "x"), "is set as well as vault.client_secret; set one of them"},
		"missing": {"", t.TempDir() + "/none", "can't be read"},
		"empty":   {"", writeFile(t, "secret", "\n"), "is empty; write the secret into it"},
	} {
		_, err := loadSecret(t, row.secret, row.file)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "vault.client_secret_file: ") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "inline") {
			t.Errorf("%s: the secret is in the error: %v", name, err)
		}
	}
}

// TestSecretIsNotInAnError: a secret of the wrong kind isn't quoted.
func TestSecretIsNotInAnError(t *testing.T) {
	_, err := parseFile("a.yaml", []byte("vault:\n  client_secret: 12345678\n"), keysOf(reflect.TypeFor[vault](), ""))
	if err == nil || strings.Contains(err.Error(), "12345678") || !strings.Contains(err.Error(), "a.yaml:2: vault.client_secret: must be text") {
		t.Errorf("got %v", err)
	}
}

func TestReadFile(t *testing.T) {
	path := writeFile(t, "a.yaml", "x")
	if err := os.Chmod(path, 0o200); err != nil {
		t.Fatal(err)
	}
	if content, err := readFile(path); err == nil && os.Geteuid() != 0 {
		t.Errorf("read %q without permission", content)
	} else if err != nil && !strings.Contains(err.Error(), "let this user read it") {
		t.Error(err)
	}
}
