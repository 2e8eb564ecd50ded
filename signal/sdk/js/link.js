// The WebSocket and its returns: a lost connection is dialled again with the
// resume secret for as long as the seat is kept.

import { Emitter } from './emitter.js';
import { AtriumError, asAtriumError } from './errors.js';
import { PROTOCOL } from './protocol.js';
import { backoff, pause } from './backoff.js';

/** @typedef {import('./protocol.js').Welcome} Welcome */
/** @typedef {import('./protocol.js').Message} Message */

/** How long a connection may take to say welcome, in ms. */
const WELCOME_MS = 10_000;
/**
 * The same when returning, in ms: while the network is away TCP asks ever more
 * seldom, so a new attempt notices sooner that it is back. Every fourth attempt
 * has the full time, for networks that are only slow.
 */
const RETURN_MS = 4000;
/** Codes that mean: the seat is gone, a new token makes a new one. */
const SEAT_GONE = ['resume_unknown', 'seat_expired', 'bad_token', 'token_expired'];

/**
 * @typedef {object} LinkOptions
 * @property {string} url
 * @property {string} [token]
 * @property {string} [resume]
 * @property {number} [slots]
 * @property {() => Promise<string>} [renew]
 */

/**
 * `welcome`: a connection stands. `down`: it was lost and is being dialled.
 * `end`: it is over for good.
 * @extends {Emitter<{welcome: Welcome, message: Message, down: void, end: AtriumError}>}
 */
export class Link extends Emitter {
  #options;
  /** @type {WebSocket|null} */
  #socket = null;
  #resume = '';
  #seatMs = 120_000;
  #stop = new AbortController();

  /** @param {LinkOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    globalThis.addEventListener?.('offline', this.#offline);
  }

  get up() {
    return this.#socket !== null;
  }

  /**
   * Connects for the first time.
   * @returns {Promise<Welcome>}
   */
  start() {
    const { token, resume, slots } = this.#options;
    return this.#dial({ token, resume, slots });
  }

  /**
   * Sends a message; false when there is no connection (state messages are
   * sent again after the next welcome).
   * @param {Message} message
   */
  send(message) {
    if (!this.#socket || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Gives up on a connection that doesn't answer; it is dialled again. */
  drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close();
    this.#lost();
  }

  /** Closes for good, without a word; leaving is said before. */
  close() {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    globalThis.removeEventListener?.('offline', this.#offline);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  #offline = () => this.drop();

  /**
   * Opens a socket, joins and waits for the welcome.
   * @param {{token?: string, resume?: string, slots?: number}} join
   * @param {number} [patience] ms
   * @returns {Promise<Welcome>}
   */
  #dial(join, patience = WELCOME_MS) {
    return new Promise((resolve, reject) => {
      const stop = this.#stop.signal;
      if (stop.aborted) return reject(new AtriumError('aborted', 'connecting was aborted'));
      /** @type {WebSocket} */
      let socket;
      try {
        socket = new WebSocket(this.#options.url, PROTOCOL);
      } catch (err) {
        return reject(asAtriumError(err, 'bad_argument'));
      }
      const fail = (/** @type {AtriumError} */ err) => {
        clearTimeout(timer);
        stop.removeEventListener('abort', onAbort);
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        reject(err);
      };
      const onAbort = () => fail(new AtriumError('aborted', 'connecting was aborted'));
      stop.addEventListener('abort', onAbort);
      const timer = setTimeout(() => fail(new AtriumError('timeout', 'the server does not answer', { retry: true })), patience);
      socket.onopen = () => socket.send(JSON.stringify({ type: 'join', ...given(join) }));
      socket.onclose = () => fail(new AtriumError('connection_lost', 'the server cannot be reached', { retry: true }));
      socket.onmessage = (event) => {
        const message = read(event.data);
        if (message?.type === 'bye' || message?.type === 'error') {
          fail(new AtriumError(message.code, message.reason ?? message.message ?? message.code, { retry: message.retry }));
        } else if (message?.type === 'welcome') {
          clearTimeout(timer);
          stop.removeEventListener('abort', onAbort);
          const welcome = /** @type {Welcome} */ (/** @type {unknown} */ (message));
          this.#adopt(socket, welcome);
          resolve(welcome);
        }
      };
    });
  }

  /**
   * @param {WebSocket} socket
   * @param {Welcome} welcome
   */
  #adopt(socket, welcome) {
    this.#socket = socket;
    this.#resume = welcome.resume;
    this.#seatMs = (welcome.policy.seat_seconds ?? 120) * 1000;
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#lost();
    };
    socket.onmessage = (event) => {
      if (this.#socket !== socket) return;
      const message = read(event.data);
      if (message?.type === 'bye') this.#bye(message);
      else if (message) this.emit('message', message);
    };
    this.emit('welcome', welcome);
  }

  /** @param {Message} message */
  #bye(message) {
    if (message.retry) return this.drop();
    this.#end(new AtriumError(message.code, message.reason ?? message.code));
  }

  /** @param {AtriumError} err */
  #end(err) {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.emit('end', err);
  }

  async #lost() {
    if (this.#stop.signal.aborted) return;
    this.emit('down', undefined);
    let until = Date.now() + this.#seatMs;
    for (let attempt = 0; ; attempt++) {
      await pause(backoff(attempt), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#dial(await this.#credentials(Date.now() > until), attempt % 4 === 3 ? WELCOME_MS : RETURN_MS);
        return;
      } catch (thrown) {
        const err = asAtriumError(thrown, 'connection_lost');
        if (SEAT_GONE.includes(err.code) && this.#options.renew && Date.now() < until) until = 0;
        else if (!err.retry) return this.#end(err);
        else if (Date.now() > until && !this.#options.renew) return this.#end(err);
      }
    }
  }

  /**
   * @param {boolean} gone the seat is no longer kept
   * @returns {Promise<{token?: string, resume?: string, slots?: number}>}
   */
  async #credentials(gone) {
    const { renew, slots } = this.#options;
    if (!gone || !renew) return { resume: this.#resume, slots };
    try {
      return { token: await renew(), slots };
    } catch (err) {
      if (err instanceof AtriumError) throw err;
      throw new AtriumError('connection_lost', 'no new token could be had', { retry: true, cause: err });
    }
  }
}

/**
 * Without what is not given: the server refuses nulls.
 * @param {Record<string, unknown>} fields
 */
function given(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
}

/**
 * @param {unknown} data
 * @returns {Message|null} null for what is not a message: it is ignored
 */
export function read(data) {
  if (typeof data !== 'string') return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === 'string' ? message : null;
  } catch {
    return null;
  }
}
