// Everybody's tiles: who is shown, where, how large, and the layout message
// that tells the server.

import { Emitter, sourceOf, trackKey } from '/sdk/index.js';
import { byId, h, setText } from './dom.js';
import { arrangeGrid, arrangePair, arrangeStage } from './grid.js';
import { layoutTiles, orderPeople, remember } from './order.js';
import { Tile } from './tile.js';

/** @typedef {import('./tile.js').TileModel} TileModel */

const GAP = 8;
const REMEMBERED = 12;
/** Layout messages follow what changes them within this time, in ms. */
const SETTLE_MS = 180;
/** The same in the first second in another room, to which people still come. */
const SETTLE_MOVED_MS = 30;
const MOVED_MS = 1000;
/** With more tiles than this none glides to its place: each frame of that lays all of them out. */
const GLIDING = 9;
/** How many tiles that nobody sees yet are made at a time. */
const UNSEEN = 8;
/** How many tiles of those who went are kept for those who come: a page of them. */
const SPARE = 30;

/** @extends {Emitter<{change: void, more: void}>} */
export class Stage extends Emitter {
  /** @type {'grid'|'speaker'} */
  mode = 'grid';
  selfView = true;
  /** Key of the tile chosen to be large, or "". */
  pinned = '';
  /** What the server says of everybody's connection. @type {Map<string, {score: string, reason?: string}>} */
  quality = new Map();

  #room;
  #devices;
  #list = byId('tiles', HTMLUListElement);
  #more = h('button', { type: 'button', class: 'more-people', 'data-testid': 'more-people', onclick: () => this.emit('more', undefined) });
  #spacer = h('li', { class: 'tiles-end', 'aria-hidden': 'true' });
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {string[]} */
  #order = [];
  /** @type {string[]} */
  #recent = [];
  #speaking = new Set();
  #fitting = 1;
  /** @type {import('./order.js').Shown[]} */
  #shown = [];
  #sent = '';
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** The layout follows the next redraw at once. */
  #hurry = false;
  #movedAt = -Infinity;
  /** @type {Tile[]} */
  #spare = [];
  #selfStream = { track: /** @type {MediaStreamTrack|null} */ (null), stream: /** @type {MediaStream|null} */ (null) };
  #observer = new ResizeObserver(() => this.render());

  /**
   * @param {import('/sdk/index.js').Room} room
   * @param {import('./devices.js').Devices} devices
   */
  constructor(room, devices) {
    super();
    this.#room = room;
    this.#devices = devices;
    this.#list.replaceChildren(this.#spacer);
    this.#list.after(this.#more);
    this.#observer.observe(this.#list);
    this.#list.addEventListener('scroll', this.#onScroll, { passive: true });
  }

  #onScroll = () => this.#settle();

  /** @param {readonly {participant: string}[]} speakers loudest first */
  speak(speakers) {
    const ids = speakers.map((speaker) => speaker.participant);
    this.#speaking = new Set(ids);
    this.#recent = remember(this.#recent, ids.filter((id) => id !== this.#room.self.id), REMEMBERED);
    this.render();
  }

  /**
   * Makes a tile large, or all equal again.
   * @param {string} participant
   * @param {'camera'|'screen'} source
   */
  pin(participant, source) {
    const key = trackKey(participant, source);
    this.pinned = this.pinned === key ? '' : key;
    this.render();
    this.emit('change', undefined);
  }

  /** We are in another room: no picture comes from there before the layout says whose. */
  moved() {
    this.#hurry = true;
    this.#movedAt = performance.now();
    this.render();
  }

  #justMoved() {
    return performance.now() - this.#movedAt < MOVED_MS;
  }

  /** Redraws at the next frame, however often it is called. */
  render() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  close() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    this.#list.removeEventListener('scroll', this.#onScroll);
    for (const tile of this.#tiles.values()) tile.remove();
    this.#more.remove();
  }

  #draw() {
    const { width, height } = this.#list.getBoundingClientRect();
    if (!width || !height) return;
    const models = this.#models();
    const large = this.#large(models);
    const list = large ? [large, ...models.filter((model) => model !== large)] : models;
    const pair = !large && list.length === 2 && list[1]?.self;
    const plan = large ? arrangeStage(list.length, width, height, GAP)
      : pair ? arrangePair(width, height, GAP) : arrangeGrid(list.length, width, height, GAP);
    this.#fitting = plan.fitting;
    this.#shown = list.flatMap((model, i) => {
      const rect = plan.rects[i];
      const { participant, source, self } = model;
      return rect && !self ? [{ participant, source, rect, large: model === large || list.length <= 2 }] : [];
    });
    this.#settle(); // before tiles are made, which takes as long as the server needs to send their pictures
    this.#list.classList.toggle('still', list.length > GLIDING || this.#justMoved());
    this.#list.classList.toggle('scrolls', plan.contentHeight > height + 1);
    this.#spacer.style.transform = `translateY(${Math.max(0, plan.contentHeight - 1)}px)`;
    this.#drawTiles(list, plan.rects, pair);
    this.#drawMore(plan);
  }

  /**
   * @param {TileModel[]} list
   * @param {import('./grid.js').Rect[]} rects
   * @param {boolean|undefined} pair the second is a picture in the picture of the first
   */
  #drawTiles(list, rects, pair) {
    const keyOf = (/** @type {TileModel} */ model) => trackKey(model.participant, model.source);
    this.#release(new Set(list.map(keyOf)));
    const { scrollTop, clientHeight } = this.#list;
    let unseen = 0;
    list.forEach((model, i) => {
      const key = keyOf(model);
      const rect = rects[i];
      const seen = rect && rect.y < scrollTop + clientHeight && rect.y + rect.height > scrollTop;
      // Who isn't shown needs no tile; further down there is time until somebody scrolls.
      const make = rect && (seen || this.#tiles.has(key) || ++unseen <= UNSEEN);
      const tile = make ? this.#tile(key) : this.#tiles.get(key);
      if (!tile) return;
      tile.update(model);
      tile.place(rect ?? null);
      tile.element.classList.toggle('pip', Boolean(pair && i === 1));
    });
    if (unseen > UNSEEN) this.render();
  }

  /**
   * Takes away the tiles of those who went.
   * @param {Set<string>} keys of those who are here
   */
  #release(keys) {
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
      if (this.#spare.length < SPARE) this.#spare.push(tile);
    }
  }

  /** @param {import('./grid.js').Arrangement} plan */
  #drawMore(plan) {
    this.#more.hidden = plan.more === null;
    if (!plan.more) return;
    setText(this.#more, `+ ${plan.hidden} more`);
    const { x, y, width, height } = plan.more;
    Object.assign(this.#more.style, { left: `${x + this.#list.offsetLeft}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }

  /** @param {string} key */
  #tile(key) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = this.#spare.pop() ?? new Tile((participant, source) => this.pin(participant, source));
      this.#tiles.set(key, tile);
      this.#list.insertBefore(tile.element, this.#spacer);
    }
    return tile;
  }

  /** @returns {TileModel[]} in the order they are to stand */
  #models() {
    const { participants, self } = this.#room;
    const alone = participants.size <= 1;
    const showSelf = this.selfView || alone;
    this.#order = orderPeople(this.#order, [...participants.keys()], showSelf ? self.id : '', this.#recent, this.#fitting);
    const models = this.#order.map((id) => this.#cameraModel(id));
    const sharer = this.#sharer();
    if (sharer) models.unshift(this.#screenModel(sharer));
    return models;
  }

  /** The one whose screen is shown: the chosen, else one that has a picture. */
  #sharer() {
    const { participants, self, tracks } = this.#room;
    const sharers = [...participants.values()].filter((person) => person.id !== self.id && sourceOf(person, 'screen'));
    return sharers.find((person) => this.pinned === trackKey(person.id, 'screen'))
      ?? sharers.find((person) => tracks.has(trackKey(person.id, 'screen'))) ?? sharers[0];
  }

  /**
   * @param {TileModel[]} models
   * @returns {TileModel|undefined} the one that is large
   */
  #large(models) {
    if (models.length < 2) return undefined;
    const keyOf = (/** @type {TileModel} */ model) => trackKey(model.participant, model.source);
    const pinned = models.find((model) => keyOf(model) === this.pinned);
    if (pinned) return pinned;
    const screen = models.find((model) => model.source === 'screen');
    if (screen || this.mode === 'grid') return screen;
    const others = models.filter((model) => !model.self);
    return others.find((model) => model.participant === this.#recent.find((id) => others.some((o) => o.participant === id))) ?? others[0];
  }

  /**
   * @param {string} id
   * @returns {TileModel}
   */
  #cameraModel(id) {
    const { self, participants, tracks } = this.#room;
    const isSelf = id === self.id;
    const person = participants.get(id);
    const camera = sourceOf(person, 'camera');
    const microphone = sourceOf(person, 'microphone');
    const remote = tracks.get(trackKey(id, 'camera'));
    const live = remote?.state === 'live' && !camera?.muted ? remote : undefined;
    const away = person?.connected === false && !isSelf;
    return {
      participant: id,
      source: 'camera',
      name: person?.name ?? self.name,
      self: isSelf,
      stream: isSelf ? this.#ownStream() : live?.stream ?? null,
      from: isSelf ? null : live?.rtpFrom ?? null,
      muted: isSelf ? !this.#devices.active('mic') || Boolean(microphone?.muted_by_server) : !microphone || microphone.muted || microphone.muted_by_server,
      hand: person?.hand === true,
      speaking: this.#speaking.has(id),
      away,
      note: away ? 'Reconnecting…' : isSelf && camera?.muted_by_server ? 'Your camera was stopped by a moderator' : '',
      quality: away ? undefined : this.quality.get(id),
      pinned: this.pinned === trackKey(id, 'camera'),
      canPin: participants.size > 1,
    };
  }

  /**
   * @param {import('/sdk/protocol.js').Participant} person
   * @returns {TileModel}
   */
  #screenModel(person) {
    const remote = this.#room.tracks.get(trackKey(person.id, 'screen'));
    const live = remote?.state === 'live' ? remote : undefined;
    return {
      participant: person.id,
      source: 'screen',
      name: person.name,
      self: false,
      stream: live?.stream ?? null,
      from: live?.rtpFrom ?? null,
      muted: false,
      hand: false,
      speaking: false,
      away: false,
      note: 'The screen appears in a moment…',
      pinned: this.pinned === trackKey(person.id, 'screen'),
      canPin: false,
    };
  }

  /** @returns {MediaStream|null} of our camera, the same as long as the track is */
  #ownStream() {
    const track = this.#devices.active('cam') ? this.#devices.track.cam : null;
    if (this.#selfStream.track !== track) this.#selfStream = { track, stream: track && new MediaStream([track]) };
    return this.#selfStream.stream;
  }

  /**
   * Tells the server before long, of all that changes until then: were the time to
   * begin anew with each change, people who come and go all the time would keep
   * it from ever being told.
   */
  #settle() {
    if (this.#hurry) return this.#tell();
    this.#timer ??= setTimeout(() => this.#tell(), this.#justMoved() ? SETTLE_MOVED_MS : SETTLE_MS);
  }

  #tell() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#hurry = false;
    const view = { top: this.#list.scrollTop, height: this.#list.clientHeight, ratio: devicePixelRatio };
    const tiles = layoutTiles(this.#shown, view);
    const text = JSON.stringify(tiles);
    if (text === this.#sent) return;
    this.#sent = text;
    this.#room.setLayout(tiles);
  }
}
