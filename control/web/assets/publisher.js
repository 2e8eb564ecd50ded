// Keeps what the room publishes in step with the devices, and shares the
// screen.

import { AtriumError, Emitter } from '/sdk/index.js';

/** @typedef {import('/sdk/protocol.js').SourceKind} SourceKind */

/**
 * `share`: sharing began or ended. `problem`: words for the person.
 * @extends {Emitter<{share: boolean, problem: string}>}
 */
export class Publisher extends Emitter {
  sharing = false;

  #room;
  #devices;
  #off;
  #offEnded;
  /** @type {MediaStream|null} */
  #screen = null;
  /** @type {Map<SourceKind, MediaStreamTrack>} */
  #published = new Map();
  /** Changes follow one another. @type {Promise<void>} */
  #queue = Promise.resolve();

  /**
   * @param {import('/sdk/index.js').Room} room
   * @param {import('./devices.js').Devices} devices
   */
  constructor(room, devices) {
    super();
    this.#room = room;
    this.#devices = devices;
    this.#off = devices.on('change', () => this.sync());
    this.#offEnded = room.on('ended', ({ source }) => {
      this.#published.delete(source);
      if (source === 'screen') this.stopSharing();
    });
    this.sync();
  }

  /** @param {SourceKind} kind */
  may(kind) {
    return this.#room.policy.publish.includes(kind);
  }

  /** Publishes what is on, withdraws what is off. */
  sync() {
    this.#queue = this.#queue.then(async () => {
      const { track, wants } = this.#devices;
      await this.#set('microphone', track.mic);
      if (this.#room.isMuted('microphone') === wants.mic) this.#room.mute('microphone', !wants.mic);
      await this.#set('camera', this.#devices.active('cam') ? track.cam : null);
    }).catch((err) => this.#failed(err));
  }

  async share() {
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });
    } catch (err) {
      // Closing the browser's question is an answer, not a fault.
      if (err instanceof Error && err.name !== 'NotAllowedError') this.emit('problem', 'The screen could not be shared.');
      return;
    }
    this.#screen = stream;
    this.sharing = true;
    this.emit('share', true);
    this.#queue = this.#queue.then(async () => {
      if (this.#screen !== stream) return; // stopped meanwhile
      await this.#set('screen', stream.getVideoTracks()[0] ?? null);
      await this.#set('screen_audio', stream.getAudioTracks()[0] ?? null);
    }).catch((err) => {
      this.stopSharing();
      this.#failed(err);
    });
  }

  stopSharing() {
    if (!this.sharing) return;
    this.sharing = false;
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.#screen = null;
    this.emit('share', false);
    this.#queue = this.#queue.then(async () => {
      if (this.#screen) return; // shared anew meanwhile
      await this.#set('screen', null);
      await this.#set('screen_audio', null);
    }).catch((err) => this.#failed(err));
  }

  close() {
    this.#off();
    this.#offEnded();
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
  }

  /**
   * @param {SourceKind} kind
   * @param {MediaStreamTrack|null} track
   */
  async #set(kind, track) {
    const present = this.#published.get(kind) ?? null;
    if (present === track || !this.may(kind)) return;
    if (!track) {
      this.#published.delete(kind);
      await this.#room.unpublish(kind);
      return;
    }
    this.#published.set(kind, track);
    await this.#room.publish(kind, track, { muted: kind === 'microphone' && !this.#devices.wants.mic });
  }

  /** @param {unknown} err */
  #failed(err) {
    if (err instanceof AtriumError && err.code === 'closed') return;
    this.emit('problem', 'Your picture or sound could not be sent. Please switch it off and on again.');
  }
}
