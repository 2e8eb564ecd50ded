// The call of somebody of staff, beside the queue.

import { connect, Emitter } from '/sdk/index.js';
import { request, signalURL } from './api.js';
import { Call } from './call.js';
import { ask } from './dialog.js';
import { byId, h, setText } from './dom.js';
import { sendLink } from './sending.js';
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
 * `change`: we are in a call, or no longer. `ended`: why, in a code. `told`:
 * words to show for a while.
 * @extends {Emitter<{change: void, ended: string, told: string}>}
 */
export class StaffCall extends Emitter {
  /** Id of the call that we are in, "" for none. */
  id = '';
  meeting = false;
  locked = false;
  /** @type {Room|null} */
  room = null;

  #devices;
  #mayModerate;
  #session = new Session('atrium.staff.call');
  /** @type {Call|null} */
  #view = null;
  #invite;
  #end;
  #lock = h('button', { type: 'button', class: 'button small', 'data-testid': 'lock', onclick: () => void this.#toggleLock() });

  /**
   * @param {import('./devices.js').Devices} devices
   * @param {(meetingRoomID: string) => boolean} mayModerate whether we may lock the room's call, remove people and end it
   */
  constructor(devices, mayModerate) {
    super();
    this.#devices = devices;
    this.#mayModerate = mayModerate;
    const button = (/** @type {string} */ testid, /** @type {string} */ words, /** @type {() => void} */ onclick) =>
      h('button', { type: 'button', class: 'button small', 'data-testid': testid, onclick }, words);
    this.#invite = button('invite', 'Invite…', () => void this.#askInvite());
    this.#end = button('end-all', 'End for all', () => void this.#askEnd());
    byId('call-actions', HTMLElement).replaceChildren(this.#invite, this.#lock, this.#end);
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
    const runs = !call.meeting_room_id || this.#mayModerate(call.meeting_room_id);
    const view = new Call(room, this.#devices, {
      page: false, link: '', alone: this.meeting ? 'You are the first one here.' : 'You are alone in the call at the moment.', leave: () => void this.askLeave(),
      moderate: runs ? { mute: (person, muted) => void this.#mute(person, muted), remove: (person) => void this.#askRemove(person) } : null,
    });
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
    this.#lock.hidden = this.#end.hidden = !runs;
    this.emit('change', undefined);
    this.#renderLock();
    if (call.locked === undefined) void request('GET', `/calls/${encodeURIComponent(call.id)}`).then((now) => this.know(now)).catch(() => {});
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
    this.emit('told', await sendLink({
      title: 'Invite somebody to this call', text: 'They come in at once, without waiting. The link works once.',
      path: `/calls/${encodeURIComponent(this.id)}/invite`,
    }));
  }

  /** @param {string} person their participant's id */
  #member(person) {
    return `/calls/${encodeURIComponent(this.id)}/participants/${encodeURIComponent(person)}`;
  }

  /**
   * @param {import('/sdk/protocol.js').Participant} person
   * @param {boolean} muted false takes back only what was muted here
   */
  async #mute(person, muted) {
    await request('POST', `${this.#member(person.id)}/mute`, { source: 'microphone', muted })
      .catch((err) => this.emit('told', staffRefusal(err)));
  }

  /** @param {import('/sdk/protocol.js').Participant} person */
  async #askRemove(person) {
    const path = this.#member(person.id);
    await ask({
      title: `Remove ${person.name}?`, text: 'They leave the call at once, and cannot come back into it by themselves.',
      choices: [{ value: 'remove', label: 'Remove', look: 'danger' }], run: () => request('POST', `${path}/remove`), explain: staffRefusal,
    });
  }

  async #toggleLock() {
    try {
      this.know(await request('POST', `/calls/${encodeURIComponent(this.id)}/lock`, { locked: !this.locked }));
    } catch (err) {
      this.emit('told', staffRefusal(err));
    }
  }

  /**
   * What is known of a call: others may have locked ours.
   * @param {{id: string, locked?: boolean}} call
   */
  know(call) {
    if (call.id !== this.id) return;
    this.locked = call.locked === true;
    this.#renderLock();
  }

  #renderLock() {
    this.#lock.setAttribute('aria-pressed', String(this.locked));
    setText(this.#lock, this.locked ? 'Unlock' : 'Lock');
    this.#lock.title = this.locked ? 'Nobody can come in by a link' : 'Let nobody else in by a link';
  }
}
