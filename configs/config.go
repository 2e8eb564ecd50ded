package configs

import (
	_ "embed" // default.yaml
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/api"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/turn"
)

//go:embed default.yaml
var defaultYAML []byte

// Default returns default.yaml: every key with its default and what it does.
func Default() []byte { return append([]byte(nil), defaultYAML...) }

// Config is everything that can be set. Sections that belong to a package are
// declared there.
type Config struct {
	HTTP    HTTP          `mapstructure:"http"`
	Metrics Metrics       `mapstructure:"metrics"`
	Log     Log           `mapstructure:"log"`
	Data    Data          `mapstructure:"data"`
	Drain   Drain         `mapstructure:"drain"`
	Media   media.Config  `mapstructure:"media"`
	Signal  signal.Config `mapstructure:"signal"`
	TURN    turn.Config   `mapstructure:"turn"`
	API     api.Config    `mapstructure:"api"`
	Notify  notify.Config `mapstructure:"notify"`
}

// HTTP says where pages, API and signalling are served.
type HTTP struct {
	// Address of HTTPS, host:port; "" turns it off.
	Address string `mapstructure:"address"`
	// PlainAddress of HTTP without TLS, host:port, for a reverse proxy on the
	// same host; "" turns it off.
	PlainAddress string `mapstructure:"plain_address"`
	// TLSCertFile and TLSKeyFile are PEM files; SIGHUP reads them again.
	TLSCertFile string `mapstructure:"tls_cert_file"`
	TLSKeyFile  string `mapstructure:"tls_key_file"`
	// BaseURL is what links begin with, scheme and host; "" takes the host
	// that the request named.
	BaseURL string `mapstructure:"base_url"`
	// TrustedProxies are the addresses and networks of reverse proxies whose
	// X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []string `mapstructure:"trusted_proxies"`
}

// Metrics says where health and metrics are served.
type Metrics struct {
	// Address of /healthz, /readyz and /metrics, host:port; "" turns it off.
	Address string `mapstructure:"address"`
}

// Log says what is logged, and how.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn, error
	Format string `mapstructure:"format"` // json, text; auto: text on a terminal
}

// Data says where what must survive a restart is kept.
type Data struct {
	Dir string `mapstructure:"dir"`
}

// Drain says how a stop waits for calls.
type Drain struct {
	// Timeout is how long after the first signal calls may go on.
	Timeout time.Duration `mapstructure:"timeout"`
}

// DefaultConfig returns the values in force where nothing is configured; the
// same as default.yaml.
func DefaultConfig() Config {
	return Config{
		HTTP:    HTTP{Address: ":443", TrustedProxies: []string{}},
		Metrics: Metrics{Address: "127.0.0.1:7889"},
		Log:     Log{Level: "info", Format: "auto"},
		Data:    Data{Dir: "/var/lib/atrium"},
		Drain:   Drain{Timeout: 10 * time.Minute},
		Media:   media.DefaultConfig(),
		Signal:  signal.DefaultConfig(),
		TURN:    turn.DefaultConfig(),
		API:     api.DefaultConfig(),
		Notify:  notify.DefaultConfig(),
	}
}

// Validate checks every section. Each of the joined errors begins with the
// whole key.
func (c Config) Validate() error {
	var errs []error
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		section, ok := v.Field(i).Interface().(interface{ Validate() error })
		if !ok {
			continue
		}
		name := v.Type().Field(i).Tag.Get("mapstructure")
		for _, err := range split(section.Validate()) {
			errs = append(errs, fmt.Errorf("%s.%w", name, err))
		}
	}
	return errors.Join(errs...)
}

// ValidateServe checks what a server needs beyond valid values: somewhere to
// listen, and a certificate for HTTPS. (atrium dev makes its own.)
func (c Config) ValidateServe() error {
	if c.HTTP.Address == "" && c.HTTP.PlainAddress == "" {
		return errors.New("http.address: nothing to listen on; set it, or http.plain_address behind a reverse proxy")
	}
	if c.HTTP.Address != "" && c.HTTP.TLSCertFile == "" {
		return errors.New("http.tls_cert_file: HTTPS needs a certificate; name its PEM file, or set http.address to \"\" and use http.plain_address behind a reverse proxy")
	}
	return nil
}

// Validate says what is wrong, beginning with the key.
func (h HTTP) Validate() error {
	var errs []error
	errs = append(errs, checkAddress("address", h.Address), checkAddress("plain_address", h.PlainAddress))
	if h.TLSCertFile != "" && h.TLSKeyFile == "" {
		errs = append(errs, errors.New("tls_key_file: missing; name the key that belongs to http.tls_cert_file"))
	}
	if h.TLSKeyFile != "" && h.TLSCertFile == "" {
		errs = append(errs, errors.New("tls_cert_file: missing; name the certificate that belongs to http.tls_key_file"))
	}
	if h.BaseURL != "" {
		u, err := url.Parse(h.BaseURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			errs = append(errs, fmt.Errorf("base_url: %q is not scheme and host; write it as https://call.example.org", h.BaseURL))
		}
	}
	if _, err := h.Proxies(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Proxies parses TrustedProxies; a single address is a network of one.
func (h HTTP) Proxies() ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, text := range h.TrustedProxies {
		if !strings.Contains(text, "/") {
			if addr, err := netip.ParseAddr(text); err == nil {
				proxies = append(proxies, netip.PrefixFrom(addr, addr.BitLen()))
				continue
			}
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted_proxies: %q is no address or network; write it as 127.0.0.1 or 10.0.0.0/8", text)
		}
		proxies = append(proxies, network)
	}
	return proxies, nil
}

// Validate says what is wrong, beginning with the key.
func (m Metrics) Validate() error { return checkAddress("address", m.Address) }

// Validate says what is wrong, beginning with the key.
func (l Log) Validate() error {
	var errs []error
	if _, err := l.SlogLevel(); err != nil {
		errs = append(errs, err)
	}
	switch l.Format {
	case "auto", "json", "text":
	default:
		errs = append(errs, fmt.Errorf("format: %q is unknown; use auto, json or text", l.Format))
	}
	return errors.Join(errs...)
}

// SlogLevel is the level as slog's.
func (l Log) SlogLevel() (slog.Level, error) {
	switch l.Level {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("level: %q is unknown; use debug, info, warn or error", l.Level)
}

// Validate says what is wrong, beginning with the key.
func (d Data) Validate() error {
	if d.Dir == "" {
		return errors.New("dir: missing; name a folder that only this server writes to")
	}
	return nil
}

// Validate says what is wrong, beginning with the key.
func (d Drain) Validate() error {
	if d.Timeout < 0 || d.Timeout > 24*time.Hour {
		return fmt.Errorf("timeout: %s is out of range; use 0s to 24h", d.Timeout)
	}
	return nil
}

// checkAddress accepts "" and host:port with a numeric port and, as the host,
// nothing, a name or an IP address.
func checkAddress(key, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port; write it as :443 or 127.0.0.1:8080", key, address)
	}
	return nil
}

// split takes joined errors apart.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, split(e)...)
		}
		return all
	}
	return []error{err}
}
