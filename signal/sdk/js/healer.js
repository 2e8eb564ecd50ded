// Brings a media transport back: an ICE restart first, a new connection when
// that doesn't help. It acts only while signalling stands.

/** A disconnected transport often recovers by itself within this time (ms). */
const PATIENCE_MS = 2500;
/** How long a negotiation may take to bring media up, in ms; grows per try. */
const TRIAL_MS = 8000;
/** Tries by ICE restart before a new connection is made. */
const RESTARTS = 2;

/**
 * @typedef {object} HealerOptions
 * @property {() => boolean} healthy
 * @property {(fresh: boolean) => void} negotiate fresh: with a new connection
 */

export class Healer {
  #options;
  #tries = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {HealerOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * To be told each state of the transport.
   * @param {RTCPeerConnectionState} state
   */
  observe(state) {
    if (state === 'connected') {
      this.stop();
      this.#tries = 0;
    } else if (state === 'failed') {
      this.#after(0);
    } else if (state === 'disconnected') {
      this.#after(PATIENCE_MS);
    }
  }

  /** To be told that the server has lost us, whatever our own side believes. */
  lost() {
    this.stop();
    this.#try();
  }

  /** To be told that a negotiation was made: media must be up soon. */
  negotiated() {
    this.#after(Math.min(30_000, TRIAL_MS * (1 + this.#tries)));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {number} ms */
  #after(ms) {
    this.stop();
    this.#timer = setTimeout(() => {
      if (!this.#options.healthy()) this.#try();
    }, ms);
  }

  #try() {
    this.#tries++;
    this.#options.negotiate(this.#tries > RESTARTS);
  }
}
