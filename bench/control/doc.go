// Package control puts a load on the control plane of an Atrium server, over
// its HTTP API alone: guests enter waiting areas and are admitted (PF-10).
//
// The types to know are [Scenario], [Run], which carries one out, and [Result].
// Run makes a unit with areas of its own, has guests wait in them, and then
// measures: again and again the one who has waited longest is admitted, their
// call is ended, and another guest enters, so that as many wait as before. The
// unit is deleted when it is over.
//
// The contract: a request counts when it began within the window, whose end is
// the last answer; every answer is one of something that the server has stored
// durably. Server and load share the machine where they run on one: then the
// figures are those of both.
package control
