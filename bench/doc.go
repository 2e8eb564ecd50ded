// Package bench puts a load on an Atrium server and says what it cost: it makes
// a room over the HTTP API, lets participants join it over the WebSocket as any
// client does, publishes video as Chromium packetises it, and counts what
// arrives.
//
// Another scenario, [Breakout], holds a group consultation over the API: people
// register, are admitted, and are moved between breakout rooms ([RunBreakout],
// [BreakoutResult], BREAKOUT.md).
//
// The types to know are [Scenario] (who joins, what they publish and look at),
// [Run] (which carries a scenario out), [Result] (every figure, documented in
// RESULT.md) and [Assertion] (a claim about one figure, such as loss<0.1%).
//
// The contract: figures are of the steady window alone, which begins when
// everybody has joined; a figure that could not be measured is null, never 0;
// and when the generator itself was the bottleneck the result is void
// ([Result.Void]), because then it measures the generator and no claim holds.
package bench
