// One tile: a person's camera or screen, or their initials.

import { h, icon, setAttr, setText } from './dom.js';
import { Picture } from './picture.js';
import { hue, initials, qualityWords } from './words.js';

/**
 * All that a tile shows.
 * @typedef {object} TileModel
 * @property {string} participant
 * @property {'camera'|'screen'} source
 * @property {string} name
 * @property {boolean} self
 * @property {MediaStream|null} stream null: initials are shown
 * @property {number|null} from RTP timestamp of the stream's first frame of theirs: until it is there initials are shown; null: all are
 * @property {boolean} muted microphone off
 * @property {boolean} hand
 * @property {boolean} speaking
 * @property {boolean} away the connection is gone, the seat kept
 * @property {string} note why there is no picture, or ""
 * @property {{score: string, reason?: string}} [quality]
 * @property {boolean} pinned
 * @property {boolean} canPin
 */

/** A tile may show one person after the other: to make one takes long on an old phone. */
export class Tile {
  /** @type {HTMLLIElement} */
  element;
  #video;
  #picture;
  #avatar;
  #note;
  #name;
  #micMark;
  #marks;
  #action;
  #shown = '';
  /** Whose it is. @type {TileModel|null} */
  #model = null;

  /** @param {(participant: string, source: 'camera'|'screen') => void} onPin */
  constructor(onPin) {
    // Seen through while it is covered (call.css), not taken out: its frames are still presented.
    this.#video = h('video', { autoplay: true, playsinline: true, muted: true, tabindex: '-1' });
    // Sound comes from audio elements of its own, so a picture may always play.
    this.#video.muted = true;
    this.#video.disablePictureInPicture = false;
    this.#avatar = h('div', { class: 'avatar', 'aria-hidden': 'true' });
    this.#note = h('p', { class: 'tile-note' });
    this.#name = h('span', { class: 'name' });
    this.#micMark = h('span', { class: 'mic-mark' });
    this.#marks = h('div', { class: 'tile-marks' });
    this.#action = h('button', {
      type: 'button', class: 'tile-action', 'data-testid': 'pin', onclick: () => this.#model && onPin(this.#model.participant, this.#model.source),
    });
    this.element = h('li', { class: 'tile', 'data-testid': 'tile', 'data-video': 'none' }, this.#video, this.#avatar, this.#note, this.#marks, h('div', { class: 'tile-label' }, this.#micMark, this.#name), this.#action);
    this.#picture = new Picture(this.#video, (uncovered) => setAttr(this.element, 'data-video', uncovered ? 'live' : 'none'));
  }

  /** @param {TileModel} model */
  update(model) {
    if (this.#model?.participant !== model.participant) this.#avatar.className = `avatar hue-${hue(model.participant)}`;
    this.#model = model;
    this.#picture.show(model.stream, model.from);
    const { element } = this;
    setAttr(element, 'data-participant', model.participant);
    setAttr(element, 'data-source', model.source);
    setAttr(element, 'data-self', String(model.self));
    setAttr(element, 'data-speaking', String(model.speaking));
    setAttr(element, 'data-muted', String(model.muted));
    element.classList.toggle('away', model.away);
    this.#video.classList.toggle('mirrored', model.self && model.source === 'camera');
    const label = labelOf(model);
    setAttr(this.#video, 'aria-label', `${label}: picture`);
    setText(this.#name, label);
    setText(this.#avatar, initials(model.name));
    this.#avatar.hidden = model.source === 'screen';
    setText(this.#note, model.note);
    this.#action.hidden = !model.canPin;
    this.#showMarks(model, label);
  }

  /** @param {import('./grid.js').Rect|null} rect null: not shown */
  place(rect) {
    const { element } = this;
    element.hidden = rect === null;
    if (!rect) return;
    element.style.width = `${rect.width.toFixed(1)}px`;
    element.style.height = `${rect.height.toFixed(1)}px`;
    element.style.transform = `translate(${rect.x.toFixed(1)}px, ${rect.y.toFixed(1)}px)`;
  }

  remove() {
    this.#picture.show(null, null);
    this.element.remove();
  }

  /**
   * @param {TileModel} model
   * @param {string} label
   */
  #showMarks(model, label) {
    const quality = qualityWords(model.quality, model.self);
    const shown = [model.muted, model.hand, quality, model.pinned, label].join('|');
    if (shown === this.#shown) return;
    this.#shown = shown;
    const muted = model.muted && model.source === 'camera';
    this.#micMark.replaceChildren(...(muted ? [icon('mic-off', 'muted'), h('span', { class: 'unseen' }, 'Microphone off: ')] : []));
    const marks = [];
    if (model.hand) marks.push(h('span', { class: 'mark-hand', 'data-testid': 'hand-mark' }, icon('hand'), h('span', { class: 'words' }, 'Hand raised')));
    if (quality) {
      marks.push(h('span', { class: 'mark-quality', 'data-testid': 'quality-mark', title: quality }, icon('signal'), h('span', { class: 'words' }, quality)));
    }
    this.#marks.replaceChildren(...marks);
    const action = model.pinned ? `Show ${label} as large as the others` : `Show ${label} large`;
    this.#action.title = action;
    setAttr(this.#action, 'aria-pressed', String(model.pinned));
    this.#action.replaceChildren(icon(model.pinned ? 'shrink' : 'expand'), h('span', { class: 'unseen' }, action));
  }
}

/** @param {TileModel} model */
function labelOf(model) {
  if (model.source === 'screen') return model.self ? 'Your screen' : `${model.name}’s screen`;
  return model.self ? `${model.name} (you)` : model.name;
}
