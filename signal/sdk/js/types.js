// Types of the public interface. Nothing here runs.

/**
 * `connecting` until media flows for the first time; `reconnecting` while the
 * connection is being brought back and the seat is kept; `closed` is final.
 * @typedef {'connecting'|'connected'|'reconnecting'|'closed'} RoomState
 */

/**
 * @typedef {object} ConnectOptions
 * @property {string} [token] join token; may be absent when resume is given
 * @property {string} [resume] secret of an earlier `resume` event: returns to that seat
 * @property {AbortSignal} [signal] aborting rejects connect, later it leaves
 * @property {() => Promise<string>} [renew] fetches a new join token when the seat was lost
 * @property {RTCIceServer[]} [iceServers] instead of those the server names
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 * @property {number} [slots] most m-lines this client can offer
 */

/**
 * @typedef {object} RoomEvents
 * @property {RoomState} state
 * @property {import('./place.js').Place} room moved
 * @property {import('./place.js').Place} controls what holds where we are: after each move, and when a moderator or time changed it
 * @property {import('./people.js').PeopleChange} participants
 * @property {import('./protocol.js').Participant[]} hands whose hands are up changed; in the order of hands
 * @property {ReadonlyMap<string, import('./slots.js').RemoteTrack>} map what the slots carry changed
 * @property {import('./protocol.js').Speaker[]} speakers loudest first
 * @property {import('./protocol.js').Quality[]} quality those whose connection changed
 * @property {import('./stats.js').LocalQuality} local-quality ours, every 5 s
 * @property {import('./protocol.js').ChatMessage} chat also what we sent ourselves
 * @property {string} transport state of the media connection as the server sees it
 * @property {{source: import('./protocol.js').SourceKind, rids: string[]}} layers
 * @property {{source: import('./protocol.js').SourceKind}} ended a published track ended by itself
 * @property {string} resume the secret that returns to this seat, replaced each time
 * @property {import('./place.js').Notice} notice nothing was refused and nothing ends; `draining`: the server will stop
 * @property {import('./errors.js').AtriumError} error a request was refused; the call goes on
 * @property {import('./errors.js').AtriumError} closed last event
 */

export {};
