// An offer that waits for its answer. There is at most one.

import { AtriumError } from './errors.js';

/** How long the server may take to answer an offer, in ms. */
const ANSWER_MS = 8000;

export class Exchange {
  /** @type {{resolve: (sdp: string) => void, reject: (err: AtriumError) => void}|null} */
  #asked = null;

  /**
   * Sends an offer and resolves to the answer.
   * @param {() => boolean} send false when there is no connection
   * @returns {Promise<string>}
   */
  ask(send) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(new AtriumError('timeout', 'the offer was not answered', { retry: true })), ANSWER_MS);
      const done = (/** @type {() => void} */ then) => {
        clearTimeout(timer);
        this.#asked = null;
        then();
      };
      this.#asked = {
        resolve: (sdp) => done(() => resolve(sdp)),
        reject: (err) => done(() => reject(err)),
      };
      if (!send()) this.fail(new AtriumError('connection_lost', 'the connection was lost', { retry: true }));
    });
  }

  /** @param {string} sdp the answer */
  answer(sdp) {
    this.#asked?.resolve(sdp);
  }

  /** @param {AtriumError} err why there will be no answer */
  fail(err) {
    this.#asked?.reject(err);
  }
}
