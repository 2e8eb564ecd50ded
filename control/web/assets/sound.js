// Plays the audio slots. Their tracks never change, so an element for each is
// all there is to it; who is heard in it is the server's matter.

export class Sound {
  /** @type {Map<string, HTMLAudioElement>} by mid */
  #elements = new Map();
  #onBlocked;
  #speaker = '';

  /** @param {(blocked: boolean) => void} onBlocked the browser wants a touch first */
  constructor(onBlocked) {
    this.#onBlocked = onBlocked;
  }

  /**
   * Plays these slots, and no others.
   * @param {readonly import('/sdk/slots.js').Receiver[]} slots
   */
  play(slots) {
    const wanted = new Set(slots.map((slot) => slot.stream));
    for (const [mid, element] of this.#elements) {
      if (wanted.has(/** @type {MediaStream} */ (element.srcObject))) continue;
      element.srcObject = null;
      element.remove();
      this.#elements.delete(mid);
    }
    for (const { mid, stream } of slots) {
      if (this.#elements.has(mid)) continue;
      const element = document.createElement('audio');
      element.autoplay = true;
      element.hidden = true;
      element.dataset.testid = 'audio';
      element.dataset.mid = mid;
      element.srcObject = stream;
      // In the document, where Safari routes its sound as that of the page.
      document.body.append(element);
      this.#elements.set(mid, element);
      void this.#route(element);
      void this.#start(element);
    }
  }

  /** To be called from a click: browsers then allow sound. */
  async unblock() {
    await Promise.all([...this.#elements.values()].map((element) => this.#start(element)));
  }

  /** @param {string} id of the output; "" is the system's */
  useSpeaker(id) {
    if (id === this.#speaker) return;
    this.#speaker = id;
    for (const element of this.#elements.values()) void this.#route(element);
  }

  close() {
    this.play([]);
  }

  /** @param {HTMLAudioElement} element */
  async #route(element) {
    // A speaker that was unplugged since leaves the sound where it is.
    if (this.#speaker || element.sinkId) await element.setSinkId?.(this.#speaker).catch(() => {});
  }

  /** @param {HTMLAudioElement} element */
  async #start(element) {
    try {
      await element.play();
      this.#onBlocked(false);
    } catch (err) {
      if (err instanceof Error && err.name === 'NotAllowedError') this.#onBlocked(true);
    }
  }
}
