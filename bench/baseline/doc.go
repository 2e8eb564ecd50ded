// Package baseline is what Atrium is measured against on the same machine in
// the same run: the smallest SFU that pion gives, one TrackLocalStaticRTP for
// each kind of media, without interceptors or with pion's default ones.
//
// [Server] speaks as much of Atrium's API and protocol as bench/ needs, so that
// the same generator puts the same load on both: one room, one publisher, and
// everybody else receives it in one pair.
//
// The one contract to know: it is no server for anybody else. It checks no key
// and no token.
package baseline
