// A participant's stay: what the page talks to.

import { Emitter } from './emitter.js';
import { AtriumError, asAtriumError } from './errors.js';
import { Exchange } from './exchange.js';
import { Healer } from './healer.js';
import { Link } from './link.js';
import { applyChange, handsOf, sourceOf } from './people.js';
import { arranged, noticeOf, nowhere, placeOf } from './place.js';
import { SOURCES } from './protocol.js';
import { Publications } from './publications.js';
import { resolve, trackKey } from './slots.js';
import { Meter } from './stats.js';
import { Transport } from './transport.js';

/** @typedef {import('./protocol.js').SourceKind} SourceKind */
/** @typedef {import('./protocol.js').Participant} Participant */
/** @typedef {import('./protocol.js').Message} Message */
/** @typedef {import('./slots.js').RemoteTrack} RemoteTrack */

/** @typedef {import('./types.js').RoomState} RoomState */
/** @typedef {import('./types.js').ConnectOptions} ConnectOptions */
/** @typedef {import('./types.js').RoomEvents} RoomEvents */

/** @extends {Emitter<RoomEvents>} */
export class Room extends Emitter {
  /** @type {RoomState} */
  state = 'connecting';
  /** Ourselves. @type {{id: string, name: string, role: import('./protocol.js').Role}} */
  self = { id: '', name: '', role: 'participant' };
  /** Where we are and what holds there; id "" while parked. @type {RoomEvents['room']} */
  room = nowhere();
  /** Everybody in the room by id, ourselves included. @type {Map<string, Participant>} */
  participants = new Map();
  /** What is received, by `trackKey(participant, source)`. @type {Map<string, RemoteTrack>} */
  tracks = new Map();
  /** Secret that returns to this seat; the `resume` event tells each new one. */
  resume = '';
  /** @type {import('./protocol.js').Policy} */
  policy = { pool: { pairs: 0, videos: 0, screen: false }, publish: [] };

  #options;
  #link;
  #healer;
  #publications = new Publications((message) => this.#link.send(message));
  /** @type {Transport|null} */
  #transport = null;
  #iceServers = /** @type {RTCIceServer[]} */ ([]);
  #epoch = -1;
  /** @type {import('./protocol.js').MapMessage|null} */
  #map = null;
  /** @type {import('./protocol.js').Tile[]|null} */
  #layout = null;
  #hand = false;
  /** The server's time at performance.now() 0, in ms. */
  #began = performance.timeOrigin;
  #wasUp = false;
  #exchange = new Exchange();
  /** Whose hands were up, as told last. */
  #hands = '';
  /** Negotiations follow one another. @type {Promise<void>} */
  #negotiations = Promise.resolve();
  #meter = new Meter(async () => (this.state === 'connected' ? this.stats() : null), (quality) => this.emit('local-quality', quality));

  /**
   * Use connect().
   * @param {string} url
   * @param {ConnectOptions} options
   */
  constructor(url, options) {
    super();
    this.#options = options;
    this.#link = new Link({ url, token: options.token, resume: options.resume, slots: options.slots, renew: options.renew });
    this.#healer = new Healer({
      healthy: () => this.#transport?.state === 'connected' || !this.#link.up,
      negotiate: (fresh) => void this.#negotiate(fresh).catch(() => {}),
    });
    this.#link.on('message', (message) => this.#handlers.get(message.type)?.(message));
    this.#link.on('welcome', (welcome) => this.#welcome(welcome));
    this.#link.on('down', () => {
      this.#exchange.fail(new AtriumError('connection_lost', 'the connection was lost', { retry: true }));
      this.#setState();
    });
    this.#link.on('end', (err) => this.#close(err));
  }

  /** The connection, for statistics and debugging. */
  get peerConnection() {
    return this.#transport?.pc ?? null;
  }

  /**
   * Audio slots, in fixed order: play all of them. Who is heard in which is in
   * `tracks`; in larger rooms they carry the loudest.
   * @returns {readonly import('./slots.js').Receiver[]}
   */
  get audio() {
    return this.#transport?.audio ?? [];
  }

  /** Connects; called by connect() once. */
  async start() {
    const { signal } = this.#options;
    const onAbort = () => void this.leave();
    if (signal?.aborted) throw new AtriumError('aborted', 'connecting was aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#link.start();
      await this.#negotiations;
    } catch (err) {
      signal?.removeEventListener('abort', onAbort);
      const why = signal?.aborted ? new AtriumError('aborted', 'connecting was aborted') : asAtriumError(err, 'connection_lost');
      this.#close(why);
      throw why;
    }
    this.#meter.start();
  }

  /**
   * Publishes a track, or replaces what is published. The camera and the
   * screen go out in several sizes.
   * @param {SourceKind} kind
   * @param {MediaStreamTrack} track
   * @param {{muted?: boolean}} [options]
   */
  async publish(kind, track, options = {}) {
    this.#checkKind(kind);
    if (!this.policy.publish.includes(kind)) {
      throw new AtriumError('not_allowed', `publishing ${kind} is not allowed here`);
    }
    track.addEventListener('ended', () => {
      if (this.#publications.track(kind) !== track) return;
      void this.unpublish(kind);
      this.emit('ended', { source: kind });
    });
    await this.#publications.set(kind, track, options.muted);
  }

  /**
   * Stops publishing; the track itself is left to the caller.
   * @param {SourceKind} kind
   */
  async unpublish(kind) {
    this.#checkKind(kind);
    await this.#publications.clear(kind);
  }

  /**
   * Mutes or unmutes what is published (`track.enabled`), for everybody to see.
   * @param {SourceKind} kind
   * @param {boolean} muted
   */
  mute(kind, muted) {
    this.#checkKind(kind);
    this.#publications.mute(kind, muted);
  }

  /**
   * Whether we muted it ourselves.
   * @param {SourceKind} kind
   */
  isMuted(kind) {
    return this.#publications.isMuted(kind);
  }

  /**
   * What is shown and how large: whole state, replaces the layout of before.
   * @param {import('./protocol.js').Tile[]} tiles sizes in device pixels; the highest priority is the stage
   */
  setLayout(tiles) {
    this.#layout = tiles;
    this.#link.send({ type: 'layout', tiles });
  }

  /** The server's time, by which all times here are; ours may be wrong. */
  get now() {
    return new Date(this.#began + performance.now());
  }

  /** Those whose hand is up, in the order of hands. */
  get hands() {
    return handsOf(this.participants);
  }

  /**
   * Says something to all, to one, or to the moderators.
   * @param {string} text at most 4000 characters
   * @param {{to?: string}} [options] participant id, or MODERATORS
   */
  chat(text, options = {}) {
    const message = options.to ? { type: 'chat', to: options.to, text } : { type: 'chat', text };
    if (!this.#link.send(message)) throw new AtriumError('connection_lost', 'not sent: the connection is down', { retry: true });
  }

  /**
   * Raises or lowers our hand.
   * @param {boolean} raised
   */
  hand(raised) {
    this.#hand = raised;
    this.#link.send({ type: 'hand', raised });
  }

  /** Leaves for good; the seat is given up. */
  async leave() {
    this.#link.send({ type: 'leave' });
    this.#close(new AtriumError('left', 'you left'));
  }

  /** Statistics of the connection; null before there is one. */
  async stats() {
    return this.#transport ? this.#transport.pc.getStats() : null;
  }

  /** @param {string} kind */
  #checkKind(kind) {
    if (!SOURCES.some((source) => source === kind)) throw new AtriumError('bad_argument', `no such source: ${kind}`);
    if (this.state === 'closed') throw new AtriumError('closed', 'the call is over');
  }

  /** @param {import('./protocol.js').Welcome} welcome */
  #welcome(welcome) {
    this.self = welcome.participant;
    if (welcome.now) this.#began = Date.parse(welcome.now) - performance.now();
    this.policy = welcome.policy;
    this.#iceServers = this.#options.iceServers ?? welcome.ice_servers ?? [];
    if (!welcome.resumed) {
      // A new seat counts its stays anew: whatever was known is void.
      this.#epoch = -1;
      this.#map = null;
      this.#publications.forgetLayers();
    }
    this.resume = welcome.resume;
    this.emit('resume', welcome.resume);
    const keep = welcome.resumed && this.#transport?.negotiated && this.#transport.state === 'connected';
    if (keep) this.#flush();
    else void this.#negotiate(!welcome.resumed).catch(() => {});
    this.#setState();
  }

  /**
   * Offers: a new connection, or an ICE restart of the present one.
   * @param {boolean} fresh
   * @returns {Promise<void>}
   */
  #negotiate(fresh) {
    const run = this.#negotiations.catch(() => {}).then(async () => {
      if (this.state === 'closed' || !this.#link.up) return;
      if (fresh || !this.#transport || this.#transport.state === 'closed') this.#replaceTransport();
      const transport = /** @type {Transport} */ (this.#transport);
      try {
        await transport.negotiate((sdp) => this.#exchange.ask(() => this.#link.send({ type: 'offer', sdp })));
      } catch (thrown) {
        this.#refused(asAtriumError(thrown, 'internal'), transport);
        throw thrown;
      }
      this.#healer.negotiated();
      await this.#publications.attach(transport);
      this.#flush();
      this.#applyMap();
    });
    this.#negotiations = run;
    return run;
  }

  /**
   * An offer failed. A lost connection is dialled again anyhow; else a new
   * connection is tried once, then the call ends with the reason.
   * @param {AtriumError} err
   * @param {Transport} transport
   */
  #refused(err, transport) {
    if (err.code === 'connection_lost') return;
    if (err.code === 'timeout') return this.#link.drop();
    if (transport.negotiated) void this.#negotiate(true).catch(() => {});
    else this.#close(err);
  }

  #replaceTransport() {
    this.#transport?.close();
    const transport = new Transport({
      policy: this.policy,
      iceServers: this.#iceServers,
      iceTransportPolicy: this.#options.iceTransportPolicy,
    });
    this.#transport = transport;
    transport.on('state', (state) => {
      if (this.#transport !== transport) return;
      this.#healer.observe(state);
      this.#setState();
    });
  }

  /** Says our whole state again: after a welcome the server may know none of it. */
  #flush() {
    this.#publications.announce(this.#own()?.sources ?? []);
    if (this.#layout) this.#link.send({ type: 'layout', tiles: this.#layout });
    if (this.#hand) this.#link.send({ type: 'hand', raised: true });
  }

  #own() {
    return this.participants.get(this.self.id);
  }

  #applyMap() {
    const slots = this.#map?.epoch === this.#epoch ? this.#map.slots : [];
    this.tracks = resolve(slots, this.#transport?.receivers ?? new Map(), this.tracks);
    this.emit('map', this.tracks);
  }

  #countHands() {
    const hands = this.hands;
    const order = hands.map((person) => person.id).join();
    if (order === this.#hands) return;
    this.#hands = order;
    this.emit('hands', hands);
  }

  #setState() {
    if (this.state === 'closed') return;
    const up = this.#link.up && this.#transport?.state === 'connected';
    if (up) this.#wasUp = true;
    /** @type {RoomState} */
    const state = up ? 'connected' : this.#wasUp ? 'reconnecting' : 'connecting';
    if (state === this.state) return;
    this.state = state;
    this.emit('state', state);
  }

  /** @param {AtriumError} err */
  #close(err) {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#meter.stop();
    this.#healer.stop();
    this.#exchange.fail(err);
    this.#link.close();
    this.#transport?.close();
    this.tracks = new Map();
    this.emit('state', 'closed');
    this.emit('closed', err);
  }

  /**
   * What each message does; those that are not here are of a later version.
   * @type {ReadonlyMap<string, (message: any) => void>}
   */
  #handlers = new Map(Object.entries({
    answer: ({ sdp }) => this.#exchange.answer(sdp),
    room: (message) => {
      this.#epoch = message.epoch;
      this.room = placeOf(message);
      const before = this.#own();
      this.participants = new Map((message.participants ?? []).map((/** @type {Participant} */ p) => [p.id, p]));
      this.#publications.obey(before, this.#own());
      this.emit('room', this.room);
      this.emit('controls', this.room);
      this.#countHands();
      this.#applyMap();
    },
    controls: (message) => {
      if (message.room !== this.room.id) return;
      this.room = { ...this.room, ...arranged(message) };
      this.emit('controls', this.room);
    },
    participants: (message) => {
      const before = this.#own();
      const change = applyChange(this.participants, message);
      this.#publications.obey(before, this.#own());
      this.emit('participants', change);
      this.#countHands();
    },
    map: (message) => {
      this.#map = message;
      if (message.epoch === this.#epoch) this.#applyMap();
    },
    layers: ({ source, rids }) => {
      this.#publications.setLayers(source, rids ?? []);
      this.emit('layers', { source, rids: rids ?? [] });
    },
    speakers: ({ speakers }) => this.emit('speakers', speakers ?? []),
    quality: ({ participants }) => this.emit('quality', participants ?? []),
    chat: (message) => this.emit('chat', message),
    transport: ({ state }) => {
      this.emit('transport', state);
      if (state === 'failed') this.#healer.lost();
    },
    notice: (message) => this.emit('notice', noticeOf(message)),
    error: ({ code, message }) => {
      const err = new AtriumError(code, message);
      if (String(code).startsWith('offer_')) this.#exchange.fail(err);
      this.emit('error', err);
    },
  }));
}

export { sourceOf, trackKey };
