package media

import (
	"net"
	"net/netip"
	"slices"

	"github.com/pion/webrtc/v4"
)

// advertise limits the candidates to the addresses that the host is reached
// by. The UDP mux brings its own; ICE/TCP's are made from the interfaces, one
// of which stands for the public addresses behind a cloud's NAT.
func (e *Engine) advertise(se *webrtc.SettingEngine) error {
	se.SetIPFilter(func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip)
		return ok && slices.Contains(e.local, a.Unmap())
	})
	public, err := e.cfg.publicIPs()
	if err != nil || len(public) == 0 {
		return err
	}
	rule := webrtc.ICEAddressRewriteRule{AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace}
	for _, ip := range public {
		rule.External = append(rule.External, ip.String())
	}
	return se.SetICEAddressRewriteRules(rule)
}

// localAddresses lists the interface addresses that may become candidates:
// those that the mux advertises, or, where public addresses are configured,
// one for each of their families, which they are put in the place of.
func (e *Engine) localAddresses() ([]netip.Addr, error) {
	public, err := e.cfg.publicIPs()
	if err != nil {
		return nil, err
	}
	var local []netip.Addr
	if len(public) == 0 {
		for _, a := range e.mux.Addresses() {
			local = append(local, a.Addr())
		}
		return local, nil
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, is4 := range []bool{true, false} {
		if !slices.ContainsFunc(public, func(a netip.Addr) bool { return a.Is4() == is4 }) {
			continue
		}
		if a, ok := stand(interfaces, is4); ok {
			local = append(local, a)
		}
	}
	return local, nil
}

// stand picks an interface address of a family, loopback only when there is
// nothing else.
func stand(interfaces []net.Addr, is4 bool) (found netip.Addr, ok bool) {
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err != nil {
			continue
		}
		a := prefix.Addr().Unmap()
		if a.Is4() != is4 || a.IsLinkLocalUnicast() {
			continue
		}
		if !ok || found.IsLoopback() {
			found, ok = a, true
		}
	}
	return found, ok
}
