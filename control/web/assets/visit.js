// A guest's own visit: what the server says of it, live, and what the guest
// can do with it. The cookie that entering set says whose it is (see proof.js).

import { Emitter } from '/sdk/index.js';
import { Refusal, readEvents, request } from './api.js';
import { proof } from './proof.js';

/** A stream that the server refused is opened again after this time, in ms. */
const AGAIN_MS = 5000;

/**
 * @typedef {object} GuestVisit
 * @property {string} id
 * @property {'waiting'|'in_call'|'on_hold'|'ended'} state
 * @property {string} [kind]
 * @property {string} [outcome] why it ended
 * @property {number} [position] in the queue, from 1; 0 or absent: not shown
 * @property {{at: string, from: string, text: string}[]} [messages]
 * @property {string} [welcome]
 * @property {string} [phone]
 * @property {string} [arrived_at]
 */

/**
 * `change`: the visit is another than before.
 * @extends {Emitter<{change: GuestVisit}>}
 */
export class Visit extends Emitter {
  /** @type {GuestVisit} */
  now;

  /** @type {{close(): void}} */
  #events;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {GuestVisit} visit */
  constructor(visit) {
    super();
    this.now = visit;
    this.#events = this.#listen();
  }

  /**
   * Reads a visit that was begun before. Rejects when it has ended, or is
   * another's.
   * @param {string} id
   * @returns {Promise<Visit>}
   */
  static async find(id) {
    return new Visit(await read(id));
  }

  /**
   * A new token to come back with: after a reload, or a restart of the server.
   * @returns {Promise<{token: string, signal_url: string}>}
   */
  token() {
    return request('POST', `${this.#path()}/token`);
  }

  /**
   * Tells the provider what our own test found (R-WA-6).
   * @param {{camera: boolean, microphone: boolean, relay: boolean, rtt_ms?: number}} check
   */
  async report(check) {
    await request('POST', `${this.#path()}/device`, check).catch(() => {}); // never in the way
  }

  /** Ends the visit. */
  async leave() {
    await request('POST', `${this.#path()}/leave`);
  }

  /** Asks anew, and resolves with the visit as it is. */
  async refresh() {
    await read(this.now.id).then((visit) => this.#set(visit), () => {});
    return this.now;
  }

  close() {
    this.#events.close();
    clearTimeout(this.#timer);
  }

  #path() {
    return `/visits/${encodeURIComponent(this.now.id)}`;
  }

  #listen() {
    if (proof().Authorization) return this.#read();
    const events = new EventSource(`/api/v1${this.#path()}/events`);
    events.addEventListener('visit', (event) => this.#set(JSON.parse(event.data)));
    events.addEventListener('error', () => {
      // The browser dials again by itself, unless it was answered by a refusal.
      if (events.readyState !== EventSource.CLOSED || this.now.state === 'ended') return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#again(), AGAIN_MS);
    });
    return events;
  }

  /** Listens where no cookie says whose the visit is. */
  #read() {
    const stop = new AbortController();
    const on = (/** @type {string} */ name, /** @type {any} */ data) => void (name === 'visit' && this.#set(data));
    void readEvents(`${this.#path()}/events`, on, stop.signal).catch(() => {}).then(() => {
      if (stop.signal.aborted || this.now.state === 'ended') return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#again(), AGAIN_MS);
    });
    return { close: () => stop.abort() };
  }

  /** The visit may be over, or somebody else's by now: then it is not asked for any more. */
  async #again() {
    try {
      this.#set(await read(this.now.id));
    } catch (err) {
      if (err instanceof Refusal && err.status < 500) return;
    }
    if (this.now.state !== 'ended') this.#events = this.#listen();
  }

  /** @param {GuestVisit} visit */
  #set(visit) {
    this.now = { ...visit, id: visit.id || this.now.id };
    if (visit.state === 'ended') this.close();
    this.emit('change', this.now);
  }
}

/**
 * @param {string} id
 * @returns {Promise<GuestVisit>}
 */
async function read(id) {
  const visit = await request('GET', `/visits/${encodeURIComponent(id)}`);
  return { ...visit, id };
}
