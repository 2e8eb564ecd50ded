// The room page: opening → before the call → call → end.

import { connect } from '/sdk/index.js';
import { enter, signalURL } from './api.js';
import { Call } from './call.js';
import { Devices } from './devices.js';
import { byId, setText } from './dom.js';
import { Prejoin } from './prejoin.js';
import { Session } from './session.js';
import { endWords } from './words.js';

/** @typedef {import('/sdk/index.js').Room} Room */

/** Handle for debugging and for browser tests. @type {{room: Room|null}} */
const handle = { room: null };
Object.assign(window, { atrium: handle });

// The secret stands behind the #, which browsers send to no server (R-CN-4).
const secret = location.hash.slice(1);
addEventListener('hashchange', () => location.reload());

const devices = new Devices();
const prejoin = new Prejoin(devices, join);
/** @type {Session} */
let session;
/** The name last joined with. */
let name = '';

byId('again', HTMLButtonElement).addEventListener('click', () => {
  byId('end', HTMLElement).hidden = true;
  void showPrejoin();
});

void start();

async function start() {
  if (!secret) return showEnd('not_found');
  if (typeof RTCPeerConnection === 'undefined') return showEnd('unsupported');
  session = await Session.of(secret);
  const kept = session.load();
  name = kept?.name ?? '';
  if (kept && await returnToSeat(kept)) return;
  await showPrejoin();
}

/**
 * After a reload: straight back to the seat, as the person left it.
 * @param {import('./session.js').Kept} kept
 * @returns {Promise<boolean>} whether the seat was still ours
 */
async function returnToSeat(kept) {
  setText(byId('opening-text', HTMLElement), 'Returning to your call…');
  devices.wants = { mic: kept.micOn, cam: kept.camOn };
  const [, room] = await Promise.all([
    devices.open(),
    connect(kept.url, options({ resume: kept.resume })).catch(() => null),
  ]);
  if (!room) {
    session.clear();
    return false;
  }
  showCall(room, kept.url);
  return true;
}

/**
 * @param {string} wanted the name
 * @returns {Promise<void>} rejects with an AtriumError
 */
async function join(wanted) {
  name = wanted;
  const entry = await enter(secret, name);
  const url = signalURL(entry);
  const room = await connect(url, options({ token: entry.token }));
  prejoin.hide();
  showCall(room, url);
}

/**
 * `?ice=relay` forces media through the relay: to test a network that lets
 * nothing else pass.
 * @param {{token?: string, resume?: string}} credentials
 * @returns {import('/sdk/types.js').ConnectOptions}
 */
function options(credentials) {
  const relay = new URLSearchParams(location.search).get('ice') === 'relay';
  return {
    ...credentials,
    renew: async () => (await enter(secret, name)).token,
    iceTransportPolicy: relay ? 'relay' : 'all',
  };
}

async function showPrejoin() {
  byId('opening', HTMLElement).hidden = true;
  const shown = prejoin.show(name);
  const field = byId('name', HTMLInputElement);
  // On a phone the keyboard would cover the preview: there the person taps.
  if (matchMedia('(pointer: fine)').matches) field.focus();
  else byId('prejoin-title', HTMLElement).focus();
  await shown;
}

/**
 * @param {Room} room
 * @param {string} url of signalling
 */
function showCall(room, url) {
  byId('opening', HTMLElement).hidden = true;
  handle.room = room;
  const keep = (/** @type {string} */ resume) => session.save({ resume, url, name, micOn: devices.wants.mic, camOn: devices.wants.cam });
  keep(room.resume);
  const offResume = room.on('resume', keep);
  const offDevices = devices.on('change', () => session.update({ micOn: devices.wants.mic, camOn: devices.wants.cam }));
  const call = new Call(room, devices);
  room.once('closed', (err) => {
    offResume();
    offDevices();
    call.close();
    devices.close();
    handle.room = null;
    session.clear();
    showEnd(err.code);
  });
  call.show();
}

/** @param {string} code */
function showEnd(code) {
  const { title, text, again } = endWords(code);
  byId('opening', HTMLElement).hidden = true;
  byId('end', HTMLElement).hidden = false;
  byId('end', HTMLElement).dataset.code = code;
  setText(byId('end-title', HTMLElement), title);
  setText(byId('end-text', HTMLElement), text);
  byId('again', HTMLButtonElement).hidden = !again;
  byId('end-hint', HTMLElement).hidden = code !== 'left' && code !== 'room_closed';
  document.title = `${title} · Atrium`;
  byId('end-title', HTMLElement).focus();
}
