// Package cache remembers packets: [Ring] what came in, to resend what a
// receiver lost; [Sent] how a receiver's packets were made, so that a resend
// carries the same header; [KeyRun] the last key frame of a layer with what
// follows, so that a newcomer sees a picture at once.
//
// The one contract to know: everything is filed under the epoch of the room it
// was recorded in, and comes out for that epoch only. No buffer leaves the
// package.
package cache
