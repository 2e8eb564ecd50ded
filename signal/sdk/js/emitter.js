// A typed event source. Listeners are called in order of subscription; one
// that throws is reported and doesn't stop the others.

/**
 * @template {Record<string, any>} Events maps an event's name to its payload
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(payload: any) => void>>} */
  #listeners = new Map();

  /**
   * Subscribes and returns the function that unsubscribes.
   * @template {keyof Events} K
   * @param {K} type
   * @param {(payload: Events[K]) => void} listener
   * @returns {() => void}
   */
  on(type, listener) {
    let set = this.#listeners.get(type);
    if (!set) this.#listeners.set(type, (set = new Set()));
    // Wrapped, so that subscribing one function twice gives two subscriptions.
    const entry = (/** @type {Events[K]} */ payload) => listener(payload);
    set.add(entry);
    return () => void this.#listeners.get(type)?.delete(entry);
  }

  /**
   * Subscribes for the next event only.
   * @template {keyof Events} K
   * @param {K} type
   * @param {(payload: Events[K]) => void} listener
   * @returns {() => void}
   */
  once(type, listener) {
    const off = this.on(type, (payload) => {
      off();
      listener(payload);
    });
    return off;
  }

  /**
   * @template {keyof Events} K
   * @param {K} type
   * @param {Events[K]} payload
   */
  emit(type, payload) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(payload);
      } catch (err) {
        if (typeof globalThis.reportError === 'function') globalThis.reportError(err);
        else console.error(err);
      }
    }
  }
}
