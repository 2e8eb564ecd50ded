// Package sdk holds Atrium's browser SDK: plain ES modules, without
// dependencies or a build step, embedded so that the server and any Go
// embedder can serve them as they are.
//
// The one contract to know: a page imports /sdk/index.js and calls
//
//	const room = await connect('/api/v1/signal', { token });
//
// Files gives the modules; whoever serves them chooses the path, all imports
// between them are relative. What goes over the wire is signal/PROTOCOL.md.
//
// js/ holds one concern a file, in reading order: index (connect), room (the
// public object), link (WebSocket and its returns), transport (the one
// RTCPeerConnection), exchange, publications, slots, healer, sdp and encodings
// (pure), stats, people, place. Types are JSDoc; `npm run lint` checks them and `npm pack`
// emits .d.ts files. Neither is needed to build or to test the Go module.
package sdk
