// One guest in the queue, with what can be done for them.

import { h, setAttr, setText } from './dom.js';
import { DETAILS, marks, stateWords } from './staffwords.js';

/** @typedef {import('./feed.js').StaffVisit} StaffVisit */
/** @typedef {'admit'|'add'|'join'|'resume'|'hold'|'message'|'transfer'|'deny'|'remove'} Act */

/** @type {Record<Act, string>} */
const LABELS = {
  admit: 'Admit', add: 'Add to call', join: 'Join', resume: 'Resume', hold: 'Put on hold',
  message: 'Message', transfer: 'Transfer…', deny: 'Turn away…', remove: 'Remove…',
};

/** @param {StaffVisit} visit */
export function nameOf(visit) {
  return visit.fields?.name || 'Guest';
}

export class Card {
  element;
  #onAct;
  #name = h('h3', { class: 'guest-name' });
  #state = h('p', { class: 'guest-state' });
  #marks = h('ul', { class: 'marks', role: 'list' });
  #details = h('dl', { class: 'details' });
  #said = h('p', { class: 'guest-said' });
  #buttons = h('div', { class: 'guest-buttons' });
  #menu = h('details', { class: 'menu' }, h('summary', { class: 'button small' }, 'More'));
  #drawn = '';
  /** @type {StaffVisit} */
  #visit;

  /**
   * @param {StaffVisit} visit
   * @param {(act: Act, visit: StaffVisit) => void} onAct
   */
  constructor(visit, onAct) {
    this.#visit = visit;
    this.#onAct = onAct;
    this.element = h('li', { class: 'guest', 'data-testid': 'guest', 'data-visit': visit.id },
      h('div', { class: 'guest-head' }, this.#name, this.#state), this.#marks, this.#details, this.#said, this.#buttons);
  }

  /**
   * @param {StaffVisit} visit
   * @param {{myCall: string, conduct: boolean, transfer: boolean}} may
   * @param {number} now
   */
  show(visit, may, now) {
    this.#visit = visit;
    setText(this.#name, nameOf(visit));
    setText(this.#state, stateWords(visit, now));
    setAttr(this.element, 'data-state', visit.state);
    const acts = this.#acts(visit, may);
    const key = JSON.stringify([visit.fields, visit.device, visit.connected, visit.kind, visit.state, visit.messages?.length, acts]);
    if (key === this.#drawn) return; // a button that has the focus keeps it
    this.#drawn = key;
    this.#marks.replaceChildren(...marks(visit).map(({ words, warn }) => h('li', { class: warn ? 'mark-warn' : '' }, words)));
    const details = Object.entries(visit.fields ?? {}).filter(([name, value]) => name !== 'name' && value);
    this.#details.replaceChildren(...details.flatMap(([name, value]) => [h('dt', {}, DETAILS[name] ?? name), h('dd', {}, value)]));
    const last = visit.messages?.at(-1);
    this.#said.hidden = !last;
    setText(this.#said, last ? `You wrote: ${last.text}` : '');
    this.#draw(acts);
  }

  /**
   * @param {StaffVisit} visit
   * @param {{myCall: string, conduct: boolean, transfer: boolean}} may
   * @returns {{main: Act[], more: Act[]}}
   */
  #acts(visit, { myCall, conduct, transfer }) {
    if (!conduct) return { main: [], more: [] };
    /** @type {Act[]} */
    const away = transfer ? ['transfer'] : [];
    if (visit.state === 'in_call') {
      return visit.call_id && visit.call_id === myCall ? { main: ['hold'], more: [...away, 'remove'] } : { main: ['join'], more: [...away, 'remove'] };
    }
    /** @type {Act} */
    const first = visit.state === 'on_hold' ? 'resume' : 'admit';
    if (myCall && visit.call_id !== myCall) return { main: ['add'], more: ['message', first, ...away, 'deny'] };
    return { main: [first, 'message'], more: [...away, 'deny'] };
  }

  /** @param {{main: Act[], more: Act[]}} acts */
  #draw({ main, more }) {
    const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.closest('.guest') === this.element
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.testid : '';
    const button = (/** @type {Act} */ act, /** @type {number} */ i) => h('button', {
      type: 'button', class: `button small ${i === 0 && act !== 'hold' ? 'primary' : ''}`, 'data-testid': act,
      onclick: () => {
        this.#menu.open = false;
        this.#onAct(act, this.#visit);
      },
    }, LABELS[act], h('span', { class: 'unseen' }, `, ${nameOf(this.#visit)}`));
    this.#menu.replaceChildren(/** @type {Node} */ (this.#menu.firstChild), h('div', { class: 'menu-items' }, ...more.map((act) => button(act, 1))));
    this.#buttons.replaceChildren(...main.map(button), ...(more.length ? [this.#menu] : []));
    if (focused) /** @type {HTMLElement|null} */ (this.#buttons.querySelector(`[data-testid="${focused}"], button, summary`))?.focus();
  }
}
