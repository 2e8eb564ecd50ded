// Package codec reads what the SFU must know of a packet and nothing more: the
// RTP header ([RTP]), the VP8 payload descriptor ([VP8]) and the audio level
// ([ParseAudioLevel]). [VP8Rewriter] keeps picture ids and TL0 indexes
// continuous for a receiver whose slot changes source.
//
// The one contract to know: nothing here allocates or keeps a reference beyond
// the packet that it was given, and no input makes it panic.
package codec
