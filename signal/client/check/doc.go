// Package check judges a received RTP stream: whether anything was lost, came
// twice or out of order, whether timestamps and VP8 picture ids go on as a
// decoder needs it, whether a switch to another publisher opens with a key
// frame, and, from the stamps of generated media, whether the stream is the one
// it should be and how long it took.
//
// A [Stream] is one SSRC. Its owner feeds it packets ([Stream.Receive]), tells
// it whose media to expect ([Stream.Expect]), asks it what to send back
// ([Stream.Missing], [Stream.Report]) and reads [Counts]. Nothing here knows of
// sockets or clocks: time is an argument.
//
// [Rooms] judges whether the packets of a whole test stay in their rooms.
//
// The one contract to know: a Stream is not safe for concurrent use, and its
// memory is bounded whatever arrives. Losses are decided [GiveUp] after they
// were noticed, so that what was resent in time counts as recovered.
package check
