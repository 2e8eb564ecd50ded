// What a guest is asked for before entering: the fields that the place has,
// and consent to its terms.

import { byId, h, setText } from './dom.js';

/**
 * @typedef {object} Lobby what POST /entry/look says of a link
 * @property {string} kind
 * @property {string} [organisation]
 * @property {string} [name] of the place
 * @property {{key: string, label?: string, required?: boolean}[]} [fields]
 * @property {string} [terms]
 * @property {string} [welcome]
 * @property {string} [phone]
 * @property {boolean} [open]
 * @property {boolean} [suspended]
 * @property {string} [reason] of a suspension
 * @property {string} [opens_at]
 * @property {string} [starts_at] of an appointment or a group
 */

/** @type {Readonly<Record<string, {label: string, hint?: string, error: string, attributes: Record<string, any>}>>} */
const KINDS = Object.freeze({
  name: { label: 'Your name', error: 'Please enter your name.', attributes: { type: 'text', autocomplete: 'name', maxlength: 80 } },
  phone: { label: 'Your phone number', hint: 'In case the connection is lost.', error: 'Please enter a phone number, such as 020 7946 0000.', attributes: { type: 'tel', autocomplete: 'tel', maxlength: 40 } },
  date_of_birth: { label: 'Your date of birth', error: 'Please enter your date of birth.', attributes: { type: 'date', autocomplete: 'bday' } },
  reference: { label: 'Your reference', hint: 'For example from a letter.', error: 'Please enter your reference.', attributes: { type: 'text', autocomplete: 'off', maxlength: 100 } },
  text: { label: 'Anything we should know?', error: 'Please write a few words.', attributes: { maxlength: 1000, rows: 3 } },
});

export class EntryForm {
  #box = byId('entry-fields', HTMLElement);
  #error = byId('enter-error', HTMLElement);
  #button = byId('enter', HTMLButtonElement);
  /** @type {Map<string, {input: HTMLInputElement|HTMLTextAreaElement, error: HTMLElement, required: boolean, words: string}>} */
  #inputs = new Map();
  /** @type {HTMLInputElement|null} */
  #consent = null;
  #consentError = h('p', { class: 'error', id: 'consent-error', hidden: true });
  #words = 'Enter';

  /**
   * @param {(values: {fields: Record<string, string>, consent: boolean}) => Promise<void>} onEnter rejects with an AtriumError
   * @param {(err: unknown) => string} explain what a refusal means, "" when the fields say it
   */
  constructor(onEnter, explain) {
    byId('entry-form', HTMLFormElement).addEventListener('submit', async (event) => {
      event.preventDefault();
      if (this.#button.getAttribute('aria-disabled') === 'true' || !this.#complete()) return;
      this.#show('');
      this.#busy(true);
      try {
        await onEnter({ fields: this.#values(), consent: this.#consent?.checked ?? false });
      } catch (err) {
        this.#show(this.#refused(err) ? '' : explain(err));
      }
      this.#busy(false);
    });
  }

  /** @param {Lobby} lobby */
  fill(lobby) {
    const asked = lobby.fields ?? [{ key: 'name', required: true }]; // none, of who registered for a group
    this.#words = lobby.kind === 'registration' ? 'Register' : 'Enter';
    setText(this.#button, this.#words);
    this.#inputs.clear();
    this.#box.replaceChildren(...asked.map((field) => this.#field(field)));
    this.#consent = null;
    if (lobby.terms) this.#box.append(this.#terms(lobby.terms));
  }

  /** The field to begin with. */
  get first() {
    return this.#inputs.values().next().value?.input ?? null;
  }

  /** @param {{key: string, label?: string, required?: boolean}} field */
  #field({ key, label, required }) {
    const kind = KINDS[key] ?? /** @type {NonNullable<typeof KINDS['text']>} */ (KINDS.text);
    const must = required === true || key === 'name';
    const id = `field-${key}`;
    const described = [kind.hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(' ');
    const attributes = { ...kind.attributes, id, name: key, 'aria-describedby': described, 'data-testid': key, required: must };
    const input = key === 'text' || !KINDS[key] ? h('textarea', attributes) : h('input', attributes);
    const error = h('p', { class: 'error', id: `${id}-error`, hidden: true });
    input.addEventListener('input', () => this.#mark(key, ''));
    this.#inputs.set(key, { input, error, required: must, words: kind.error });
    return h('div', { class: 'field' },
      h('label', { for: id }, label || kind.label, !must && h('span', { class: 'optional' }, ' (optional)')),
      kind.hint && h('p', { class: 'hint', id: `${id}-hint` }, kind.hint), input, error);
  }

  /** @param {string} terms */
  #terms(terms) {
    this.#consent = h('input', { type: 'checkbox', id: 'consent', 'data-testid': 'consent', 'aria-describedby': 'terms consent-error', required: true });
    this.#consent.addEventListener('change', () => (this.#consentError.hidden = true));
    return h('div', { class: 'field terms-field' },
      h('div', { class: 'terms', id: 'terms', tabindex: '0', role: 'group', 'aria-label': 'Terms' }, terms),
      h('label', { class: 'check-field' }, this.#consent, 'I have read this and I agree'), this.#consentError);
  }

  #values() {
    /** @type {Record<string, string>} */
    const values = {};
    for (const [key, { input }] of this.#inputs) {
      const value = input.value.trim();
      if (value) values[key] = key === 'name' ? value.replace(/\s+/g, ' ') : value;
    }
    return values;
  }

  /** Whether all is there that must be; the focus goes to the first that isn't. */
  #complete() {
    const missing = [...this.#inputs].filter(([, { input, required }]) => required && !input.value.trim() || !input.validity.valid && !input.validity.valueMissing);
    for (const [key, { words }] of missing) this.#mark(key, words);
    const refused = this.#consent !== null && !this.#consent.checked;
    this.#consentError.hidden = !refused;
    setText(this.#consentError, refused ? 'Please tick the box to go on.' : '');
    const first = missing[0];
    if (first) first[1].input.focus();
    else if (refused) this.#consent?.focus();
    return !first && !refused;
  }

  /**
   * Marks the fields that the server refused.
   * @param {unknown} err
   */
  #refused(err) {
    const fields = /** @type {Record<string, string>} */ (Object(err).fields ?? {});
    const known = Object.keys(fields).filter((key) => this.#inputs.has(key));
    for (const key of known) this.#mark(key, this.#inputs.get(key)?.words ?? '');
    this.#inputs.get(known[0] ?? '')?.input.focus();
    return known.length > 0;
  }

  /**
   * @param {string} key
   * @param {string} words
   */
  #mark(key, words) {
    const field = this.#inputs.get(key);
    if (!field) return;
    field.error.hidden = words === '';
    setText(field.error, words);
    field.input.setAttribute('aria-invalid', String(words !== ''));
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.#button.setAttribute('aria-disabled', String(busy));
    setText(this.#button, busy ? 'One moment…' : this.#words);
  }

  /** @param {string} words */
  #show(words) {
    this.#error.hidden = words === '';
    setText(this.#error, words);
  }
}
