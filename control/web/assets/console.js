// The console of staff: sign-in → an area's queue, with the call beside it.

import { say, sayNow } from './announce.js';
import { Actions } from './actions.js';
import { askAccount } from './account.js';
import { Alerts } from './alerts.js';
import { request } from './api.js';
import { Appointments } from './appointments.js';
import { nameOf } from './card.js';
import { copyLink, linkURL } from './clipboard.js';
import { Devices } from './devices.js';
import { byId, h, setText } from './dom.js';
import { Feed } from './feed.js';
import { loadPlaces, may } from './places.js';
import { Queue } from './queue.js';
import { SignIn } from './signin.js';
import { StaffCall } from './staffcall.js';
import { endWords } from './words.js';

/** What passes is shown this long, in ms. */
const PASSING_MS = 8000;
const LAST_AREA = 'atrium.area';

/** @typedef {import('./places.js').Area} Area */

const devices = new Devices();
const staffCall = new StaffCall(devices, (id) => rooms.some((room) => room.id === id && may(room, 'meeting_rooms.moderate')));
const alerts = new Alerts();
const signIn = new SignIn(open);
const appointments = new Appointments((words) => words && pass(words));
const desk = byId('desk', HTMLElement);
const select = byId('place', HTMLSelectElement);
/** @type {Area[]} */
let areas = [];
/** @type {import('./places.js').MeetingRoom[]} */
let rooms = [];
/** @type {Area|null} */
let area = null;
/** Who is signed in, and whether they have a password. @type {{account: {name?: string, email?: string}, password: boolean}} */
let me = { account: {}, password: true };
/** @type {Feed|null} */
let feed = null;

/** Handle for debugging and for browser tests. */
const handle = { get room() { return staffCall.room; }, get feed() { return feed; } };
Object.assign(window, { atrium: handle });

const actions = new Actions({ call: staffCall, area: () => area, areas: () => areas, onProblem: pass, onBook: (at) => void appointments.book(at), onConsult: (consult) => feed?.add(consult) });
const queue = new Queue({
  feed: () => feed,
  may: () => ({
    myCall: staffCall.meeting ? '' : staffCall.id,
    conduct: area !== null && may(area, 'visits.conduct'),
    transfer: areas.some((other) => other.id !== area?.id && may(other, 'transfer.into')),
  }),
  onAct: (act, visit) => void actions.visit(act, visit),
  onLink: (act, id) => void actions.consult(act, id),
});

byId('own-account', HTMLButtonElement).addEventListener('click', () => void changeAccount());
byId('sign-out', HTMLButtonElement).addEventListener('click', () => void signOut());
select.addEventListener('change', () => choose(select.value));
byId('alerts', HTMLInputElement).addEventListener('change', (event) => void alerts.set(/** @type {HTMLInputElement} */ (event.target).checked));
byId('show-queue', HTMLButtonElement).addEventListener('click', () => view('queue'));
byId('show-call', HTMLButtonElement).addEventListener('click', () => view('call'));
staffCall.on('change', renderCall);
staffCall.on('told', (words) => words && pass(words));
staffCall.on('ended', (code) => {
  if (code !== 'left') pass(endWords(code).title);
});
void open().catch(() => {});

/**
 * Shows the desk, or the sign-in page to who isn't signed in.
 * @returns {Promise<void>}
 */
async function open() {
  /** @type {{account?: {name?: string, email?: string}, has_password?: boolean, places?: import('./places.js').Place[]}} */
  let session;
  try {
    session = await request('GET', '/sessions/current');
  } catch (err) {
    byId('opening', HTMLElement).hidden = true;
    const { code } = Object(err);
    return signIn.show(code === 'unauthenticated' ? '' : endWords(String(code)).title);
  }
  const places = await loadPlaces(session.places ?? []);
  ({ areas, rooms } = places);
  me = { account: session.account ?? {}, password: session.has_password !== false };
  byId('opening', HTMLElement).hidden = true;
  signIn.hide();
  desk.hidden = false;
  renderAccount();
  byId('alerts', HTMLInputElement).checked = alerts.on;
  renderRooms();
  renderPlaces();
  renderCall();
  await staffCall.restore();
}

function renderAccount() {
  setText(byId('account', HTMLElement), me.account.name || me.account.email || '');
}

async function changeAccount() {
  byId('own-menu', HTMLDetailsElement).open = false;
  const changed = await askAccount(me.account, me.password);
  if (!changed) return;
  me = { account: { ...me.account, name: changed.name }, password: me.password || changed.password };
  renderAccount();
  pass(changed.password ? 'Your password is changed. You are signed out everywhere else.' : 'Your name is changed.');
}

function renderPlaces() {
  const seen = areas.filter((one) => may(one, 'queue.read'));
  select.replaceChildren(...seen.map((one) => h('option', { value: one.id }, one.unit ? `${one.unit}: ${one.name}` : one.name)));
  byId('place-field', HTMLElement).hidden = seen.length < 2;
  byId('queue', HTMLElement).hidden = seen.length === 0;
  byId('nothing', HTMLElement).hidden = areas.length > 0 || byId('rooms', HTMLElement).hidden === false;
  let last = '';
  try {
    last = localStorage.getItem(LAST_AREA) ?? '';
  } catch {
    // Storage is forbidden: the first, then.
  }
  choose(seen.some((one) => one.id === last) ? last : seen[0]?.id ?? '');
}

/** @param {string} id of the area to show */
function choose(id) {
  feed?.close();
  feed = null;
  area = areas.find((one) => one.id === id) ?? null;
  appointments.show(area && may(area, 'appointments.manage') ? area : null);
  if (!area) return;
  select.value = id;
  try {
    localStorage.setItem(LAST_AREA, id);
  } catch {
    // Not remembered.
  }
  const now = new Feed(id);
  const { name } = area;
  feed = now;
  if (may(area, 'visits.conduct')) {
    void recallConsults(now, id);
    now.on('consult', (consult) => void recallConsult(now, consult));
  }
  now.on('change', render);
  now.on('arrival', (visit) => {
    alerts.tell(name);
    if (visit.appointment_id) void appointments.load();
    say(`${nameOf(visit)} is waiting`);
  });
  now.on('refused', () => void signedOut());
  actions.fill(area);
  render();
}

/**
 * The links under way, also those of before a reload and of colleagues.
 * @param {Feed} to
 * @param {string} areaID
 */
async function recallConsults(to, areaID) {
  for (let cursor = ''; ;) {
    const page = await request('GET', `/areas/${encodeURIComponent(areaID)}/consult-now?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`).catch(() => null);
    for (const consult of page?.items ?? []) to.add(consult);
    cursor = page?.next_cursor ?? '';
    if (!cursor) return;
  }
}

/**
 * One that an event told of: events don't say whom it went to.
 * @param {Feed} to
 * @param {string} id
 */
async function recallConsult(to, id) {
  const consult = await request('GET', `/consult-now/${encodeURIComponent(id)}`).catch(() => null);
  if (consult) to.add(consult);
}

/** The server doesn't give the queue any more: signed out, or the role is gone. */
async function signedOut() {
  try {
    const session = await request('GET', '/sessions/current');
    const places = await loadPlaces(session.places ?? []);
    const mine = places.areas.some((one) => one.id === area?.id && may(one, 'queue.read'));
    if (!mine) location.reload(); // nothing of the queue stays on the screen (R-P-2)
  } catch (err) {
    if (Object(err).code !== 'unauthenticated') return; // it will be asked again
    feed?.close();
    desk.hidden = true;
    signIn.show('You are signed out. Please sign in again.');
  }
}

function render() {
  if (!feed || !area) return;
  Object.assign(area, pick(feed.area));
  setText(byId('queue-title', HTMLElement), area.name);
  byId('suspended', HTMLElement).hidden = area.suspended !== true;
  byId('offline', HTMLElement).hidden = feed.live;
  actions.fill(area);
  queue.render();
  const mine = feed.calls.get(staffCall.id);
  if (mine) staffCall.know(mine);
  const waiting = [...feed.visits.values()].filter((visit) => visit.state !== 'in_call').length;
  document.title = `${waiting ? `(${waiting}) ` : ''}${area.name} · Atrium`;
  setText(byId('show-queue', HTMLElement), waiting ? `Waiting (${waiting})` : 'Waiting');
}

/**
 * What of an area's event is shown.
 * @param {Record<string, any>} changed
 */
function pick(changed) {
  return Object.fromEntries(['name', 'suspended', 'suspended_reason', 'link'].filter((key) => key in changed).map((key) => [key, changed[key]]));
}

function renderRooms() {
  const shown = rooms.filter((room) => may(room, 'meeting_rooms.enter'));
  byId('rooms', HTMLElement).hidden = shown.length === 0;
  byId('rooms-list', HTMLElement).replaceChildren(...shown.map((room) => {
    const copy = h('button', { type: 'button', class: 'button small', 'data-testid': 'copy-room' }, 'Copy the link');
    copy.addEventListener('click', () => void copyLink(copy, linkURL(room.link ?? '', '/e')));
    return h('li', { class: 'guest', 'data-testid': 'meeting-room' }, h('h3', { class: 'guest-name' }, room.name),
      h('div', { class: 'guest-buttons' },
        h('button', { type: 'button', class: 'button small primary', 'data-testid': 'enter-room', onclick: () => void actions.room(room) }, 'Enter', h('span', { class: 'unseen' }, ` ${room.name}`)),
        room.link ? copy : null));
  }));
}

/** In a call, or no longer: the place beside the queue. */
function renderCall() {
  const inCall = staffCall.id !== '';
  desk.dataset.call = String(inCall);
  byId('idle', HTMLElement).hidden = inCall;
  byId('switch', HTMLElement).hidden = !inCall;
  view(inCall ? 'call' : 'queue');
  queue.render();
}

/**
 * A narrow window shows one of the two.
 * @param {'queue'|'call'} which
 */
function view(which) {
  desk.dataset.view = which;
  byId('show-queue', HTMLElement).setAttribute('aria-pressed', String(which === 'queue'));
  byId('show-call', HTMLElement).setAttribute('aria-pressed', String(which === 'call'));
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let passing;

/** @param {string} words shown for a while, and said at once */
function pass(words) {
  const line = byId('passing', HTMLElement);
  line.hidden = words === '';
  setText(line, words);
  sayNow(words);
  clearTimeout(passing);
  if (words) passing = setTimeout(() => pass(''), PASSING_MS);
}

async function signOut() {
  await staffCall.askLeave();
  if (staffCall.id) return;
  await request('DELETE', '/sessions/current').catch(() => {});
  location.reload();
}
