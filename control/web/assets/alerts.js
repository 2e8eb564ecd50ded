// Arrivals are told with a sound and, if allowed, a notification of the
// desktop (R-WA-5). No name of a guest stands in it: others may see the screen.

const KEY = 'atrium.alerts';

export class Alerts {
  on = false;
  /** @type {AudioContext|null} */
  #context = null;

  constructor() {
    try {
      this.on = localStorage.getItem(KEY) === 'on';
    } catch {
      // Storage is forbidden: off until switched on.
    }
  }

  /**
   * To be called from a click: browsers ask and allow sound only then.
   * @param {boolean} on
   */
  async set(on) {
    this.on = on;
    try {
      localStorage.setItem(KEY, on ? 'on' : 'off');
    } catch {
      // For this page only, then.
    }
    if (!on) return;
    this.#ring();
    if (typeof Notification !== 'undefined' && Notification.permission === 'default') await Notification.requestPermission();
  }

  /** @param {string} area name of the place */
  tell(area) {
    if (!this.on) return;
    this.#ring();
    if (typeof Notification === 'undefined' || Notification.permission !== 'granted' || document.visibilityState === 'visible') return;
    try {
      const note = new Notification('Somebody is waiting', { body: area, tag: 'atrium-arrival' });
      note.onclick = () => {
        window.focus();
        note.close();
      };
    } catch {
      // Phones allow these from a service worker only; the sound remains.
    }
  }

  /** Two soft tones. */
  #ring() {
    if (typeof AudioContext === 'undefined') return;
    const context = (this.#context ??= new AudioContext());
    void context.resume().catch(() => {});
    [[660, 0], [880, 0.18]].forEach(([frequency = 0, start = 0]) => {
      const tone = context.createOscillator();
      const gain = context.createGain();
      const at = context.currentTime + start;
      tone.frequency.value = frequency;
      gain.gain.setValueAtTime(0.0001, at);
      gain.gain.exponentialRampToValueAtTime(0.16, at + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.55);
    });
  }
}
