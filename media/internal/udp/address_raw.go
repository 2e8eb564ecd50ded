package udp

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// rawAddress is the size of the largest socket address, a sockaddr_in6. Only
// the families' numbers and the byte order of the fields that are the host's
// differ between systems; those below are Linux's.
const (
	rawAddress  = 28
	rawAddress4 = 16
	familyIPv4  = 2
	familyIPv6  = 10
)

// putRawAddress writes a as a Linux socket address and returns its size; 0
// when a socket of that family can't reach a. IPv4 on an IPv6 socket is
// written as IPv4-mapped.
func putRawAddress(raw *[rawAddress]byte, a netip.AddrPort, v6 bool) int {
	addr := a.Addr()
	if !addr.IsValid() || addr.Is6() && !v6 {
		return 0
	}
	*raw = [rawAddress]byte{}
	binary.BigEndian.PutUint16(raw[2:], a.Port())
	if !v6 {
		binary.NativeEndian.PutUint16(raw[:], familyIPv4)
		*(*[4]byte)(raw[4:]) = addr.As4()
		return rawAddress4
	}
	binary.NativeEndian.PutUint16(raw[:], familyIPv6)
	*(*[16]byte)(raw[8:]) = addr.As16()
	if zone := addr.Zone(); zone != "" {
		scope, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			return 0
		}
		binary.NativeEndian.PutUint32(raw[24:], uint32(scope))
	}
	return rawAddress
}

// parseRawAddress is the reverse; IPv4-mapped addresses are unmapped. A zone
// is its interface's number: only link-local sources have one, which is the
// one case that allocates.
func parseRawAddress(raw *[rawAddress]byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(raw[2:])
	if binary.NativeEndian.Uint16(raw[:]) == familyIPv4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), port)
	}
	addr := netip.AddrFrom16([16]byte(raw[8:24])).Unmap()
	if scope := binary.NativeEndian.Uint32(raw[24:]); scope != 0 && addr.Is6() {
		addr = addr.WithZone(strconv.FormatUint(uint64(scope), 10))
	}
	return netip.AddrPortFrom(addr, port)
}
