// One RTCPeerConnection for the life of a seat: send m-lines and a fixed pool
// of slots, offered once. Afterwards only ICE restarts negotiate.

import { Emitter } from './emitter.js';
import { AtriumError } from './errors.js';
import { activate, ownCodecs, sendEncodings } from './encodings.js';
import { EXTENSIONS, checkOffer, plan, trimOffer, withStartBitrate } from './sdp.js';

/** @typedef {import('./protocol.js').SourceKind} SourceKind */
/** @typedef {import('./slots.js').Receiver} Receiver */

/**
 * @typedef {object} TransportOptions
 * @property {import('./protocol.js').Policy} policy
 * @property {RTCIceServer[]} iceServers
 * @property {RTCIceTransportPolicy} [iceTransportPolicy]
 */

/**
 * Sends an offer and resolves with the server's answer.
 * @typedef {(sdp: string) => Promise<string>} Exchange
 */

/**
 * Where the bandwidth estimate begins: enough for a camera's small and middle
 * layer, and not too much for a phone's upload in its first second.
 */
const START_KILOBITS = 800;

/** @extends {Emitter<{state: RTCPeerConnectionState}>} */
export class Transport extends Emitter {
  /** @type {RTCPeerConnection} */
  pc;
  /** Receive m-lines by mid; empty until negotiated. @type {Map<string, Receiver>} */
  receivers = new Map();
  /** Audio slots in order of m-line; they play whoever the server chooses. @type {Receiver[]} */
  audio = [];

  /** @type {Map<SourceKind, RTCRtpTransceiver>} */
  #senders = new Map();
  #policy;
  #negotiated = false;
  /** setParameters calls follow one another: a second one while the first runs is refused. @type {Promise<unknown>} */
  #parameters = Promise.resolve();

  /** @param {TransportOptions} options */
  constructor(options) {
    super();
    if (typeof RTCPeerConnection === 'undefined') {
      throw new AtriumError('unsupported', 'this browser has no WebRTC');
    }
    this.#policy = options.policy;
    this.pc = new RTCPeerConnection({
      iceServers: options.iceServers,
      iceTransportPolicy: options.iceTransportPolicy ?? 'all',
      bundlePolicy: 'max-bundle',
    });
    this.pc.addEventListener('connectionstatechange', () => this.emit('state', this.pc.connectionState));
    for (const line of plan(this.#policy.pool)) this.#addLine(line);
  }

  /** @param {ReturnType<typeof plan>[number]} line */
  #addLine(line) {
    /** @type {RTCRtpTransceiverInit} */
    const init = { direction: line.direction };
    if (line.group === 'camera' || (line.group === 'screen' && line.direction === 'sendonly')) {
      const source = line.group === 'camera' ? 'camera' : 'screen';
      init.sendEncodings = sendEncodings(this.#policy[source], source);
    }
    const transceiver = this.pc.addTransceiver(line.kind, init);
    preferCodecs(transceiver, line.kind);
    limitExtensions(transceiver);
    if (line.direction === 'sendonly') this.#senders.set(/** @type {SourceKind} */ (line.group), transceiver);
  }

  get state() {
    return this.pc.connectionState;
  }

  /** Whether an offer was answered, so that mids are known. */
  get negotiated() {
    return this.#negotiated;
  }

  /**
   * Offers (again) and applies the answer. An offer that got no answer is
   * simply replaced by the next.
   * @param {Exchange} exchange
   */
  async negotiate(exchange) {
    const offer = await this.pc.createOffer({ iceRestart: this.#negotiated });
    await this.pc.setLocalDescription(offer);
    const sdp = this.pc.localDescription?.sdp ?? '';
    checkOffer(sdp, this.#policy.pool);
    const answer = await exchange(trimOffer(sdp));
    await this.pc.setRemoteDescription({ type: 'answer', sdp: withStartBitrate(answer, START_KILOBITS) });
    if (!this.#negotiated) this.#collect();
    this.#negotiated = true;
  }

  #collect() {
    for (const { mid, direction, receiver } of this.pc.getTransceivers()) {
      if (mid === null || direction !== 'recvonly') continue;
      const slot = { mid, track: receiver.track, stream: new MediaStream([receiver.track]) };
      this.receivers.set(mid, slot);
      if (receiver.track.kind === 'audio') this.audio.push(slot);
    }
  }

  /**
   * The mid of a send m-line; "" before negotiation.
   * @param {SourceKind} kind
   */
  mid(kind) {
    return this.#senders.get(kind)?.mid ?? '';
  }

  /**
   * What a send m-line sends from now on; null for nothing.
   * @param {SourceKind} kind
   * @param {MediaStreamTrack|null} track
   */
  async setTrack(kind, track) {
    await this.#senders.get(kind)?.sender.replaceTrack(track);
  }

  /**
   * Sends only these encodings of a video source.
   * @param {SourceKind} kind
   * @param {readonly string[]} rids
   */
  setLayers(kind, rids) {
    const sender = this.#senders.get(kind)?.sender;
    if (!sender || sender.track?.kind === 'audio') return;
    this.#parameters = this.#parameters.then(async () => {
      const parameters = sender.getParameters();
      // One encoding that has no rid is a browser without simulcast: leave it.
      if (!parameters.encodings?.some((encoding) => encoding.rid)) return;
      if (activate(parameters.encodings, rids)) await sender.setParameters(parameters);
    }).catch(() => {
      // The browser refused, or closed meanwhile: it goes on sending more than
      // is needed, which harms nobody.
    });
  }

  close() {
    this.pc.close();
  }
}

/**
 * @param {RTCRtpTransceiver} transceiver
 * @param {'audio'|'video'} kind
 */
function preferCodecs(transceiver, kind) {
  const codecs = ownCodecs(RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []);
  if (!codecs.length || typeof transceiver.setCodecPreferences !== 'function') return;
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // Some browsers refuse rtx on its own terms; trimOffer cuts what is sent.
  }
}

/** @param {RTCRtpTransceiver} transceiver */
function limitExtensions(transceiver) {
  const t = /** @type {RTCRtpTransceiver & {
    getHeaderExtensionsToNegotiate?: () => {uri: string, direction: string}[],
    setHeaderExtensionsToNegotiate?: (list: {uri: string, direction: string}[]) => void}} */ (transceiver);
  const list = t.getHeaderExtensionsToNegotiate?.();
  if (!list) return; // the server's answer leaves the others out all the same
  try {
    t.setHeaderExtensionsToNegotiate?.(list.map((extension) => (
      EXTENSIONS.includes(extension.uri) ? extension : { ...extension, direction: 'stopped' })));
  } catch {
    // A mandatory one can't be stopped here; trimOffer leaves it out.
  }
}
