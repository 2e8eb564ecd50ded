package nack

// NackPair asks for the packet PacketID and for those of the 16 after it whose
// bit is set in LostPackets, lowest bit first (RFC 4585 section 6.2.1).
type NackPair struct {
	PacketID    uint16
	LostPackets uint16
}

// Pairs appends to dst the pairs that ask for nums, which should be in order
// (modulo 2^16): others are asked for as well, but need more pairs.
func Pairs(nums []uint16, dst []NackPair) []NackPair {
	open := false // a pair of this call is at the end of dst
	for _, n := range nums {
		if open {
			last := &dst[len(dst)-1]
			after := n - last.PacketID
			if after == 0 {
				continue
			}
			if after <= 16 {
				last.LostPackets |= 1 << (after - 1)
				continue
			}
		}
		dst = append(dst, NackPair{PacketID: n})
		open = true
	}
	return dst
}
