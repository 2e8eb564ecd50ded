// The page of every guest link: look → form → waiting ⇄ call → end. Nothing
// here uses a link up but the button Enter (R-CN-4).

import { connect } from '/sdk/index.js';
import { request, signalURL } from './api.js';
import { Call } from './call.js';
import { DeviceCheck } from './check.js';
import { Devices } from './devices.js';
import { byId, setText } from './dom.js';
import { EntryForm } from './entryform.js';
import { outcomeWords, refusalWords, timeWords, wayWords } from './guestwords.js';
import { networkOf } from './network.js';
import { prove } from './proof.js';
import { Session, VisitKeeper } from './session.js';
import { Visit } from './visit.js';
import { Waiting } from './waiting.js';

/** A closed place is looked at again after this time, in ms. */
const LOOK_MS = 30_000;
/** How long the reason of an end is waited for, in ms. */
const REASON_MS = 1500;

/** @typedef {import('/sdk/index.js').Room} Room */

/** Handle for debugging and for browser tests. @type {{room: Room|null, visit: Visit|null}} */
const handle = { room: null, visit: null };
Object.assign(window, { atrium: handle });

// The secret stands behind the #, which browsers send to no server (R-CN-4).
const secret = location.hash.slice(1);
addEventListener('hashchange', () => location.reload());

const devices = new Devices();
const check = new DeviceCheck(devices);
const form = new EntryForm(enter, refusalWords);
const waiting = new Waiting(check, () => void leave());
/** @type {import('./entryform.js').Lobby} */
let lobby = { kind: 'area' };
/** @type {Session} */
let session;
/** @type {VisitKeeper} */
let keeper;
/** @type {Call|null} */
let call = null;
let leaving = false;
let connection = '';
let reported = '';

byId('again', HTMLButtonElement).addEventListener('click', () => location.reload());
byId('look-again', HTMLButtonElement).addEventListener('click', () => void look());

void start();

async function start() {
  if (!secret) return showEnd('', 'not_found');
  if (typeof RTCPeerConnection === 'undefined') return showEnd('', 'unsupported');
  session = await Session.of(secret);
  keeper = await VisitKeeper.of(secret);
  if (await returnToVisit()) return;
  await look();
}

/** After a reload: straight back to the visit, as the person left it. */
async function returnToVisit() {
  const id = keeper.load();
  if (!id) return false;
  setText(byId('opening-text', HTMLElement), 'Bringing you back…');
  prove(keeper.proof());
  try {
    // What the place is called is nice to have; a used link no longer says it.
    const [visit, seen] = await Promise.all([Visit.find(id), askLobby().catch(() => keeper.lobby())]);
    if (visit.now.state === 'ended') throw new Error('over');
    lobby = seen ?? lobby;
    const kept = session.load();
    if (kept) devices.wants = { mic: kept.micOn, cam: kept.camOn };
    const [room] = await Promise.all([reconnect(visit, kept), devices.open()]);
    begin(visit, room.room, room.url);
    return true;
  } catch {
    keeper.clear();
    session.clear();
    return false;
  }
}

/**
 * @param {Visit} visit
 * @param {import('./session.js').Kept|null} kept
 */
async function reconnect(visit, kept) {
  const room = kept && await connect(kept.url, options(visit, { resume: kept.resume })).catch(() => null);
  if (room) return { room, url: kept.url };
  const answer = await visit.token();
  const url = signalURL(answer);
  return { room: await connect(url, options(visit, { token: answer.token })), url };
}

/**
 * @param {Visit} visit
 * @param {{token?: string, resume?: string}} credentials
 * @returns {import('/sdk/types.js').ConnectOptions}
 */
function options(visit, credentials) {
  const relay = new URLSearchParams(location.search).get('ice') === 'relay';
  return { ...credentials, renew: async () => (await visit.token()).token, iceTransportPolicy: relay ? 'relay' : 'all' };
}

/** @returns {Promise<import('./entryform.js').Lobby>} */
function askLobby() {
  return request('POST', '/entry/look', { link: secret });
}

/** Looks what the link leads to; this uses nothing up. */
async function look() {
  try {
    lobby = await askLobby();
  } catch (err) {
    return showEnd('', String(Object(err).code ?? ''));
  }
  if (lobby.kind === 'room') return location.replace(`/r${location.search}#${secret}`);
  if (lobby.suspended || lobby.open === false) return showClosed();
  await showEntry();
}

function showClosed() {
  only('closed');
  const opens = lobby.opens_at ? new Date(lobby.opens_at) : null;
  const name = lobby.name || 'This place';
  setText(byId('closed-title', HTMLElement), lobby.suspended ? `${name} takes nobody at the moment` : `${name} is closed now`);
  setText(byId('closed-text', HTMLElement), lobby.suspended
    ? lobby.reason || 'Please try again later.'
    : opens ? `It opens ${timeWords(opens, new Date())}. Your link works then.` : 'Please try again later.');
  phone('closed-phone', lobby.phone ?? '');
  document.title = `Closed · ${name}`;
  const until = opens ? opens.getTime() - Date.now() : LOOK_MS;
  setTimeout(() => byId('closed', HTMLElement).hidden || void look(), Math.min(Math.max(until, 1000), LOOK_MS));
  if (document.activeElement === document.body) byId('closed-title', HTMLElement).focus();
}

async function showEntry() {
  only('entry');
  const { title, lead } = wayWords(lobby.kind);
  setText(byId('entry-title', HTMLElement), lobby.kind === 'area' || lobby.kind === 'meeting_room' ? lobby.name || title : title);
  setText(byId('entry-place', HTMLElement), [lobby.kind === 'area' || lobby.kind === 'meeting_room' ? '' : lobby.name, lobby.organisation].filter(Boolean).join(', '));
  setText(byId('entry-lead', HTMLElement), lead);
  const starts = lobby.starts_at ? new Date(lobby.starts_at) : null;
  const when = byId('entry-when', HTMLElement);
  when.hidden = starts === null;
  setText(when, starts ? `It is planned for ${timeWords(starts, new Date())}.` : '');
  // R-MR-3
  byId('not-clinical', HTMLElement).hidden = lobby.kind !== 'meeting_room';
  document.title = `${lobby.name || title} · Atrium`;
  form.fill(lobby);
  if (lobby.kind !== 'registration') byId('entry-check', HTMLElement).append(check.element);
  // On a phone the keyboard would cover what is to be read first.
  if (matchMedia('(pointer: fine)').matches) form.first?.focus();
  else byId('entry-title', HTMLElement).focus();
  if (lobby.kind !== 'registration') await check.show();
}

/** @param {{fields: Record<string, string>, consent: boolean}} values */
async function enter(values) {
  const entry = await request('POST', '/entry', { link: secret, ...values });
  // Who registered is on a page of their own from now on: its address is their link.
  if (entry.registration) return location.replace(`/e${location.search}#${String(entry.link).split('#').at(-1)}`);
  if (!entry.visit) return location.replace(`/r#${secret}`);
  const proof = prove(entry.visit_token ?? '');
  const visit = new Visit(entry.visit);
  keeper.save(visit.now.id, lobby, proof);
  const url = signalURL(entry);
  try {
    begin(visit, await connect(url, options(visit, { token: entry.token })), url);
  } catch (err) {
    visit.close(); // pressing Enter again gives this visit back
    throw err;
  }
}

/**
 * @param {Visit} visit
 * @param {Room} room connected
 * @param {string} url of signalling
 */
function begin(visit, room, url) {
  handle.room = room;
  handle.visit = visit;
  const save = () => session.save({ resume: room.resume, url, name: '', micOn: devices.wants.mic, camOn: devices.wants.cam });
  save();
  call = new Call(room, devices, { title: lobby.name || 'Call', link: '', alone: 'You are the only one in the call at the moment.', leave: () => void leave() });
  const off = [
    room.on('resume', save), devices.on('change', () => {
      save();
      void report();
    }),
    room.on('room', place), visit.on('change', changed),
    room.on('state', () => {
      connection = room.state === 'reconnecting' ? 'The connection was lost. We are bringing it back; your place is kept.' : '';
      if (room.state === 'connected') void report();
      place();
    }),
  ];
  room.once('closed', (err) => {
    for (const stop of off) stop();
    void finish(err.code);
  });
  place();
  void report();
}

/** The visit changed: shown, and when it has ended the connection goes too. */
function changed() {
  if (handle.visit?.now.state === 'ended' && handle.room) void handle.room.leave();
  else place();
}

/** Shows the view of where we are. Where the media flows decides. */
function place() {
  const { room, visit } = handle;
  if (!room || !visit || !call || room.state === 'closed') return;
  if (room.room.id) {
    if (!byId('call', HTMLElement).hidden) return;
    waiting.hide();
    only('call');
    call.show();
    return;
  }
  call.hide();
  // The stream may tell of the hold a moment after the call is gone.
  const now = visit.now.state === 'in_call' ? { ...visit.now, state: /** @type {const} */ ('on_hold') } : visit.now;
  const direct = visit.now.kind === 'meeting_room' || visit.now.kind === 'invite' || visit.now.kind === 'consult_now';
  if (direct && visit.now.state === 'in_call' && !wasIn()) return; // on the way in
  only('waiting');
  waiting.show(now, lobby, connection);
}

/** Whether the call was shown before: being in no room then is a hold. */
function wasIn() {
  return byId('call', HTMLElement).dataset.shown === 'true';
}

/** Tells the provider how devices and network are (R-WA-6). */
async function report() {
  const { room, visit } = handle;
  if (!room || !visit || room.state !== 'connected') return;
  const network = await networkOf(room);
  const found = { camera: devices.active('cam'), microphone: devices.active('mic'), ...network };
  const key = `${found.camera} ${found.microphone} ${found.relay}`;
  if (key === reported) return;
  reported = key;
  await visit.report(found);
}

async function leave() {
  if (leaving) return;
  leaving = true;
  await handle.visit?.leave().catch(() => {}); // without it the place is given up after two minutes
  await handle.room?.leave();
}

/** @param {string} code of the connection's end */
async function finish(code) {
  const { visit } = handle;
  handle.room = null;
  call?.close();
  call = null;
  waiting.hide();
  devices.close();
  session.clear();
  if (visit && !leaving && visit.now.state !== 'ended') {
    only('opening');
    setText(byId('opening-text', HTMLElement), 'One moment…');
    await reason(visit);
  }
  const ended = leaving || visit?.now.state === 'ended';
  if (ended) keeper.clear();
  visit?.close();
  showEnd(leaving ? 'left' : visit?.now.outcome ?? '', code);
}

/**
 * Waits for the server's word on why the visit ended.
 * @param {Visit} visit
 */
async function reason(visit) {
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, REASON_MS);
    visit.on('change', (now) => {
      if (now.state !== 'ended') return;
      clearTimeout(timer);
      resolve(null);
    });
  });
  if (visit.now.state !== 'ended') await visit.refresh();
}

/**
 * @param {string} outcome
 * @param {string} code
 */
function showEnd(outcome, code) {
  only('end');
  const { title, text, again } = outcomeWords(outcome, code);
  const said = outcome === 'refused' ? handle.visit?.now.messages?.at(-1)?.text ?? '' : '';
  byId('end', HTMLElement).dataset.code = outcome || code;
  setText(byId('end-title', HTMLElement), title);
  setText(byId('end-text', HTMLElement), said || text);
  byId('end-text', HTMLElement).hidden = !said && !text;
  const satisfied = outcome === 'completed' || outcome === 'left';
  phone('end-phone', satisfied ? '' : handle.visit?.now.phone || lobby.phone || '');
  byId('again', HTMLButtonElement).hidden = !again;
  byId('end-hint', HTMLElement).hidden = again || code === 'not_found';
  document.title = `${title} · Atrium`;
  byId('end-title', HTMLElement).focus();
}

/**
 * @param {string} id of a line with a link to phone
 * @param {string} number
 */
function phone(id, number) {
  const line = byId(id, HTMLElement);
  line.hidden = number === '';
  const link = /** @type {HTMLAnchorElement} */ (line.querySelector('a'));
  link.href = `tel:${number.replace(/[^+\d]/g, '')}`;
  setText(link, number);
}

/** @param {'opening'|'entry'|'waiting'|'call'|'end'|'closed'} view */
function only(view) {
  for (const id of ['opening', 'entry', 'closed', 'end']) byId(id, HTMLElement).hidden = id !== view;
  if (view === 'end' || view === 'opening') byId('waiting', HTMLElement).hidden = true;
  if (view === 'call') byId('call', HTMLElement).dataset.shown = 'true';
}
