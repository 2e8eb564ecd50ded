// Package message holds the messages of Atrium's signalling protocol,
// sub-protocol atrium.v1, and how they are read and written. It imports
// nothing of Atrium, so that servers and clients can share it; what the
// messages mean, and in what order they come, is told in signal/PROTOCOL.md.
//
// Two families of types: a [ClientMessage] goes from a client to the server, a
// [ServerMessage] the other way. [Encode] writes either; [DecodeClient] reads
// what a client sent, and [DecodeServer] what the server sent.
//
// The one contract to know: the server is strict and clients are lenient.
// DecodeClient refuses a field or a type it doesn't know, naming it, and
// everything outside the limits below; DecodeServer ignores fields it doesn't
// know and answers [ErrUnknownType] for a type it doesn't know, which a client
// skips. So a later server may say more to an older client.
package message
