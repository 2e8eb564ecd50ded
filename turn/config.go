package turn

import (
	"fmt"
	"net/netip"
	"time"
)

// maxRealm keeps the answer to the smallest request of browsers (28 bytes)
// within three times its size: header 20, error code 20, nonce 32, and 12 for
// a realm of up to 8 bytes (SE-2).
const maxRealm = 8

// Config is the section `turn` of the configuration.
type Config struct {
	// Enabled says whether cmd starts a server; New ignores it.
	Enabled bool `mapstructure:"enabled"`
	// Address to bind to; "" is every address of the host.
	Address string `mapstructure:"address"`
	// Port for UDP and TCP; 0 is any free one.
	Port int `mapstructure:"port"`
	// TCP says whether TCP is served too.
	TCP bool `mapstructure:"tcp"`
	// Realm of the credentials, up to 8 bytes.
	Realm string `mapstructure:"realm"`
	// CredentialLifetime is how long credentials are good for, and so the
	// longest call that is relayed without an ICE restart. They die earlier
	// with their participant.
	CredentialLifetime time.Duration `mapstructure:"credential_lifetime"`
	// MaxAllocationsPerUser bounds the allocations of one participant: a
	// browser makes one for each of its networks and each URL.
	MaxAllocationsPerUser int `mapstructure:"max_allocations_per_user"`
	// MaxTCPConnections bounds TCP connections, and
	// MaxTCPConnectionsPerSource those of one address (/32 or /64).
	MaxTCPConnections          int `mapstructure:"max_tcp_connections"`
	MaxTCPConnectionsPerSource int `mapstructure:"max_tcp_connections_per_source"`
	// UnauthenticatedPerSecond bounds the answers that one address (/32 or
	// /64) gets without valid credentials. Every client needs a few to begin
	// with, and an office shares an address.
	UnauthenticatedPerSecond int `mapstructure:"unauthenticated_per_second"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Enabled:                    true,
		Port:                       3478, // RFC 8656 §4
		TCP:                        true,
		Realm:                      "atrium",
		CredentialLifetime:         12 * time.Hour, // longer than a working day's call
		MaxAllocationsPerUser:      12,             // SE-2
		MaxTCPConnections:          2000,
		MaxTCPConnectionsPerSource: 400,
		UnauthenticatedPerSecond:   50,
	}
}

// Validate reports the first value that can't work; the message begins with
// its key within the section.
func (c Config) Validate() error {
	if c.Address != "" {
		if _, err := netip.ParseAddr(c.Address); err != nil {
			return fmt.Errorf("address: %q is not an IP address: give one of this host's, or leave it empty for all", c.Address)
		}
	}
	if c.Realm == "" || len(c.Realm) > maxRealm {
		return fmt.Errorf("realm: must have 1 to %d bytes, not %d: shorten it", maxRealm, len(c.Realm))
	}
	if c.CredentialLifetime < time.Minute || c.CredentialLifetime > 24*time.Hour {
		return fmt.Errorf("credential_lifetime: must be 1m to 24h, not %s", c.CredentialLifetime)
	}
	for _, row := range []struct {
		key           string
		value, lo, hi int
	}{
		{"port", c.Port, 0, 65535},
		{"max_allocations_per_user", c.MaxAllocationsPerUser, 1, 1000},
		{"max_tcp_connections", c.MaxTCPConnections, 1, 1_000_000},
		{"max_tcp_connections_per_source", c.MaxTCPConnectionsPerSource, 1, 1_000_000},
		{"unauthenticated_per_second", c.UnauthenticatedPerSecond, 1, 1_000_000},
	} {
		if row.value < row.lo || row.value > row.hi {
			return fmt.Errorf("%s: must be %d to %d, not %d", row.key, row.lo, row.hi, row.value)
		}
	}
	return nil
}
