// An area's queue and calls, live.

import { Emitter } from '/sdk/index.js';

/** A stream that the server refused is opened again after this time, in ms. */
const AGAIN_MS = 5000;

/**
 * @typedef {object} StaffVisit
 * @property {string} id
 * @property {string} [area_id]
 * @property {string} [call_id]
 * @property {string} [appointment_id]
 * @property {string} kind
 * @property {'waiting'|'in_call'|'on_hold'|'ended'} state
 * @property {boolean} connected
 * @property {string} arrived_at
 * @property {string} [seen_at]
 * @property {string} [hold_since]
 * @property {Record<string, string>} [fields] what they typed, by key
 * @property {{at: string, from: string, text: string}[]} [messages]
 * @property {{camera: boolean, microphone: boolean, relay: boolean, rtt_ms?: number}} [device]
 */

/** @typedef {{participant_id: string, visit_id?: string, account_id?: string, name?: string, left_at?: string}} Member */
/** @typedef {{id: string, state: string, locked?: boolean, members?: Member[], meeting_room_id?: string}} StaffCallInfo */

/**
 * @typedef {object} Consult
 * @property {string} id
 * @property {'sent'|'failed'|'opened'|'entered'|'expired'|'revoked'} state
 * @property {string} channel
 * @property {string} [address]
 * @property {string} [link] when it is to be copied
 * @property {string} [expires_at] absent: its clock has not started
 * @property {string} [call_id]
 */

/**
 * `change`: something of the area is another than before. `arrival`: a guest
 * has come. `consult`: the id of a link that wasn't known. `refused`: the
 * server doesn't give the stream (any more).
 * @extends {Emitter<{change: void, arrival: StaffVisit, consult: string, refused: void}>}
 */
export class Feed extends Emitter {
  /** @type {Map<string, StaffVisit>} */
  visits = new Map();
  /** @type {Map<string, StaffCallInfo>} */
  calls = new Map();
  /** @type {Map<string, Consult>} */
  consults = new Map();
  /** What of the area has changed since it was read. @type {Record<string, any>} */
  area = {};
  /** Whether what is shown is live. */
  live = false;

  #url;
  #events;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #known = false;

  /** @param {string} areaID */
  constructor(areaID) {
    super();
    this.#url = `/api/v1/areas/${encodeURIComponent(areaID)}/events`;
    this.#events = this.#listen();
  }

  /** @param {Consult} consult */
  add(consult) {
    this.know(consult);
    this.emit('change', undefined);
  }

  close() {
    this.#events.close();
    clearTimeout(this.#timer);
  }

  #listen() {
    const events = new EventSource(this.#url);
    const on = (/** @type {string} */ type, /** @type {(data: any) => void} */ apply) =>
      events.addEventListener(type, (event) => {
        this.live = true;
        apply(JSON.parse(/** @type {MessageEvent} */ (event).data));
        this.emit('change', undefined);
      });
    on('queue', (data) => this.#all(data));
    on('visit', (data) => this.#visit(data));
    on('visit_left', (data) => this.visits.delete(data.id));
    on('call', (data) => this.#call(data));
    on('consult_now', (data) => {
      const fresh = !this.consults.has(data.id);
      this.know(data);
      if (fresh && this.consults.has(data.id)) this.emit('consult', data.id);
    });
    on('area', (data) => (this.area = data));
    events.addEventListener('error', () => {
      this.live = false;
      this.emit('change', undefined);
      // The browser dials again by itself, unless it was answered by a refusal.
      if (events.readyState !== EventSource.CLOSED) return;
      this.emit('refused', undefined);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => (this.#events = this.#listen()), AGAIN_MS);
    });
    return events;
  }

  /** @param {any} data the whole queue */
  #all(data) {
    const before = this.visits;
    this.visits = new Map((data.visits ?? []).map((/** @type {StaffVisit} */ visit) => [visit.id, visit]));
    this.calls = new Map((data.calls ?? []).map((/** @type {StaffCallInfo} */ call) => [call.id, call]));
    if (this.#known) for (const visit of this.visits.values()) if (!before.has(visit.id)) this.#arrived(visit);
    this.#known = true;
  }

  /** @param {StaffVisit} visit */
  #visit(visit) {
    if (visit.state === 'ended') return void this.visits.delete(visit.id);
    const fresh = !this.visits.has(visit.id);
    this.visits.set(visit.id, visit);
    if (fresh) this.#arrived(visit);
  }

  /** @param {StaffVisit} visit */
  #arrived(visit) {
    if (visit.state === 'waiting') this.emit('arrival', visit);
  }

  /** @param {StaffCallInfo} call */
  #call(call) {
    if (call.state === 'ended') this.calls.delete(call.id);
    else this.calls.set(call.id, call);
  }

  /**
   * Takes in what a Consult Now link is now. Events leave its address and the
   * link itself out: those stay as they were known.
   * @param {Consult} consult
   */
  know(consult) {
    const before = this.consults.get(consult.id);
    if (before?.state === 'entered') return; // an answer that the event has overtaken
    if (consult.state === 'revoked') this.consults.delete(consult.id);
    else this.consults.set(consult.id, { ...before, ...consult });
  }
}
