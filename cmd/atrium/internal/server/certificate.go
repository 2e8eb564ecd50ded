package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// ErrCertificate marks a certificate or key that can't be used.
var ErrCertificate = errors.New("certificate")

// Certificates holds the certificate that HTTPS shows; it can be replaced
// while the server runs.
type Certificates struct {
	current atomic.Pointer[tls.Certificate]
}

// LoadCertificates reads PEM files.
func LoadCertificates(certFile, keyFile string) (*Certificates, error) {
	c := &Certificates{}
	return c, c.Reload(certFile, keyFile)
}

// Reload reads the files again. When that fails the old certificate stays.
func (c *Certificates) Reload(certFile, keyFile string) error {
	for key, name := range map[string]string{"http.tls_cert_file": certFile, "http.tls_key_file": keyFile} {
		if err := readable(key, name); err != nil {
			return err
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return explained{fmt.Sprintf("http.tls_cert_file: %s and %s are not a certificate and its key in PEM (%s); name the files that belong together",
			certFile, keyFile, strings.TrimPrefix(err.Error(), "tls: ")), errors.Join(ErrCertificate, err)}
	}
	c.current.Store(&pair)
	return nil
}

func readable(key, name string) error {
	f, err := os.Open(name)
	if err == nil {
		return f.Close()
	}
	what := "can't be read; name a file that this user can read"
	switch {
	case errors.Is(err, os.ErrNotExist):
		what = "does not exist; name the PEM file"
	case errors.Is(err, os.ErrPermission):
		what = "may not be read by this user; change its owner or mode"
	}
	return explained{fmt.Sprintf("%s: %s %s", key, name, what), errors.Join(ErrCertificate, err)}
}

// tlsConfig serves the current certificate.
func (c *Certificates) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// selfMadeLifetime keeps a forgotten development server from being trusted
// for long, by those who told their browser to.
const selfMadeLifetime = 30 * 24 * time.Hour

// SelfMade makes a certificate in memory for localhost and every address of
// this host. Browsers warn of it once.
func SelfMade(now time.Time) (*Certificates, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%w: make a key: %w", ErrCertificate, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("%w: make a serial number: %w", ErrCertificate, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "atrium dev"},
		NotBefore:    now.Add(-time.Hour), // phones' clocks
		NotAfter:     now.Add(selfMadeLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil {
		template.DNSNames = append(template.DNSNames, name)
	}
	for _, ip := range hostAddresses() {
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("%w: sign it: %w", ErrCertificate, err)
	}
	c := &Certificates{}
	c.current.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
	return c, nil
}

// hostAddresses are the addresses of this host by which others may reach it.
func hostAddresses() []net.IP {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []net.IP
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// LANAddress is the address that others on the local network most likely
// reach this host by: IPv4 first; the loopback address when there is none.
func LANAddress() net.IP {
	ips := hostAddresses()
	for _, ip := range ips {
		if ip.To4() != nil {
			return ip
		}
	}
	if len(ips) > 0 {
		return ips[0]
	}
	return net.IPv4(127, 0, 0, 1)
}
