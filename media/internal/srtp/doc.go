// Package srtp protects and opens media packets (RFC 3711, RFC 7714) with the
// keys that pion's DTLS agreed on (RFC 5764). [KeyTap] captures these [Keys],
// [Decryptor] opens everything that one transport receives, [Outgoing] hands
// out one [Encryptor] for each SSRC that it sends, [RTCPDecryptor] and
// [RTCPEncryptor] do the same for SRTCP on top of pion/srtp.
//
// The one contract to know: a key, SSRC and packet index are used together at
// most once, ever. Repeating them gives the content away and, with GCM, the
// means to forge. So one transport makes one Outgoing, which makes one
// Encryptor for an SSRC, which seals each index once; and whoever takes keys
// from a KeyTap sees to it that pion itself sends nothing with them. Built with
// the tag srtpcheck, the package panics when any of this is violated.
//
// Keys are wiped by their holder as soon as the contexts are made (see [Keys]).
// Session keys live as long as the contexts: the standard library's ciphers
// offer no way to clear them.
package srtp
