// Browser SDK of Atrium. See signal/PROTOCOL.md for what goes over the wire.
//
//   const room = await connect('wss://host/api/v1/signal', { token });
//   const off = room.on('map', (tracks) => render(tracks));
//   await room.publish('camera', track);

import { AtriumError } from './errors.js';
import { Room } from './room.js';

export { AtriumError } from './errors.js';
export { Emitter } from './emitter.js';
export { Room, sourceOf, trackKey } from './room.js';
export { MODERATORS, PROTOCOL, SOURCES } from './protocol.js';

/**
 * Connects to a room with a join token, or returns to a seat with a resume
 * secret. Resolves when the server took us in and media was negotiated (it
 * flows when `room.state` is "connected").
 *
 * Rejects with an AtriumError whose `code` is one of signal/PROTOCOL.md, or
 * `aborted`, `connection_lost`, `timeout`, `unsupported`, `bad_argument`.
 * @param {string|URL} url of the signalling endpoint, ws(s): or http(s):
 * @param {import('./room.js').ConnectOptions} options
 * @returns {Promise<Room>}
 */
export async function connect(url, options) {
  if (!options?.token && !options?.resume) {
    throw new AtriumError('bad_argument', 'connect needs a token or a resume secret');
  }
  const room = new Room(signalURL(url), options);
  await room.start();
  return room;
}

/**
 * @param {string|URL} url
 * @returns {string} with the scheme a WebSocket takes
 */
function signalURL(url) {
  const base = typeof location === 'undefined' ? undefined : location.href;
  let target;
  try {
    target = new URL(url, base);
  } catch (err) {
    throw new AtriumError('bad_argument', `not a URL: ${url}`, { cause: err });
  }
  target.protocol = target.protocol.replace(/^http/, 'ws');
  return target.href;
}
