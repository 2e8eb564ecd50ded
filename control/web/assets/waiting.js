// The waiting view: alone with one's own picture, and what the people there
// say meanwhile.

import { say, sayNow } from './announce.js';
import { byId, h, setText } from './dom.js';
import { positionWords } from './guestwords.js';

/** @typedef {import('./visit.js').GuestVisit} GuestVisit */

export class Waiting {
  #view = byId('waiting', HTMLElement);
  #title = byId('waiting-title', HTMLElement);
  #log = byId('messages', HTMLElement);
  #check;
  #told = 0;
  #said = '';

  /**
   * @param {import('./check.js').DeviceCheck} check
   * @param {() => void} onLeave
   */
  constructor(check, onLeave) {
    this.#check = check;
    byId('leave-waiting', HTMLButtonElement).addEventListener('click', onLeave);
  }

  /**
   * @param {GuestVisit} visit
   * @param {import('./entryform.js').Lobby} lobby
   * @param {string} connection words about it, "" when all is well
   */
  show(visit, lobby, connection) {
    const arriving = this.#view.hidden;
    const held = visit.state === 'on_hold';
    const title = held ? 'You are on hold' : 'You are in the waiting area';
    setText(this.#title, title);
    setText(byId('waiting-place', HTMLElement), [lobby.name, lobby.organisation].filter(Boolean).join(', '));
    setText(byId('waiting-text', HTMLElement), held
      ? 'Nobody can see or hear you at the moment. Please stay here: the call goes on from this page.'
      : 'Somebody will come to you here. Please keep this page open. Until then nobody can see or hear you.');
    this.#line('waiting-position', held ? '' : positionWords(visit.position ?? 0));
    this.#line('waiting-welcome', visit.welcome || lobby.welcome || '');
    this.#phone(visit.phone || lobby.phone || '');
    this.#line('waiting-banner', connection);
    this.#messages(visit.messages ?? []);
    document.title = `${held ? 'On hold' : 'Waiting'} · ${lobby.name || 'Atrium'}`;
    const words = [title, held ? '' : positionWords(visit.position ?? 0)].filter(Boolean).join('. ');
    if (words !== this.#said) say(words);
    this.#said = words;
    if (!arriving) return;
    byId('waiting-check', HTMLElement).append(this.#check.element);
    this.#view.hidden = false;
    void this.#check.show();
    this.#title.focus();
    scrollTo(0, 0);
  }

  hide() {
    if (this.#view.hidden) return;
    this.#check.hide();
    this.#view.hidden = true;
    this.#said = '';
  }

  /** @param {{at: string, from: string, text: string}[]} messages */
  #messages(messages) {
    byId('messages-box', HTMLElement).hidden = messages.length === 0;
    if (messages.length === this.#told) return;
    // Only what is new is added, so that a screen reader reads that alone.
    if (messages.length < this.#told) this.#log.replaceChildren();
    const fresh = messages.slice(this.#log.childElementCount);
    this.#log.append(...fresh.map((message) => h('li', { 'data-testid': 'message' },
      h('b', {}, message.from || 'Staff'), h('p', {}, message.text))));
    this.#told = messages.length;
    if (fresh.length && this.#view.hidden) sayNow(fresh.map((message) => message.text).join('. '));
  }

  /** @param {string} phone */
  #phone(phone) {
    const box = byId('waiting-phone', HTMLElement);
    box.hidden = phone === '';
    if (!phone) return;
    const link = /** @type {HTMLAnchorElement} */ (box.querySelector('a'));
    link.href = `tel:${phone.replace(/[^+\d]/g, '')}`;
    setText(link, phone);
  }

  /**
   * @param {string} id
   * @param {string} words
   */
  #line(id, words) {
    const element = byId(id, HTMLElement);
    element.hidden = words === '';
    setText(element, words);
  }
}
