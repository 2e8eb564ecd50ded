// Package nack decides what the SFU asks a publisher to resend: a [Generator]
// per incoming stream notes what is missing and says what to ask for, when.
// [Pairs] brings that into the form of RFC 4585.
//
// The one contract to know: every packet of the stream goes through
// [Generator.Received] before anything else, recovered (RTX) ones too, with
// their original number. It also says which are duplicates: browsers send
// thousands of those as padding. [Generator.Note] then tells what a packet of
// video says of its frame: what is missing of upper temporal layers is inferred
// ([Infer]) and not waited for, and [Generator.Cut] what nobody waits for.
package nack
