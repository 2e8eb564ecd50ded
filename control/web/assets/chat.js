// The chat panel. Nothing of it is kept after the call.

import { say } from './announce.js';
import { byId, h, icon, setText } from './dom.js';

const MOST = 4000;
/** Messages that stay in the panel; older ones go. */
const KEPT = 300;

export class Chat {
  unread = 0;

  #room;
  #onUnread;
  #panel = byId('chat', HTMLElement);
  #log = h('ol', { class: 'chat-log', 'data-testid': 'chat-log', role: 'log', 'aria-label': 'Messages', tabindex: '0' });
  #empty = h('p', { class: 'chat-empty' }, 'Messages go to everybody in the call, and are gone when it ends.');
  #input = h('textarea', { id: 'chat-input', rows: '1', maxlength: MOST, 'data-testid': 'chat-input', autocomplete: 'off', enterkeyhint: 'send' });
  #to = h('select', { id: 'chat-to', 'data-testid': 'chat-to' });
  #shift = false;
  #error = h('p', { class: 'error', role: 'alert', hidden: true });

  /**
   * @param {import('/sdk/index.js').Room} room
   * @param {{onClose: () => void, onUnread: (count: number) => void}} options
   */
  constructor(room, options) {
    this.#room = room;
    this.#onUnread = options.onUnread;
    const form = h('form', { class: 'chat-form', novalidate: true, onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#send();
    } },
    h('div', { class: 'to' }, h('label', { for: 'chat-to' }, 'To'), this.#to),
    h('label', { for: 'chat-input', class: 'unseen' }, 'Your message'), this.#input,
    h('button', { type: 'submit', class: 'button primary', 'data-testid': 'chat-send', title: 'Send' }, icon('send'), h('span', { class: 'unseen' }, 'Send')),
    this.#error);
    // Enter sends, Shift+Enter makes a line. Not on keydown: the keyboards of
    // phones don't name the key, and input methods use Enter for themselves.
    this.#input.addEventListener('keydown', (event) => (this.#shift = event.shiftKey));
    this.#input.addEventListener('beforeinput', (event) => {
      if (event.inputType !== 'insertLineBreak' || this.#shift) return;
      event.preventDefault();
      this.#send();
    });
    this.#panel.replaceChildren(
      h('header', { class: 'panel-head' }, h('h2', { id: 'chat-title' }, 'Chat'),
        h('button', { type: 'button', class: 'icon-button', title: 'Close the chat', 'data-testid': 'chat-close', onclick: options.onClose },
          icon('close'), h('span', { class: 'unseen' }, 'Close the chat'))),
      this.#empty, this.#log, form,
    );
    this.#log.hidden = true;
    this.people();
  }

  get open() {
    return !this.#panel.hidden;
  }

  /** @param {boolean} open */
  show(open) {
    this.#panel.hidden = !open;
    if (!open) return;
    this.unread = 0;
    this.#onUnread(0);
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#input.focus();
  }

  /** Who can be written to has changed. */
  people() {
    const before = this.#to.value;
    const others = [...this.#room.participants.values()].filter((person) => person.id !== this.#room.self.id);
    const options = [h('option', { value: '' }, 'Everybody'), ...others.map((person) => h('option', { value: person.id }, `${person.name} only`))];
    this.#to.replaceChildren(...options);
    this.#to.value = others.some((person) => person.id === before) ? before : '';
  }

  /** @param {import('/sdk/protocol.js').ChatMessage} message */
  add(message) {
    const own = message.from === this.#room.self.id;
    const toName = message.to ? this.#room.participants.get(message.to)?.name ?? 'one person' : '';
    const who = own ? (message.to ? `You to ${toName} only` : 'You') : message.name + (message.to ? ' to you only' : '');
    const at = new Date(message.at);
    const time = Number.isNaN(at.getTime()) ? '' : at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const bottom = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 60;
    this.#empty.hidden = true;
    this.#log.hidden = false;
    this.#log.append(h('li', { class: own ? 'chat-message own' : 'chat-message', 'data-testid': 'chat-message', 'data-from': message.from },
      h('span', { class: 'chat-who' }, h('b', {}, who), time && ` · ${time}`),
      h('p', { class: 'chat-text' }, message.text)));
    while (this.#log.childElementCount > KEPT) this.#log.firstElementChild?.remove();
    if (bottom || own) this.#log.scrollTop = this.#log.scrollHeight;
    if (this.open || own) return;
    this.unread++;
    this.#onUnread(this.unread);
    say(`${message.name} writes: ${message.text.slice(0, 200)}`);
  }

  #send() {
    const text = this.#input.value.trim();
    if (!text) return;
    try {
      this.#room.chat(text, this.#to.value ? { to: this.#to.value } : {});
      this.#input.value = '';
      this.#error.hidden = true;
    } catch {
      setText(this.#error, 'Not sent: the connection is down. Please try again in a moment.');
      this.#error.hidden = false;
    }
  }
}
