// The list of people in the call.

import { sourceOf } from '/sdk/index.js';
import { byId, h, icon, place } from './dom.js';
import { hue, initials, peopleWords, qualityWords } from './words.js';

/**
 * @typedef {object} Moderation
 * @property {(person: import('/sdk/protocol.js').Participant, muted: boolean) => void} mute
 * @property {(person: import('/sdk/protocol.js').Participant) => void} remove
 */

export class Roster {
  #room;
  #moderate;
  #stage;
  #panel = byId('people', HTMLElement);
  #list = h('ul', { class: 'people-list', role: 'list', 'data-testid': 'people-list' });
  #title = h('h2', { id: 'people-title' });
  #close;
  /** What stands in the list, by participant. @type {Map<string, {drawn: string, element: HTMLElement}>} */
  #rows = new Map();

  /**
   * @param {import('/sdk/index.js').Room} room
   * @param {import('./stage.js').Stage} stage
   * @param {{onClose: () => void, onCopy: ((button: HTMLButtonElement) => void)|null, moderate: Moderation|null}} options
   */
  constructor(room, stage, options) {
    this.#room = room;
    this.#stage = stage;
    this.#moderate = options.moderate;
    this.#close = h('button', { type: 'button', class: 'icon-button', title: 'Close the list', 'data-testid': 'people-close', onclick: options.onClose },
      icon('close'), h('span', { class: 'unseen' }, 'Close the list'));
    const copy = h('button', { type: 'button', class: 'button small', onclick: () => options.onCopy?.(copy) }, 'Copy the link to this call');
    this.#panel.replaceChildren(
      h('header', { class: 'panel-head' }, this.#title, this.#close), this.#list, ...(options.onCopy ? [h('div', { class: 'people-foot' }, copy)] : []));
  }

  get open() {
    return !this.#panel.hidden;
  }

  /** @param {boolean} open */
  show(open) {
    this.#panel.hidden = !open;
    if (!open) return;
    this.render();
    this.#close.focus();
  }

  render() {
    if (!this.open) return;
    const people = [...this.#room.participants.values()];
    // Raised hands first: that is what the list is opened for.
    people.sort((a, b) => Number(b.hand) - Number(a.hand));
    this.#title.textContent = `In the call: ${peopleWords(people.length)}`;
    const focused = this.#list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : '';
    const before = this.#rows;
    this.#rows = new Map(people.map((person) => [person.id, this.#row(person, before.get(person.id))]));
    place(this.#list, [...this.#rows.values()].map(({ element }) => element));
    if (focused) /** @type {HTMLElement|null} */ (this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
  }

  /**
   * @param {import('/sdk/protocol.js').Participant} person
   * @param {{drawn: string, element: HTMLElement}|undefined} before kept as long as it is right: who presses a button presses that one
   */
  #row(person, before) {
    const pinned = this.#stage.pinned === `${person.id}/camera`;
    const drawn = JSON.stringify([person, pinned, this.#stage.quality.get(person.id), this.#room.participants.size > 1]);
    return before?.drawn === drawn ? before : { drawn, element: this.#draw(person, pinned) };
  }

  /**
   * @param {import('/sdk/protocol.js').Participant} person
   * @param {boolean} pinned
   */
  #draw(person, pinned) {
    const self = person.id === this.#room.self.id;
    const microphone = sourceOf(person, 'microphone');
    const off = !microphone || microphone.muted || microphone.muted_by_server;
    const state = [
      person.role === 'moderator' && 'Runs the call', person.hand && 'Hand raised', !person.connected && 'Reconnecting…',
      sourceOf(person, 'screen') && 'Shares the screen', microphone?.muted_by_server && 'Muted by a moderator',
      qualityWords(this.#stage.quality.get(person.id), self),
    ].filter(Boolean).join(' · ');
    const pin = h('button', {
      type: 'button', class: 'icon-button', 'data-key': person.id, 'aria-pressed': String(pinned),
      title: pinned ? `Show ${person.name} as large as the others` : `Show ${person.name} large`,
      onclick: () => {
        this.#stage.pin(person.id, 'camera');
        this.render();
      },
    }, icon(pinned ? 'shrink' : 'expand'), h('span', { class: 'unseen' }, `Show ${person.name} large`));
    return h('li', { class: 'person', 'data-testid': 'person', 'data-participant': person.id },
      h('div', { class: `avatar hue-${hue(person.id)}`, 'aria-hidden': 'true' }, initials(person.name)),
      h('div', { class: 'person-text' },
        h('span', { class: 'person-name' }, self ? `${person.name} (you)` : person.name),
        state && h('span', { class: 'person-state' }, state)),
      person.hand && icon('hand'),
      icon(off ? 'mic-off' : 'mic', off ? 'muted' : ''),
      h('span', { class: 'unseen' }, off ? 'Microphone off' : 'Microphone on'),
      this.#room.participants.size > 1 && pin, !self && this.#moderate && this.#acts(person, this.#moderate));
  }

  /**
   * @param {import('/sdk/protocol.js').Participant} person
   * @param {Moderation} moderate
   */
  #acts(person, moderate) {
    const microphone = sourceOf(person, 'microphone');
    const muted = microphone?.muted_by_server === true;
    const button = (/** @type {string} */ act, /** @type {string} */ words, /** @type {() => void} */ onclick) => h('button', {
      type: 'button', class: 'button small', 'data-key': `${person.id}/${act}`, 'data-testid': `person-${act}`, onclick,
    }, words, h('span', { class: 'unseen' }, ` ${person.name}`));
    return h('div', { class: 'person-acts' },
      microphone && (muted || !microphone.muted) && button('mute', muted ? 'Let speak again' : 'Mute', () => moderate.mute(person, !muted)),
      button('remove', 'Remove…', () => moderate.remove(person)));
  }
}
