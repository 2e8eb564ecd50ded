package udp

import (
	"net"
	"net/netip"
)

// localAddresses returns the addresses at which a socket bound to bind is
// reached from this host, and those of them that are worth advertising: no
// loopback unless there is nothing else, never link-local ones, which a
// candidate can't carry (they need a zone).
func localAddresses(bind netip.Addr) (local, advertise []netip.Addr) {
	if bind.IsValid() && !bind.IsUnspecified() {
		return []netip.Addr{bind}, []netip.Addr{bind}
	}
	loopback := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	local = append(local, loopback...)
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return local, loopback[:1]
	}
	for _, i := range interfaces {
		network, ok := i.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(network.IP)
		if !ok {
			continue
		}
		addr = addr.Unmap()
		// Of 0.0.0.0 only the IPv4 addresses are reached.
		if bind.Is4() && !addr.Is4() {
			continue
		}
		local = append(local, addr)
		if !addr.IsLoopback() && !addr.IsLinkLocalUnicast() {
			advertise = append(advertise, addr)
		}
	}
	if len(advertise) == 0 {
		advertise = loopback[:1]
	}
	return local, advertise
}
