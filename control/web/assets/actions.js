// What the buttons of the console do.

import { request } from './api.js';
import { nameOf } from './card.js';
import { copyLink, linkURL } from './clipboard.js';
import { ask } from './dialog.js';
import { byId, h } from './dom.js';
import { may } from './places.js';
import { contact, contactField, sendLink, showLink } from './sending.js';
import { staffRefusal } from './staffwords.js';

/** @typedef {import('./feed.js').StaffVisit} StaffVisit */
/** @typedef {import('./places.js').Area} Area */

export class Actions {
  #options;
  /** What is being done for a thing, and all that was before it. @type {Map<string, {act: string, done: Promise<void>}>} */
  #busy = new Map();
  #filled = '';

  /**
   * @param {object} options
   * @param {import('./staffcall.js').StaffCall} options.call
   * @param {() => Area|null} options.area that is shown
   * @param {() => Area[]} options.areas all that are known
   * @param {(words: string) => void} options.onProblem also what went well
   * @param {(area: Area) => void} options.onBook
   * @param {(consult: import('./feed.js').Consult) => void} options.onConsult a link was sent
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Draws the buttons of an area.
   * @param {Area} area
   */
  fill(area) {
    const key = JSON.stringify([area.id, area.link, area.suspended, [...area.permissions]]);
    if (key === this.#filled) return;
    this.#filled = key;
    const button = (/** @type {string} */ testid, /** @type {string} */ words, /** @type {() => void} */ onclick, look = '') =>
      h('button', { type: 'button', class: `button small ${look}`, 'data-testid': testid, onclick }, words);
    const copy = button('copy-area', 'Copy the link', () => void copyLink(copy, linkURL(area.link ?? '', '/e')));
    byId('area-actions', HTMLElement).replaceChildren(...[
      may(area, 'visits.conduct') && button('consult-now', 'Consult Now', () => void this.#consultNow(area), 'primary'),
      may(area, 'appointments.manage') && button('book', 'Book appointment', () => this.#options.onBook(area)),
      may(area, 'links.share') && area.link && copy,
      may(area, 'links.share') && button('send-area', 'Send the link…', () => void this.#sendArea(area)),
      may(area, 'areas.suspend') && (area.suspended
        ? button('restore', 'Open again', () => void this.#try(`area ${area.id}`, 'restore', () => request('POST', `/areas/${area.id}/restore`)))
        : button('suspend', 'Close for now', () => void this.#suspend(area))),
    ].filter((element) => element instanceof HTMLElement));
  }

  /**
   * @param {import('./card.js').Act} act
   * @param {StaffVisit} visit
   */
  async visit(act, visit) {
    const { call } = this.#options;
    const post = (/** @type {string} */ what, /** @type {object|undefined} */ body = undefined) => request('POST', `/visits/${encodeURIComponent(visit.id)}/${what}`, body);
    const name = nameOf(visit);
    switch (act) {
      case 'admit': case 'resume': return this.#into(visit, () => post(act === 'resume' ? 'resume' : 'admit'));
      case 'add': return this.#try(visit.id, 'enter', async () => call.enter(await post('admit', { call_id: call.id })));
      case 'join': return this.#join(visit, post);
      case 'hold': return this.#try(visit.id, 'hold', () => post('hold'));
      case 'message': return void await ask({
        title: `Message to ${name}`, fields: [{ name: 'text', label: 'Message', type: 'textarea', required: true, maxlength: 1000 }],
        choices: [{ value: 'send', label: 'Send', look: 'primary' }], run: (_, { text }) => post('message', { text }), explain: staffRefusal,
      });
      case 'deny': return void await ask({
        title: `Turn ${name} away?`, text: 'Their visit ends.',
        fields: [{ name: 'reason', label: 'Why', hint: 'They read it. You can leave it empty.', type: 'textarea', maxlength: 1000 }],
        choices: [{ value: 'deny', label: 'Turn away', look: 'danger' }], run: (_, { reason }) => post('deny', { reason }), explain: staffRefusal,
      });
      case 'remove': return void await ask({
        title: `Remove ${name}?`, text: 'Their visit ends at once, and they cannot come back into this call.',
        choices: [{ value: 'remove', label: 'Remove', look: 'danger' }], run: () => post('remove'), explain: staffRefusal,
      });
      case 'transfer': return this.#transfer(visit, post);
    }
  }

  /**
   * Sees a guest; who is in a call leaves that first, when they say so.
   * @param {StaffVisit} visit
   * @param {() => Promise<import('./staffcall.js').Seat>} admit
   */
  async #into(visit, admit) {
    const { call } = this.#options;
    if (!call.id || call.id === visit.call_id) return this.#try(visit.id, 'enter', async () => call.enter(await admit()));
    await ask({
      title: `Leave the call and see ${nameOf(visit)}?`, text: 'If nobody else of your team is in it, the others go on hold and wait for you.',
      choices: [{ value: 'go', label: 'Leave and see them', look: 'primary' }], run: async () => call.enter(await admit()), explain: staffRefusal,
    });
  }

  /**
   * Joins a guest whom somebody sees already, when that is confirmed (R-IA-5).
   * @param {StaffVisit} visit
   * @param {(what: string, body?: object) => Promise<any>} post
   */
  async #join(visit, post) {
    const { call } = this.#options;
    await this.#try(visit.id, 'enter', async () => {
      try {
        await call.enter(await post('join'));
      } catch (err) {
        if (Object(err).code !== 'already_seen') throw err;
        await ask({
          title: `Join ${nameOf(visit)}?`, text: 'Somebody is seeing this person already. They both see you come in.',
          choices: [{ value: 'join', label: 'Join them', look: 'primary' }],
          run: async () => call.enter(await post('join', { confirm: true })), explain: staffRefusal,
        });
      }
    });
  }

  /**
   * @param {StaffVisit} visit
   * @param {(what: string, body?: object) => Promise<any>} post
   */
  async #transfer(visit, post) {
    const to = this.#options.areas().filter((area) => area.id !== visit.area_id && area.id !== this.#options.area()?.id && may(area, 'transfer.into'));
    await ask({
      title: `Transfer ${nameOf(visit)}`, text: 'They go on waiting there, with the time at which they arrived here.',
      fields: [{ name: 'area', label: 'To', type: 'select', options: to.map((area) => ({ value: area.id, label: area.name })) }],
      choices: [{ value: 'transfer', label: 'Transfer', look: 'primary' }], run: (_, { area }) => post('transfer', { area_id: area }), explain: staffRefusal,
    });
  }

  /**
   * @param {'extend'|'revoke'|'resend'} act
   * @param {string} id
   */
  consult(act, id) {
    return this.#try(id, act, async () => this.#options.onConsult(await request('POST', `/consult-now/${encodeURIComponent(id)}/${act}`)));
  }

  /** @param {{id: string, name: string}} room */
  room(room) {
    return this.#try(room.id, 'enter', async () => this.#options.call.enter(await request('POST', `/meeting-rooms/${encodeURIComponent(room.id)}/enter`)));
  }

  /** @param {Area} area */
  async #consultNow(area) {
    /** @type {any} */
    let answer = null;
    await ask({
      title: 'Consult Now',
      text: 'You start a call, and one person gets a link to it. They have five minutes to enter; you can give them more.',
      fields: [contactField()],
      choices: [{ value: 'send', label: 'Send and start', look: 'primary' }, { value: 'copy', label: 'Make a link to copy', plain: true }],
      run: async (choice, { to = '' }) => {
        const body = { to: contact(choice === 'copy' ? '' : to) };
        answer = await request('POST', `/areas/${encodeURIComponent(area.id)}/consult-now`, body, { once: crypto.randomUUID() });
      },
      explain: staffRefusal,
    });
    if (!answer) return;
    const { consult_now: consult } = answer;
    this.#options.onConsult(consult);
    await this.#try(consult.id, 'enter', () => this.#options.call.enter(answer));
    if (consult.link) await showLink('Your call is ready', linkURL(consult.link, '/e'), 'Send this link to one person. It works once, and for five minutes.');
  }

  /** @param {Area} area */
  async #sendArea(area) {
    const said = await sendLink({
      title: `Send the link of ${area.name}`, text: 'Everybody who has it can come into this waiting area.', path: `/areas/${encodeURIComponent(area.id)}/link/send`,
    });
    if (said) this.#options.onProblem(said);
  }

  /** @param {Area} area */
  async #suspend(area) {
    await ask({
      title: `Close ${area.name} for now?`, text: 'Nobody else can enter until you open it again. Those who wait already can still be seen.',
      fields: [{ name: 'reason', label: 'What people read who come now', hint: 'You can leave this empty.', type: 'text', maxlength: 80 }],
      choices: [{ value: 'suspend', label: 'Close for now', look: 'danger' }],
      run: (_, { reason }) => request('POST', `/areas/${encodeURIComponent(area.id)}/suspend`, { reason }), explain: staffRefusal,
    });
  }

  /**
   * Does something for a thing, a refusal is said. Pressed again meanwhile it is
   * done once; something else, whose button may be there before the answer is,
   * follows.
   * @param {string} thing
   * @param {string} act
   * @param {() => Promise<unknown>} run
   */
  async #try(thing, act, run) {
    const before = this.#busy.get(thing);
    if (before?.act === act) return;
    const done = (before?.done ?? Promise.resolve()).then(run).then(() => {}, (err) => this.#options.onProblem(staffRefusal(err)));
    this.#busy.set(thing, { act, done });
    await done;
    if (this.#busy.get(thing)?.done === done) this.#busy.delete(thing);
  }
}
