// Waiting between attempts to connect again.

const FIRST_MS = 250;
/** Less than the 5 s that the protocol allows: after an outage of the network the
 * call is to be back within 5 s of its end, and only this wait is ours. */
const MOST_MS = 3000;

/**
 * Milliseconds to wait before an attempt: doubling from 250 ms to 3 s, of which
 * the upper half is random, so that the clients of a restarted server don't
 * return in one instant.
 * @param {number} attempt 0 for the first
 * @param {() => number} [random] in [0,1)
 * @returns {number}
 */
export function backoff(attempt, random = Math.random) {
  const full = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random());
}

/**
 * Waits; wakes early when the network comes back, or when aborted.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {EventTarget} [network] fires `online`; the window in a browser
 * @returns {Promise<void>}
 */
export function pause(ms, signal, network = globalThis) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      network.removeEventListener?.('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    network.addEventListener?.('online', done);
    signal.addEventListener('abort', done);
  });
}
