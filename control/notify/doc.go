// Package notify tells people and programs outside what happens: e-mail, SMS
// and webhooks. It knows no rules: what is to be said is handed to it in the
// transaction that it is about, and leaves at least once.
//
//   - [Outbox] writes messages into the store ([Outbox.Enqueue]), and holds
//     each organisation's gateways ([Gateways]) and webhook endpoints
//     ([Endpoint]).
//   - [Sender] is the worker that delivers them: retried with growing pauses,
//     also after a restart, each with an id that stays the same so that a
//     receiver can tell a repetition.
//
// The one contract to know: what Enqueue wrote in a transaction that was
// committed is delivered, or reported as failed, exactly as if the process had
// never stopped; what was not committed never leaves.
//
// Webhooks carry the headers of the Standard Webhooks specification
// (webhook-id, webhook-timestamp, webhook-signature), are retried for 24 hours
// and can be replayed for 72. Texts are short, in the organisation's language,
// and say nothing clinical. Addresses and links stand in the store only sealed
// (R-PV-1): [SenderOptions].Reveal opens them at the moment of sending.
package notify
