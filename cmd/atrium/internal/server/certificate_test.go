package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
)

// testTime is when the tests' certificates are made.
var testTime = time.Now()

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func newRequest(t *testing.T) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
}

// pemFiles writes a new certificate and its key.
func pemFiles(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	c, err := SelfMade(testTime)
	if err != nil {
		t.Fatal(err)
	}
	pair := c.current.Load()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		keyFile:  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// shown is the certificate that a client sees who trusts only those given.
func shown(t *testing.T, address string, trusted *x509.Certificate) ([]byte, error) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(trusted)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{RootCAs: pool}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw, nil
}

func parsed(t *testing.T, c *Certificates) *x509.Certificate {
	t.Helper()
	certificate, err := x509.ParseCertificate(c.current.Load().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// TestSelfMade: dev's certificate is good for this host's names and addresses.
func TestSelfMade(t *testing.T) {
	certificates, err := SelfMade(testTime)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.HTTP.Address, cfg.HTTP.PlainAddress = "127.0.0.1:0", ""
	s := start(t, Options{Config: cfg, Certificates: certificates})
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if _, err := shown(t, net.JoinHostPort(host, strconv.Itoa(s.HTTPSPort())), parsed(t, certificates)); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if err := parsed(t, certificates).VerifyHostname(LANAddress().String()); err != nil {
		t.Error(err)
	}
}

// TestReload: a new certificate is shown to the next who connects; one that
// can't be read leaves the old one.
func TestReload(t *testing.T) {
	certFile, keyFile := pemFiles(t)
	cfg := testConfig(t)
	cfg.HTTP.Address, cfg.HTTP.TLSCertFile, cfg.HTTP.TLSKeyFile = "127.0.0.1:0", certFile, keyFile
	s := start(t, Options{Config: cfg})
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.HTTPSPort()))
	before, err := shown(t, address, parsed(t, s.Certificates()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Certificates().Reload(certFile, filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrCertificate) {
		t.Errorf("got %v", err)
	}
	if still, err := shown(t, address, parsed(t, s.Certificates())); err != nil || !bytes.Equal(before, still) {
		t.Errorf("another certificate after a failed reload, %v", err)
	}
	newCert, newKey := pemFiles(t)
	if err := s.Certificates().Reload(newCert, newKey); err != nil {
		t.Fatal(err)
	}
	if after, err := shown(t, address, parsed(t, s.Certificates())); err != nil || bytes.Equal(before, after) {
		t.Errorf("the same certificate after a reload, %v", err)
	}
}

// TestBadCertificates: one sentence, beginning with the key, that says what to
// do.
func TestBadCertificates(t *testing.T) {
	certFile, keyFile := pemFiles(t)
	otherCert, _ := pemFiles(t)
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, cert, key, want string }{
		{"no such certificate", "/none/cert.pem", keyFile, "http.tls_cert_file: /none/cert.pem does not exist; name the PEM file"},
		{"no such key", certFile, "/none/key.pem", "http.tls_key_file: /none/key.pem does not exist; name the PEM file"},
		{"no PEM", garbage, keyFile, "name the files that belong together"},
		{"another's key", otherCert, keyFile, "private key does not match public key); name the files that belong together"},
		{"swapped", keyFile, certFile, "name the files that belong together"},
	} {
		cfg := testConfig(t)
		cfg.HTTP.Address, cfg.HTTP.TLSCertFile, cfg.HTTP.TLSKeyFile = "127.0.0.1:0", row.cert, row.key
		_, err := New(Options{Config: cfg})
		if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
