package srtp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
)

func certificate(t *testing.T, key crypto.PrivateKey, err error) tls.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c, err := selfsign.SelfSign(key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// socketPair is two UDP sockets on loopback that know each other.
func socketPair(t *testing.T) (a, b *net.UDPConn) {
	t.Helper()
	for _, c := range []**net.UDPConn{&a, &b} {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		*c = conn
	}
	return a, b
}

// handshakeDTLS connects two dtls.Conns, the server's with the tap's hooks, and
// returns the material that pion exports at the server and at the client.
func handshakeDTLS(t *testing.T, tap *KeyTap, both ...dtls.Option) (server, client []byte) {
	t.Helper()
	a, b := socketPair(t)
	serverOptions := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerify(true),
		dtls.WithKeyLogWriter(keyLog{tap}), dtls.WithServerHelloMessageHook(tap.serverHello),
	}
	clientOptions := []dtls.ClientOption{dtls.WithInsecureSkipVerify(true)}
	for _, o := range both {
		serverOptions, clientOptions = append(serverOptions, o), append(clientOptions, o)
	}
	s, err := dtls.ServerWithOptions(a, b.LocalAddr(), serverOptions...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dtls.ClientWithOptions(b, a.LocalAddr(), clientOptions...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.HandshakeContext(ctx) }()
	if err := errors.Join(s.HandshakeContext(ctx), <-done); err != nil {
		t.Fatal(err)
	}
	export := func(conn *dtls.Conn) []byte {
		state, ok := conn.ConnectionState()
		if !ok {
			t.Fatal("no connection state")
		}
		material, err := state.ExportKeyingMaterial(exporterLabel, nil, 2*(16+12))
		if err != nil {
			t.Fatal(err)
		}
		return material
	}
	server, client = export(s), export(c)
	_, _ = c.Close(), s.Close()
	return server, client
}

// For every cipher suite that pion and browsers negotiate, with and without the
// extended master secret, the tap's keys are those that pion exports.
func TestKeyTapSuites(t *testing.T) {
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecCertificate := certificate(t, ecKey, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	rsaCertificate := certificate(t, rsaKey, err)
	for _, tt := range []struct {
		suite       dtls.CipherSuiteID
		certificate tls.Certificate
	}{
		{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ecCertificate},
		{dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, rsaCertificate},
		{dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, ecCertificate},
		{dtls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, rsaCertificate},
		{dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, ecCertificate},
		{dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, rsaCertificate},
		{dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, ecCertificate},
		{dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, rsaCertificate},
		{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM, ecCertificate},
		{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, ecCertificate},
	} {
		for name, ems := range map[string]dtls.ExtendedMasterSecretType{
			"extended": dtls.RequireExtendedMasterSecret, "plain": dtls.DisableExtendedMasterSecret,
		} {
			t.Run(fmt.Sprintf("%v/%s", tt.suite, name), func(t *testing.T) {
				var tap KeyTap
				server, client := handshakeDTLS(t, &tap, dtls.WithCipherSuites(tt.suite), dtls.WithCertificates(tt.certificate),
					dtls.WithExtendedMasterSecret(ems), dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM))
				k, err := tap.Keys()
				if err != nil {
					t.Fatal(err)
				}
				got := bytes.Join([][]byte{k.Client.Key, k.Server.Key, k.Client.Salt, k.Server.Salt}, nil)
				if !bytes.Equal(got, server) || !bytes.Equal(got, client) {
					t.Error("other keys than pion's")
				}
				if k.Profile != AES128GCM || tap.suite != tt.suite {
					t.Errorf("%v, %v", k.Profile, tap.suite)
				}
			})
		}
	}
}

// hello is what the server says, by pion's types.
func hello(random byte, suite dtls.CipherSuiteID, use *extension.UseSRTP) handshake.MessageServerHello {
	id := uint16(suite)
	m := handshake.MessageServerHello{CipherSuiteID: &id}
	m.Random.GMTUnixTime = time.Unix(0, 0)
	m.Random.RandomBytes[0] = random
	if use != nil {
		m.Extensions = append(m.Extensions, use)
	}
	return m
}

func logLine(client, master byte) []byte {
	return fmt.Appendf(nil, "%s %x %x\n", keyLogLabel, bytes.Repeat([]byte{client}, 32), bytes.Repeat([]byte{master}, 48))
}

// Only one complete, plain handshake gives keys.
func TestKeyTapRefuses(t *testing.T) {
	const suite = dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	gcm := &extension.UseSRTP{ProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM}}
	resumed := hello(1, suite, gcm)
	resumed.SessionID = []byte{1}
	type hellos = []handshake.MessageServerHello
	type lines = [][]byte
	whole, log := hellos{hello(1, suite, gcm)}, lines{logLine(1, 2)}
	for _, tt := range []struct {
		name   string
		hellos hellos
		lines  lines
		want   error
	}{
		{"nothing", nil, nil, ErrNoKeys},
		{"no secret", whole, nil, ErrNoKeys},
		{"no hello: the peer is the server", nil, log, ErrNoKeys},
		{"whole", whole, log, nil},
		{"other lines", whole, lines{[]byte("SERVER_RANDOM 00 00\n"), []byte("\n"), logLine(1, 2)}, nil},
		{"line without a secret", whole, lines{
			[]byte("CLIENT_RANDOM 00 00\n"), bytes.Replace(logLine(1, 2), []byte("02"), []byte("zz"), 1),
		}, ErrNoKeys},
		{"the same again", hellos{hello(1, suite, gcm), hello(1, suite, gcm)}, lines{logLine(1, 2), logLine(1, 2)}, nil},
		{"second hello", hellos{hello(1, suite, gcm), hello(2, suite, gcm)}, log, ErrRekeyed},
		{"second secret", whole, lines{logLine(1, 2), logLine(1, 3)}, ErrRekeyed},
		{"session that may be resumed", hellos{resumed}, log, ErrRekeyed},
		{"no SRTP", hellos{hello(1, suite, nil)}, log, ErrProfile},
		{"another profile", hellos{hello(1, suite, &extension.UseSRTP{
			ProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_32},
		})}, log, ErrProfile},
		{"key identifiers", hellos{hello(1, suite, &extension.UseSRTP{
			ProtectionProfiles: gcm.ProtectionProfiles, MasterKeyIdentifier: []byte{1},
		})}, log, ErrProfile},
		{"unknown suite", hellos{hello(1, dtls.TLS_PSK_WITH_AES_128_CCM, gcm)}, log, ErrCipherSuite},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tap KeyTap
			for _, m := range tt.hellos {
				if got, ok := tap.serverHello(m).(*handshake.MessageServerHello); !ok || got.Random != m.Random {
					t.Error("the hello was changed")
				}
			}
			for _, l := range tt.lines {
				if n, err := (keyLog{&tap}).Write(l); n != len(l) || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
			}
			k, err := tap.Keys()
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if (k.Client.Key == nil) != (tt.want != nil) {
				t.Errorf("keys beside %v", err)
			}
		})
	}
}

// What was wiped is gone, in the tap and in the keys, and nothing follows.
func TestKeyTapWipe(t *testing.T) {
	var tap KeyTap
	tap.serverHello(hello(1, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, &extension.UseSRTP{
		ProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM},
	}))
	secret := make([]byte, masterLen) // random: the nonce check knows no tests
	_, _ = rand.Read(secret)
	line := fmt.Appendf(nil, "%s %064x %x\n", keyLogLabel, 1, secret)
	_, _ = keyLog{&tap}.Write(line)
	k, err := tap.Keys()
	if err != nil {
		t.Fatal(err)
	}
	master := tap.master
	d, err := NewDecryptor(k.Profile, k.Client)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOutgoing(k.Profile, k.Client)
	if err != nil {
		t.Fatal(err)
	}
	k.Wipe()
	tap.Wipe()
	for name, b := range map[string][]byte{
		"master secret": master, "client key": k.Client.Key, "client salt": k.Client.Salt,
		"server key": k.Server.Key, "server salt": k.Server.Salt,
	} {
		if len(b) == 0 || !bytes.Equal(b, make([]byte, len(b))) {
			t.Errorf("%s isn't cleared", name)
		}
	}
	_, _ = keyLog{&tap}.Write(line)
	if _, err := tap.Keys(); !errors.Is(err, ErrNoKeys) {
		t.Errorf("after Wipe: %v", err)
	}
	e, err := o.Encryptor(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DecryptInPlace(sealed(t, e, 1, "x"), headerMin); err != nil {
		t.Errorf("contexts don't outlive their keys: %v", err)
	}
}

// Keys get into no log and no error message.
func TestKeysDontPrint(t *testing.T) {
	k := Keys{AES128GCM, Master{[]byte("secret-key-0"), []byte("secret-salt")}, Master{[]byte("secret-key-1"), nil}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, k, &k, k.Client)
	}
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	logger.Info("x", "keys", k, "pointer", &k, "master", k.Client)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "keys", k, "master", k.Client)
	marshalled, err := json.Marshal([]any{k, k.Client})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(marshalled)
	for _, secret := range []string{"secret", fmt.Sprintf("%x", "secret"), fmt.Sprint([]byte("secret"))[1:10], "c2VjcmV0"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("printed: %s", out.String())
		}
	}
}

func TestProfileNames(t *testing.T) {
	for _, p := range append(profiles, 2) {
		if want := fmt.Sprint(p); strings.HasPrefix(want, "SRTP") != true || (p.Overhead() == 0) != (p == 2) {
			t.Errorf("%s: overhead %d", want, p.Overhead())
		}
	}
	if len(Profiles()) != len(profiles) {
		t.Error("the tests leave a profile out")
	}
}
