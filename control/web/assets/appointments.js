// The appointments of an area: a list below the queue, to be opened.

import { request } from './api.js';
import { copyLink, linkURL } from './clipboard.js';
import { ask } from './dialog.js';
import { byId, h, setText } from './dom.js';
import { sendLink } from './sending.js';
import { dayWords, staffRefusal, timeWords } from './staffwords.js';

/** So often an open list is read anew, in ms. */
const REFRESH_MS = 60_000;
const DAY_MS = 86_400_000;
/** Days that the list spans. */
const AHEAD = 31;
/** Lengths to choose from, in minutes. */
const LENGTHS = [10, 15, 20, 30, 45, 60, 90, 120];

/**
 * @typedef {object} Appointment
 * @property {string} id
 * @property {string} starts_at
 * @property {number} duration_minutes
 * @property {'booked'|'entered'|'done'|'cancelled'} state
 * @property {Record<string, string>} [fields] what is known of the guest
 * @property {string} [link]
 */

/** @typedef {import('./places.js').Area} Area */

export class Appointments {
  #onSaid;
  #box = byId('appointments', HTMLDetailsElement);
  #list = h('div', { 'data-testid': 'appointment-list' });
  #note = h('p', { class: 'quiet', role: 'status' });
  #more = h('button', { type: 'button', class: 'button small', hidden: true, 'data-testid': 'appointments-more', onclick: () => void this.load(true) }, 'Show more');
  /** @type {Area|null} */
  #area = null;
  /** @type {Appointment[]} */
  #items = [];
  #cursor = '';
  #from = 0;
  #known = false;
  /** What the list shows. */
  #drawn = '';

  /** @param {(words: string) => void} onSaid what is to be shown for a while */
  constructor(onSaid) {
    this.#onSaid = onSaid;
    this.#box.append(this.#note, this.#list, this.#more);
    this.#box.addEventListener('toggle', () => void this.load());
    setInterval(() => {
      if (!document.hidden && !document.querySelector('dialog[open]') && !this.#cursor) void this.load();
    }, REFRESH_MS);
  }

  /** @param {Area|null} area whose list it is; null: none */
  show(area) {
    this.#box.hidden = area === null;
    if (this.#area?.id === area?.id) return;
    this.#area = area;
    this.#items = [];
    this.#cursor = '';
    this.#known = false;
    this.#render();
    void this.load();
  }

  /**
   * Reads the list when it is open.
   * @param {boolean} [more] the next page of it
   */
  async load(more = false) {
    const area = this.#area;
    if (!area || !this.#box.open) return;
    if (!more) this.#from = new Date().setHours(0, 0, 0, 0);
    const query = new URLSearchParams({
      from: new Date(this.#from).toISOString(), until: new Date(this.#from + AHEAD * DAY_MS).toISOString(), limit: '100',
      ...(more && this.#cursor ? { cursor: this.#cursor } : {}),
    });
    try {
      const page = await request('GET', `/areas/${encodeURIComponent(area.id)}/appointments?${query}`);
      if (this.#area !== area) return;
      this.#items = [...(more ? this.#items : []), ...page.items];
      this.#cursor = page.next_cursor ?? '';
      this.#known = true;
      this.#render();
    } catch (err) {
      setText(this.#note, staffRefusal(err));
    }
  }

  #render() {
    const shown = this.#items.filter((one) => one.state === 'booked' || one.state === 'entered');
    setText(this.#note, shown.length || !this.#known ? '' : `None in the next ${AHEAD} days.`);
    this.#more.hidden = this.#cursor === '';
    const drawn = JSON.stringify([shown, new Date().toDateString()]);
    if (drawn === this.#drawn) return; // a button that is being pressed stays
    this.#drawn = drawn;
    const focused = this.#list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.key : '';
    /** @type {Map<string, Appointment[]>} */
    const days = new Map();
    for (const one of shown) {
      const day = new Date(one.starts_at).toDateString();
      days.set(day, [...days.get(day) ?? [], one]);
    }
    this.#list.replaceChildren(...[...days.values()].flatMap((day) => [
      h('h3', { class: 'day' }, dayWords(new Date(/** @type {Appointment} */ (day[0]).starts_at), new Date())),
      h('ul', { class: 'guests', role: 'list' }, ...day.map((one) => this.#row(one))),
    ]));
    if (focused) {
      const again = /** @type {HTMLElement|null} */ (this.#list.querySelector(`[data-key="${CSS.escape(focused)}"]`));
      (again ?? /** @type {HTMLElement|null} */ (this.#box.querySelector('summary')))?.focus();
    }
  }

  /** @param {Appointment} one */
  #row(one) {
    const name = one.fields?.name || 'No name given';
    const starts = new Date(one.starts_at);
    const times = `${timeWords(starts)}–${timeWords(new Date(starts.getTime() + one.duration_minutes * 60_000))}`;
    const button = (/** @type {string} */ act, /** @type {string} */ words, /** @type {(button: HTMLButtonElement) => void} */ run) => {
      const made = h('button', { type: 'button', class: 'button small', 'data-key': `${one.id}/${act}`, 'data-testid': `appointment-${act}`, onclick: () => run(made) },
        words, h('span', { class: 'unseen' }, `, ${name}, ${times}`));
      return made;
    };
    const { link } = one;
    return h('li', { class: 'guest', 'data-testid': 'appointment', 'data-appointment': one.id },
      h('div', { class: 'guest-head' }, h('h4', { class: 'guest-name' }, name), h('p', { class: 'guest-state' }, one.state === 'entered' ? `${times} · has come` : times)),
      one.state === 'booked' && h('div', { class: 'guest-buttons' },
        link && button('copy', 'Copy the link', (made) => void copyLink(made, linkURL(link, '/e'))),
        button('send', 'Send…', () => void this.#send(one, 'Send the link of this appointment')),
        button('change', 'Change…', () => void this.#change(one)), button('cancel', 'Cancel…', () => void this.#cancel(one, name))));
  }

  /**
   * @param {Appointment} one
   * @param {string} title
   * @param {string} [cancel]
   */
  async #send(one, title, cancel) {
    const text = `${dayWords(new Date(one.starts_at), new Date())}, ${timeWords(new Date(one.starts_at))}. The link is for this one person.`;
    this.#onSaid(await sendLink({ title, text, cancel, path: `/appointments/${encodeURIComponent(one.id)}/send`, to: one.fields?.phone }));
  }

  /** @param {Area} area in which one is booked */
  async book(area) {
    /** @type {Appointment|null} */
    let booked = null;
    const soon = new Date(Date.now() + 3_600_000 - (Date.now() % 900_000));
    await ask({
      title: 'Book an appointment', text: `In ${area.name}. You get a personal link to send.`, fields: fieldsOf({ starts: soon, minutes: 30, name: '' }),
      choices: [{ value: 'book', label: 'Book', look: 'primary' }], explain: staffRefusal,
      run: async (_, values) => {
        booked = await request('POST', `/areas/${encodeURIComponent(area.id)}/appointments`, bodyOf(values, {}), { once: crypto.randomUUID() });
      },
    });
    const made = /** @type {Appointment|null} */ (booked);
    if (!made) return;
    this.#box.open = true;
    await this.load();
    await this.#send(made, 'The appointment is booked', 'Later');
  }

  /** @param {Appointment} one */
  async #change(one) {
    await ask({
      title: 'Change the appointment', text: 'Its link stays the same. Nobody is told of the change: please tell the person.',
      fields: fieldsOf({ starts: new Date(one.starts_at), minutes: one.duration_minutes, name: one.fields?.name ?? '' }),
      choices: [{ value: 'change', label: 'Change', look: 'primary' }], explain: staffRefusal,
      run: (_, values) => request('PATCH', `/appointments/${encodeURIComponent(one.id)}`, bodyOf(values, one.fields ?? {})),
    });
    await this.load();
  }

  /**
   * @param {Appointment} one
   * @param {string} name
   */
  async #cancel(one, name) {
    await ask({
      title: 'Cancel the appointment?', text: `${name}: the link no longer works then. Nobody is told of it: please tell the person.`,
      choices: [{ value: 'cancel-it', label: 'Cancel the appointment', look: 'danger' }], cancel: 'Keep it', explain: staffRefusal,
      run: () => request('DELETE', `/appointments/${encodeURIComponent(one.id)}`),
    });
    await this.load();
  }
}

/**
 * @param {{starts: Date, minutes: number, name: string}} now
 * @returns {import('./dialog.js').Field[]}
 */
function fieldsOf({ starts, minutes, name }) {
  const local = new Date(starts.getTime() - starts.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const lengths = [...new Set([...LENGTHS, minutes])].sort((a, b) => a - b);
  return [
    { name: 'starts', label: 'Begins', type: 'datetime-local', required: true, value: local },
    { name: 'minutes', label: 'Length', type: 'select', value: String(minutes), options: lengths.map((one) => ({ value: String(one), label: `${one} minutes` })) },
    { name: 'guest', label: 'Name of the person', hint: 'You can leave this empty.', type: 'text', maxlength: 80, value: name },
  ];
}

/**
 * @param {Record<string, string>} values of the form
 * @param {Record<string, string>} known of the guest; all of it is replaced
 */
function bodyOf({ starts = '', minutes, guest }, known) {
  const { name: _, ...others } = known;
  const fields = { ...others, ...(guest ? { name: guest } : {}) };
  return { starts_at: new Date(starts).toISOString(), duration_minutes: Number(minutes), fields };
}
