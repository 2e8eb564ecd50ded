// Camera and microphone: asked for once, switched on and off, changed, and
// what went wrong in the terms of words.js. The camera is let go while off, so that
// its light is out; the microphone stays open and is silenced, so that
// unmuting is instant.

import { Emitter } from '/sdk/index.js';
import { loadChoices, saveChoices } from './session.js';

/** @typedef {import('./words.js').Problem} Problem */
/** @typedef {'mic'|'cam'} Which */

/** @type {Record<Which, MediaTrackConstraints>} */
const WANTED = {
  mic: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  // Below 960×540 Chromium leaves the largest simulcast layer out.
  cam: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, facingMode: 'user' },
};

/**
 * `change`: tracks, problems or wishes changed.
 * @extends {Emitter<{change: void}>}
 */
export class Devices extends Emitter {
  /** @type {Record<Which, MediaStreamTrack|null>} */
  track = { mic: null, cam: null };
  /** What the person wants. @type {Record<Which, boolean>} */
  wants = { mic: true, cam: true };
  /** @type {Record<Which, Problem>} */
  problem = { mic: '', cam: '' };
  choices = loadChoices();
  /** Requests for one device follow one another. @type {Record<Which, Promise<void>>} */
  #queue = { mic: Promise.resolve(), cam: Promise.resolve() };

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.emit('change', undefined));
  }

  /** Whether a device is on and works. @param {Which} which */
  active(which) {
    return this.wants[which] && this.track[which] !== null;
  }

  /** Asks for what is wanted: both in one question where possible. */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) {
      this.problem = { mic: 'insecure', cam: 'insecure' };
      this.wants = { mic: false, cam: false };
      return this.emit('change', undefined);
    }
    if (this.wants.cam) {
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: this.#constraints('mic'), video: this.#constraints('cam') });
        for (const track of stream.getTracks()) this.#adopt(track.kind === 'audio' ? 'mic' : 'cam', track);
        return this.emit('change', undefined);
      } catch {
        // One of them may work without the other: asked for one by one.
      }
    }
    await this.#open('mic');
    if (this.wants.cam) await this.#open('cam');
  }

  /**
   * Switches a device on or off.
   * @param {Which} which
   * @param {boolean} on
   */
  set(which, on) {
    this.wants[which] = on;
    this.#queue[which] = this.#queue[which].then(async () => {
      if (!on && which === 'cam') this.#drop('cam');
      if (on && !this.track[which]) await this.#open(which);
      const track = this.track[which];
      if (track && which === 'mic') track.enabled = this.wants.mic;
      this.emit('change', undefined);
    });
    return this.#queue[which];
  }

  /**
   * Changes to another device.
   * @param {Which} which
   * @param {string} id
   */
  choose(which, id) {
    this.choices = { ...this.choices, [which]: id };
    saveChoices(this.choices);
    if (which === 'cam' && !this.wants.cam) return Promise.resolve();
    this.#queue[which] = this.#queue[which].then(() => this.#open(which));
    return this.#queue[which];
  }

  /** @param {string} id of an audio output */
  chooseSpeaker(id) {
    this.choices = { ...this.choices, speaker: id };
    saveChoices(this.choices);
    this.emit('change', undefined);
  }

  /** @returns {Promise<Record<'mic'|'cam'|'speaker', MediaDeviceInfo[]>>} */
  async list() {
    const all = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
    const of = (/** @type {string} */ kind) => all.filter((device) => device.kind === kind && device.deviceId !== '');
    return { mic: of('audioinput'), cam: of('videoinput'), speaker: of('audiooutput') };
  }

  /** Whether the browser can blur what is behind us; null when it cannot. */
  get blur() {
    const track = /** @type {any} */ (this.track.cam);
    const can = track?.getCapabilities?.().backgroundBlur;
    return Array.isArray(can) && can.includes(true) ? track.getSettings().backgroundBlur === true : null;
  }

  /** @param {boolean} on */
  async setBlur(on) {
    await this.track.cam?.applyConstraints(/** @type {any} */ ({ ...WANTED.cam, backgroundBlur: on })).catch(() => {});
    this.emit('change', undefined);
  }

  close() {
    this.#drop('mic');
    this.#drop('cam');
  }

  /** @param {Which} which */
  async #open(which) {
    if (!navigator.mediaDevices?.getUserMedia) return;
    // Phones open one camera at a time: the old one is let go first.
    this.#drop(which);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [which === 'mic' ? 'audio' : 'video']: this.#constraints(which) });
      const track = stream.getTracks()[0];
      if (track) this.#adopt(which, track);
    } catch (err) {
      this.problem[which] = problemOf(err);
      this.wants[which] = false;
    }
    this.emit('change', undefined);
  }

  /** @param {Which} which */
  #constraints(which) {
    const id = this.choices[which];
    // "ideal": a device that was unplugged since is no reason to fail.
    return id ? { ...WANTED[which], facingMode: undefined, deviceId: { ideal: id } } : WANTED[which];
  }

  /**
   * @param {Which} which
   * @param {MediaStreamTrack} track
   */
  #adopt(which, track) {
    if (which === 'cam' && !this.wants.cam) return track.stop(); // switched off meanwhile
    this.problem[which] = '';
    this.track[which] = track;
    track.enabled = this.wants[which];
    track.addEventListener('ended', () => {
      if (this.track[which] !== track) return;
      this.track[which] = null;
      this.wants[which] = false;
      this.problem[which] = 'failed';
      this.emit('change', undefined);
    });
  }

  /** @param {Which} which */
  #drop(which) {
    const track = this.track[which];
    this.track[which] = null;
    track?.stop();
  }
}

/**
 * @param {unknown} err of getUserMedia
 * @returns {Problem}
 */
function problemOf(err) {
  const name = err instanceof Error ? err.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'failed';
}
