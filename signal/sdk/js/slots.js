// What the receive m-lines carry at present. A slot's track lives as long as
// the connection; the server's map says whose media it carries.

/** @typedef {import('./protocol.js').SourceKind} SourceKind */
/** @typedef {import('./protocol.js').Slot} Slot */

/**
 * A participant's source that a slot carries.
 * @typedef {object} RemoteTrack
 * @property {string} participant
 * @property {SourceKind} source
 * @property {string} mid of the slot
 * @property {import('./protocol.js').SlotState} state only "live" has media
 * @property {string} reason of a pause: "muted", "reconnecting", "key_frame"; else ""
 * @property {string} name of somebody who isn't in the room and speaks to all rooms of the call; else ""
 * @property {number|null} rtpFrom RTP timestamp of the first frame of the source on the slot, if it is a picture that is live: what
 *   the browser presents with an earlier one (`frame.rtpTimestamp - rtpFrom | 0` is less than 0) is still of whom the slot carried
 *   before. null: it isn't known
 * @property {MediaStreamTrack} track
 * @property {MediaStream} stream holds the track alone; the same for every use of the slot
 */

/**
 * A receive m-line.
 * @typedef {{mid: string, track: MediaStreamTrack, stream: MediaStream}} Receiver
 */

/**
 * Key of a source in `room.tracks`.
 * @param {string} participant
 * @param {SourceKind} source
 */
export const trackKey = (participant, source) => `${participant}/${source}`;

/**
 * Turns a map into tracks by (participant, source). Entries that didn't change
 * keep their identity, so that `===` tells a user interface what to redraw.
 * A source in several slots (it is asked for twice) keeps its first.
 * @param {readonly Slot[]} slots
 * @param {ReadonlyMap<string, Receiver>} receivers by mid
 * @param {ReadonlyMap<string, RemoteTrack>} before
 * @returns {Map<string, RemoteTrack>}
 */
export function resolve(slots, receivers, before) {
  /** @type {Map<string, RemoteTrack>} */
  const tracks = new Map();
  for (const slot of slots) {
    const receiver = receivers.get(slot.mid);
    const key = trackKey(slot.participant, slot.source);
    if (!receiver || tracks.has(key)) continue;
    const next = {
      participant: slot.participant,
      source: slot.source,
      mid: slot.mid,
      state: slot.state,
      reason: slot.reason ?? '',
      name: slot.name ?? '',
      rtpFrom: slot.rtp_from ?? null,
      track: receiver.track,
      stream: receiver.stream,
    };
    const old = before.get(key);
    const same = old && old.mid === next.mid && old.state === next.state
      && old.reason === next.reason && old.name === next.name && old.rtpFrom === next.rtpFrom && old.track === next.track;
    tracks.set(key, same ? old : next);
  }
  return tracks;
}
