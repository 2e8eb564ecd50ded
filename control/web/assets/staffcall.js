// The call of somebody of staff, beside the queue.

import { connect, Emitter } from '/sdk/index.js';
import { request, signalURL } from './api.js';
import { Call } from './call.js';
import { copyLink, linkURL } from './clipboard.js';
import { ask } from './dialog.js';
import { byId, h, setText } from './dom.js';
import { Session } from './session.js';
import { staffRefusal } from './staffwords.js';

/** @typedef {import('/sdk/index.js').Room} Room */

/**
 * @typedef {object} Seat what the server answers who enters a call
 * @property {{id: string, locked?: boolean, meeting_room_id?: string}} call
 * @property {string} token
 * @property {string} signal_url
 */

/**
 * `change`: we are in a call, or no longer. `ended`: why, in a code.
 * @extends {Emitter<{change: void, ended: string}>}
 */
export class StaffCall extends Emitter {
  /** Id of the call that we are in, "" for none. */
  id = '';
  meeting = false;
  locked = false;
  /** @type {Room|null} */
  room = null;

  #devices;
  #session = new Session('atrium.staff.call');
  /** @type {Call|null} */
  #view = null;
  #invite;
  #lock = h('button', { type: 'button', class: 'button small', 'data-testid': 'lock', onclick: () => void this.#toggleLock() });

  /** @param {import('./devices.js').Devices} devices */
  constructor(devices) {
    super();
    this.#devices = devices;
    const button = (/** @type {string} */ testid, /** @type {string} */ words, /** @type {() => void} */ onclick) =>
      h('button', { type: 'button', class: 'button small', 'data-testid': testid, onclick }, words);
    this.#invite = button('invite', 'Invite…', () => void this.#askInvite());
    byId('call-actions', HTMLElement).replaceChildren(this.#invite, this.#lock, button('end-all', 'End for all', () => void this.#askEnd()));
  }

  /** After a reload: back to the seat, if it is still ours. */
  async restore() {
    const kept = this.#session.load();
    if (!kept?.call) return;
    this.#devices.wants = { mic: kept.micOn, cam: kept.camOn };
    const opened = this.#devices.open();
    const call = { id: kept.call, meeting_room_id: kept.name };
    const room = await connect(kept.url, this.#options(call.id, { resume: kept.resume })).catch(() => null);
    await opened;
    if (room) return this.#show(room, call, kept.url);
    try {
      await this.enter({ call, ...await request('POST', `/calls/${encodeURIComponent(call.id)}/token`) });
    } catch {
      this.#session.clear(); // it has ended meanwhile
      this.#devices.close();
    }
  }

  /**
   * Enters a call; the one of before is left.
   * @param {Seat} seat
   */
  async enter(seat) {
    const url = signalURL(seat);
    if (seat.call.id === this.id && this.room) return;
    await this.#leave();
    const { track } = this.#devices;
    const opened = track.mic || track.cam ? Promise.resolve() : this.#devices.open();
    const room = await connect(url, this.#options(seat.call.id, { token: seat.token }));
    await opened;
    this.#show(room, seat.call, url);
  }

  /**
   * @param {string} id of the call
   * @param {{token?: string, resume?: string}} credentials
   */
  #options(id, credentials) {
    return { ...credentials, renew: async () => (await request('POST', `/calls/${encodeURIComponent(id)}/token`)).token };
  }

  /**
   * @param {Room} room
   * @param {Seat['call']} call
   * @param {string} url of signalling
   */
  #show(room, call, url) {
    this.room = room;
    this.id = call.id;
    this.meeting = Boolean(call.meeting_room_id);
    this.locked = call.locked === true;
    const save = () => this.#session.save({
      resume: room.resume, url, name: call.meeting_room_id ?? '', call: call.id, micOn: this.#devices.wants.mic, camOn: this.#devices.wants.cam,
    });
    save();
    const off = [room.on('resume', save), this.#devices.on('change', save)];
    const view = new Call(room, this.#devices, { page: false, link: '', alone: this.meeting ? 'You are the first one here.' : 'You are alone in the call at the moment.', leave: () => void this.askLeave() });
    this.#view = view;
    room.once('closed', (err) => {
      for (const stop of off) stop();
      view.close();
      if (this.room !== room) return;
      this.room = null;
      this.id = '';
      this.#session.clear();
      this.#devices.close();
      this.emit('ended', err.code);
      this.emit('change', undefined);
    });
    this.#invite.hidden = this.meeting;
    this.emit('change', undefined);
    this.#renderLock();
    view.show();
  }

  /** Leaves the present call, to go into another. */
  async #leave() {
    const { room } = this;
    if (!room) return;
    this.room = null;
    this.id = '';
    this.#view?.close();
    await room.leave();
  }

  /** Leaving as the last provider puts the others on hold (R-IA-5): that is asked. */
  async askLeave() {
    const { room, id } = this;
    if (!room) return;
    if (this.meeting || room.participants.size <= 1) return room.leave();
    await ask({
      title: 'Leave the call?',
      text: 'If nobody else of your team is in it, the others go on hold and wait for you. To finish, end the call for all.',
      choices: [{ value: 'leave', label: 'Leave', look: 'primary' }, { value: 'end', label: 'End for all', look: 'danger' }],
      run: async (choice) => {
        if (choice === 'end') await request('POST', `/calls/${encodeURIComponent(id)}/end`);
        await room.leave();
      },
      explain: staffRefusal,
    });
  }

  async #askEnd() {
    const { room, id } = this;
    await ask({
      title: 'End the call for everybody?', choices: [{ value: 'end', label: 'End for all', look: 'danger' }], explain: staffRefusal,
      run: async () => {
        await request('POST', `/calls/${encodeURIComponent(id)}/end`);
        await room?.leave();
      },
    });
  }

  async #askInvite() {
    const path = `/calls/${encodeURIComponent(this.id)}/invite`;
    /** @type {string} */
    let link = '';
    await ask({
      title: 'Invite somebody to this call',
      text: 'They come in at once, without waiting. The link works once.',
      fields: [{ name: 'to', label: 'Mobile number or e-mail address', hint: 'Leave it empty to copy the link.', type: 'text', maxlength: 254 }],
      choices: [{ value: 'send', label: 'Send', look: 'primary' }, { value: 'copy', label: 'Make a link to copy', plain: true }],
      run: async (choice, { to = '' }) => {
        const answer = await request('POST', path, { to: contact(choice === 'copy' ? '' : to) }, { once: crypto.randomUUID() });
        link = answer.link ?? '';
      },
      explain: staffRefusal,
    });
    if (link) await showLink('The link is ready', linkURL(link, '/e'));
  }

  async #toggleLock() {
    const answer = await request('POST', `/calls/${encodeURIComponent(this.id)}/lock`, { locked: !this.locked }).catch(() => null);
    if (!answer) return;
    this.locked = answer.locked === true;
    this.#renderLock();
  }

  #renderLock() {
    this.#lock.hidden = this.meeting;
    this.#lock.setAttribute('aria-pressed', String(this.locked));
    setText(this.#lock, this.locked ? 'Unlock' : 'Lock');
    this.#lock.title = this.locked ? 'Nobody can come in by a link' : 'Let nobody else in by a link';
  }
}

/**
 * What was typed, as the API takes it.
 * @param {string} to
 * @returns {{phone: string}|{email: string}|{copy: true}}
 */
export function contact(to) {
  if (!to) return { copy: true };
  return to.includes('@') ? { email: to } : { phone: to };
}

/**
 * Shows a link to be copied.
 * @param {string} title
 * @param {string} link
 * @param {string} [text]
 */
export async function showLink(title, link, text = 'Send it to the person in any way you like.') {
  const done = ask({
    title, text, fields: [{ name: 'link', label: 'Link', type: 'text', value: link }],
    choices: [{ value: 'copy', label: 'Copy', look: 'primary' }], cancel: 'Close',
    run: async () => {
      const button = /** @type {HTMLButtonElement} */ (document.querySelector('[data-testid=ask-copy]'));
      await copyLink(button, link);
      await new Promise((resolve) => setTimeout(resolve, 600));
    },
  });
  const input = /** @type {HTMLInputElement|null} */ (document.getElementById('ask-link'));
  if (input) {
    input.readOnly = true;
    input.select();
  }
  await done;
}
