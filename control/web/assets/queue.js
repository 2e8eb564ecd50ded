// The list of an area: who waits, who is on hold, who is being seen, and the
// Consult Now links that are under way.

import { Card } from './card.js';
import { copyLink, linkURL } from './clipboard.js';
import { byId, h, place, setText } from './dom.js';
import { consultWords } from './staffwords.js';

/** @typedef {import('./feed.js').StaffVisit} StaffVisit */

/** How often times are drawn anew, in ms. */
const TICK_MS = 1000;

/** @type {{state: StaffVisit['state'], title: string}[]} */
const GROUPS = [{ state: 'waiting', title: 'Waiting' }, { state: 'on_hold', title: 'On hold' }, { state: 'in_call', title: 'Being seen' }];

export class Queue {
  #options;
  #box = byId('queue-groups', HTMLElement);
  #empty = h('p', { class: 'quiet', 'data-testid': 'queue-empty' }, 'Nobody is waiting.');
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {Map<string, {box: HTMLElement, title: HTMLElement, list: HTMLElement}>} */
  #groups = new Map();
  #consults = { box: h('section', { class: 'group', hidden: true }, h('h2', {}, 'Links sent')), list: h('ul', { class: 'guests', role: 'list', 'data-testid': 'consults' }) };
  /** @type {Map<string, {element: HTMLElement, name: HTMLElement, state: HTMLElement, buttons: HTMLElement, drawn: string}>} */
  #links = new Map();
  #timer = setInterval(() => this.render(), TICK_MS);

  /**
   * @param {object} options
   * @param {() => import('./feed.js').Feed|null} options.feed
   * @param {() => {myCall: string, conduct: boolean, transfer: boolean}} options.may
   * @param {(act: import('./card.js').Act, visit: StaffVisit) => void} options.onAct
   * @param {(act: 'extend'|'revoke'|'resend', id: string) => void} options.onLink
   */
  constructor(options) {
    this.#options = options;
    for (const { state, title } of GROUPS) {
      const heading = h('h2', {}, title);
      const list = h('ol', { class: 'guests', role: 'list', 'data-testid': `group-${state}` });
      const box = h('section', { class: 'group', 'aria-label': title, hidden: true }, heading, list);
      this.#groups.set(state, { box, title: heading, list });
    }
    this.#consults.box.append(this.#consults.list);
    this.#box.replaceChildren(this.#empty, ...[...this.#groups.values()].map((group) => group.box), this.#consults.box);
  }

  close() {
    clearInterval(this.#timer);
  }

  render() {
    const feed = this.#options.feed();
    if (!feed) return;
    const may = this.#options.may();
    const now = Date.now();
    const visits = [...feed.visits.values()].sort((a, b) => a.arrived_at.localeCompare(b.arrived_at));
    for (const { state, title } of GROUPS) {
      const group = this.#groups.get(state);
      if (!group) continue;
      const here = visits.filter((visit) => visit.state === state);
      group.box.hidden = here.length === 0;
      setText(group.title, here.length ? `${title} (${here.length})` : title);
      place(group.list, here.map((visit) => this.#card(visit, may, now)));
    }
    for (const [id, card] of this.#cards) {
      if (feed.visits.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    this.#empty.hidden = visits.length > 0;
    this.#renderLinks(feed, may.conduct, now);
  }

  /**
   * @param {StaffVisit} visit
   * @param {{myCall: string, conduct: boolean, transfer: boolean}} may
   * @param {number} now
   */
  #card(visit, may, now) {
    let card = this.#cards.get(visit.id);
    if (!card) {
      card = new Card(visit, this.#options.onAct);
      this.#cards.set(visit.id, card);
    }
    card.show(visit, may, now);
    return card.element;
  }

  /**
   * @param {import('./feed.js').Feed} feed
   * @param {boolean} conduct
   * @param {number} now
   */
  #renderLinks(feed, conduct, now) {
    const shown = [...feed.consults.values()].filter((consult) => consult.state !== 'revoked' && consult.state !== 'entered');
    this.#consults.box.hidden = shown.length === 0;
    for (const consult of shown) {
      let row = this.#links.get(consult.id);
      if (!row) {
        const name = h('h3', { class: 'guest-name' });
        const state = h('p', { class: 'guest-state', 'data-testid': 'consult-state' });
        const buttons = h('div', { class: 'guest-buttons' });
        const element = h('li', { class: 'guest', 'data-testid': 'consult', 'data-consult': consult.id },
          h('div', { class: 'guest-head' }, name, state), buttons);
        row = { element, name, state, buttons, drawn: '' };
        this.#links.set(consult.id, row);
      }
      setText(row.name, consult.address || (consult.channel === 'copy' ? 'Link to copy' : 'Link'));
      setText(row.state, consultWords(consult, now));
      const key = `${consult.state} ${consult.link ?? ''} ${conduct}`;
      if (key === row.drawn) continue;
      row.drawn = key;
      row.element.dataset.state = consult.state;
      row.buttons.replaceChildren(...(conduct ? this.#linkButtons(consult) : []));
    }
    place(this.#consults.list, shown.map((consult) => /** @type {HTMLElement} */ (this.#links.get(consult.id)?.element)));
    for (const id of this.#links.keys()) if (!feed.consults.has(id)) this.#links.delete(id);
  }

  /** @param {import('./feed.js').Consult} consult */
  #linkButtons(consult) {
    const button = (/** @type {'extend'|'revoke'|'resend'} */ act, /** @type {string} */ label) => h('button', {
      type: 'button', class: 'button small', 'data-testid': act, onclick: () => this.#options.onLink(act, consult.id),
    }, label);
    const { link } = consult;
    const copy = link && h('button', { type: 'button', class: 'button small primary', 'data-testid': 'copy-consult' }, 'Copy the link');
    if (copy && link) copy.addEventListener('click', () => void copyLink(copy, linkURL(link, '/e')));
    const resend = !link && ['sent', 'opened', 'failed', 'expired'].includes(consult.state);
    return [...(copy ? [copy] : []), button('extend', '5 minutes more'), ...(resend ? [button('resend', 'Send again')] : []), button('revoke', 'Withdraw')];
  }
}
