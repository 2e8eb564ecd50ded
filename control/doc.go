// Package control holds the rules of who may meet whom, where and when: plain
// types, and functions over a transaction of control/store. It knows nothing
// of HTTP and starts no goroutine; the clock is an argument.
//
// [Service] is what everything else calls. [Organisation], [APIKey], [Room]
// and [Join] are what it deals in. [Media] is how it reaches the calls that
// are going on, [Secrets] how it makes and seals secrets; both are declared
// here and implemented elsewhere, so that a remote media edge can stand
// behind the first.
//
// Rules kept here (numbers of the specification):
//
//   - R-T-1: an organisation holds everything else. Every record of a room
//     stands under its organisation's id, so that another one's can't be
//     found by mistake.
//   - R-T-4: unknown, foreign and deleted things answer identically:
//     [ErrNotFound].
//   - R-IA-1, R-GC-1, R-MR-1: at most 5, 61 and 6 people ([RoomType.Limit]).
//     media enforces a room's capacity, where it can't be raced.
//   - R-PV-1: names of people and the secrets of links stand in the store
//     only sealed.
//   - SE-4, SE-12: persist before applying: a room is deleted on disk before
//     its call is ended.
//   - SE-5: secrets are looked up by SHA-256 digest.
//
// A name is trimmed, 1 to 80 runes of valid UTF-8 without control characters
// or bidirectional overrides ([CleanName]).
package control
