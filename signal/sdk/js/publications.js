// What we publish: kept apart from the connection, so that a new connection
// gets all of it again.

import { AtriumError } from './errors.js';
import { sourceOf } from './people.js';
import { SOURCES } from './protocol.js';

/** @typedef {import('./protocol.js').SourceKind} SourceKind */
/** @typedef {import('./protocol.js').Message} Message */
/** @typedef {import('./protocol.js').Participant} Participant */

/** What publishing needs of a connection. @typedef {Pick<import('./transport.js').Transport, 'mid'|'setTrack'|'setLayers'|'negotiated'>} Sink */

export class Publications {
  #send;
  /** @type {Sink|null} */
  #sink = null;
  /** @type {Map<SourceKind, MediaStreamTrack>} */
  #tracks = new Map();
  /** @type {Map<SourceKind, boolean>} */
  #muted = new Map();
  /** @type {Map<SourceKind, string[]>} */
  #layers = new Map();

  /** @param {(message: Message) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {SourceKind} kind */
  track(kind) {
    return this.#tracks.get(kind) ?? null;
  }

  /** @param {SourceKind} kind */
  isMuted(kind) {
    return this.#muted.get(kind) ?? false;
  }

  /**
   * @param {SourceKind} kind
   * @param {MediaStreamTrack} track
   * @param {boolean} [muted] default: as before
   */
  async set(kind, track, muted = this.isMuted(kind)) {
    const video = kind === 'camera' || kind === 'screen';
    if ((track.kind === 'video') !== video) {
      throw new AtriumError('bad_argument', `${kind} cannot carry a track of kind ${track.kind}`);
    }
    if (video && !track.contentHint) track.contentHint = kind === 'screen' ? 'detail' : 'motion';
    this.#tracks.set(kind, track);
    this.#muted.set(kind, muted);
    track.enabled = !muted;
    await this.#sink?.setTrack(kind, track);
    // Another call may have replaced or removed it meanwhile.
    if (this.#tracks.get(kind) === track) this.#announce(kind);
  }

  /** @param {SourceKind} kind */
  async clear(kind) {
    if (!this.#tracks.delete(kind)) return;
    this.#withdraw(kind);
    await this.#sink?.setTrack(kind, null);
  }

  /**
   * @param {SourceKind} kind
   * @param {boolean} muted
   */
  mute(kind, muted) {
    this.#muted.set(kind, muted);
    const track = this.#tracks.get(kind);
    if (!track) return;
    track.enabled = !muted;
    this.#send({ type: 'mute', source: kind, muted });
  }

  /**
   * What a moderator mutes we mute as well: it leaves us no more, and once they
   * let us we are still muted, until we unmute (R-GC-5).
   * @param {Participant|undefined} before ourselves as we were
   * @param {Participant|undefined} now
   */
  obey(before, now) {
    for (const { source, muted_by_server: muted } of now?.sources ?? []) {
      if (!this.isMuted(source) && (muted || sourceOf(before, source)?.muted_by_server)) this.mute(source, true);
    }
  }

  /**
   * Which encodings the server needs. Kept: they hold for a new connection too.
   * @param {SourceKind} kind
   * @param {string[]} rids
   */
  setLayers(kind, rids) {
    this.#layers.set(kind, rids);
    this.#sink?.setLayers(kind, rids);
  }

  /**
   * Sends through this connection from now on; it must be negotiated.
   * @param {Sink} sink
   */
  async attach(sink) {
    const fresh = sink !== this.#sink;
    this.#sink = sink;
    if (!fresh) return;
    for (const [kind, rids] of this.#layers) sink.setLayers(kind, rids);
    await Promise.all([...this.#tracks].map(([kind, track]) => sink.setTrack(kind, track)));
  }

  /** A new seat has no layers asked of it yet: all are sent until it is told. */
  forgetLayers() {
    this.#layers.clear();
  }

  /**
   * Tells the server everything that is published, what of it is muted, and
   * what no longer is.
   * @param {readonly {source: SourceKind}[]} believed what the server takes to be published
   */
  announce(believed) {
    for (const kind of SOURCES) {
      if (this.#tracks.has(kind)) this.#announce(kind);
      else if (believed.some(({ source }) => source === kind)) this.#withdraw(kind);
    }
  }

  /** @param {SourceKind} kind */
  #withdraw(kind) {
    const mid = this.#sink?.mid(kind);
    if (mid) this.#send({ type: 'publish', mid, source: kind, active: false });
  }

  /** @param {SourceKind} kind */
  #announce(kind) {
    const mid = this.#sink?.mid(kind);
    if (!mid) return; // said once the connection is negotiated
    this.#send({ type: 'publish', mid, source: kind, active: true });
    this.#send({ type: 'mute', source: kind, muted: this.isMuted(kind) });
  }
}
