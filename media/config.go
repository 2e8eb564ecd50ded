package media

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Config is the media section of the configuration.
type Config struct {
	// Address to bind UDP and TCP to; "" is every address of the host.
	Address string `mapstructure:"address"`
	// UDPPort carries ICE, DTLS and SRTP of everybody; 0 takes any free port.
	UDPPort int `mapstructure:"udp_port"`
	// TCPPort is for ICE/TCP; 0 takes any free port, -1 turns it off.
	TCPPort int `mapstructure:"tcp_port"`
	// PublicIPs are what candidates advertise, behind a cloud's NAT. Empty, or
	// the single word "auto", advertises the addresses of this host.
	PublicIPs []string `mapstructure:"public_ips"`
	// Seat is how long a participant who dropped out keeps the place.
	Seat time.Duration `mapstructure:"seat"`
	// SRTP is who encrypts: "own" (ours, run to completion) or "pion".
	SRTP string `mapstructure:"srtp"`
	// Readers is how many sockets and goroutines read the UDP port; 0 is one,
	// which serves two cores.
	Readers int `mapstructure:"readers"`
	// GSO sends and reads runs of packets by one call where the kernel can
	// (UDP_SEGMENT, UDP_GRO).
	GSO bool `mapstructure:"gso"`
	// TileFPS is how many frames a second thumbnails of large rooms get, of
	// sources with temporal layers; 0: all.
	TileFPS int `mapstructure:"tile_fps"`
	// OfferMaxBytes bounds an SDP offer, before it is parsed.
	OfferMaxBytes int `mapstructure:"offer_max_bytes"`
}

// Values of Config.SRTP.
const (
	SRTPOwn  = "own"
	SRTPPion = "pion"
)

// DefaultConfig returns the values in force where nothing is configured.
func DefaultConfig() Config {
	return Config{
		UDPPort:       7882,
		TCPPort:       7881,
		PublicIPs:     []string{},
		Seat:          120 * time.Second,
		SRTP:          SRTPOwn,
		GSO:           true,
		TileFPS:       15,
		OfferMaxBytes: 96 << 10,
	}
}

// Validate says what is wrong, beginning with the key.
func (c Config) Validate() error {
	var errs []error
	if c.Address != "" {
		if _, err := netip.ParseAddr(c.Address); err != nil {
			errs = append(errs, fmt.Errorf("address: %q is not an IP address; leave it empty to use every address", c.Address))
		}
	}
	if c.UDPPort < 0 || c.UDPPort > 65535 {
		errs = append(errs, fmt.Errorf("udp_port: %d is not a port; use 0 to 65535", c.UDPPort))
	}
	if c.TCPPort < -1 || c.TCPPort > 65535 {
		errs = append(errs, fmt.Errorf("tcp_port: %d is not a port; use -1 (off) to 65535", c.TCPPort))
	}
	if _, err := c.publicIPs(); err != nil {
		errs = append(errs, err)
	}
	if c.Seat < time.Second || c.Seat > time.Hour {
		errs = append(errs, fmt.Errorf("seat: %s is out of range; use 1s to 1h", c.Seat))
	}
	if c.SRTP != SRTPOwn && c.SRTP != SRTPPion {
		errs = append(errs, fmt.Errorf("srtp: %q is unknown; use own or pion", c.SRTP))
	}
	if c.TileFPS < 0 || c.TileFPS > 60 {
		errs = append(errs, fmt.Errorf("tile_fps: %d is out of range; use 0 (all) to 60", c.TileFPS))
	}
	if c.Readers < 0 || c.Readers > 64 {
		errs = append(errs, fmt.Errorf("readers: %d is out of range; use 0 (one) to 64", c.Readers))
	}
	if c.OfferMaxBytes < 8<<10 || c.OfferMaxBytes > 256<<10 {
		errs = append(errs, fmt.Errorf("offer_max_bytes: %d is out of range; use 8192 to 262144", c.OfferMaxBytes))
	}
	return errors.Join(errs...)
}

// publicIPs parses PublicIPs; nil means automatic.
func (c Config) publicIPs() ([]netip.Addr, error) {
	if len(c.PublicIPs) == 0 || (len(c.PublicIPs) == 1 && c.PublicIPs[0] == "auto") {
		return nil, nil
	}
	ips := make([]netip.Addr, 0, len(c.PublicIPs))
	for _, s := range c.PublicIPs {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("public_ips: %q is not an IP address; list addresses, or write auto", s)
		}
		ips = append(ips, ip.Unmap())
	}
	return ips, nil
}
