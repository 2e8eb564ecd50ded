// The call: wires the room to its views.

import { sourceOf } from '/sdk/index.js';
import { say, sayNow } from './announce.js';
import { Chat } from './chat.js';
import { copyLink } from './clipboard.js';
import { Control } from './controls.js';
import { byId, h, setText } from './dom.js';
import { Publisher } from './publisher.js';
import { Roster } from './roster.js';
import { Settings } from './settings.js';
import { Sound } from './sound.js';
import { Stage } from './stage.js';
import { deviceWords, noticeWords, peopleWords, qualityWords } from './words.js';

/** Banners about something that passes stay this long, in ms. */
const PASSING_MS = 8000;
/** From here on the time left is shown, in minutes. */
const TIME_SHOWN = 30;

/** @typedef {import('/sdk/index.js').Room} Room */

/**
 * @typedef {object} CallOptions
 * @property {boolean} [page] the call is the whole page, whose title is the call's
 * @property {string} [link] that others come in by; "" when it is not to be passed on
 * @property {string} [title] of a call without a name
 * @property {string} [alone] what is said to who is alone in the call
 * @property {() => void} [leave] what the button does
 * @property {import('./roster.js').Moderation|null} [moderate] what we may do to others
 */

export class Call {
  #room;
  /** @type {Required<CallOptions>} */
  #options;
  #devices;
  #view = byId('call', HTMLElement);
  #stage;
  #publisher;
  #sound = new Sound((blocked) => (byId('unmute-audio', HTMLElement).hidden = !blocked));
  #chat;
  #roster;
  #settings;
  /** @type {Record<'mic'|'cam'|'share'|'hand'|'chat'|'people'|'more'|'leave', Control>} */
  #controls;
  /** @type {(() => void)[]} */
  #off = [];
  #passing = '';
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #passingTimer;
  #clock = setInterval(() => this.#renderTop(), 20_000);
  /** @type {WakeLockSentinel|null} */
  #wake = null;

  /**
   * @param {Room} room connected
   * @param {import('./devices.js').Devices} devices
   * @param {CallOptions} [options]
   */
  constructor(room, devices, options = {}) {
    this.#room = room;
    this.#options = { title: 'Call', page: true, link: location.href, alone: 'You are the first one here. The others come with the same link.', leave: () => void room.leave(), moderate: null, ...options };
    this.#devices = devices;
    this.#stage = new Stage(room, devices);
    this.#publisher = new Publisher(room, devices);
    this.#chat = new Chat(room, { onClose: () => this.#panel('chat'), onUnread: () => this.#renderControls() });
    this.#roster = new Roster(room, this.#stage, {
      onClose: () => this.#panel('people'),
      onCopy: this.#options.link ? (button) => void copyLink(button, this.#options.link) : null,
      moderate: this.#options.moderate,
    });
    this.#controls = this.#makeControls();
    this.#settings = new Settings({
      devices,
      stage: this.#stage,
      canPublish: this.#publisher.may('microphone') || this.#publisher.may('camera'),
      narrow: [
        { label: 'People in the call', icon: 'people', testid: 'narrow-people', run: () => this.#panel('people') },
        ...(this.#canShare() ? [{ label: 'Share my screen', icon: /** @type {const} */ ('screen'), testid: 'narrow-share', run: () => this.#toggleShare() }] : []),
      ],
    });
    this.#subscribe();
  }

  /** Shows the call; the focus goes to its heading. */
  show() {
    this.#view.hidden = false;
    this.#panel(null);
    this.#sound.useSpeaker(this.#devices.choices.speaker ?? '');
    this.#sound.play(this.#room.audio);
    this.#renderAll();
    byId('room-name', HTMLElement).focus();
    say(`You are in the call. ${peopleWords(this.#room.participants.size)} here`);
    void this.#stayAwake();
  }

  /** Takes the view away while we are in no room; what is published stays so. */
  hide() {
    this.#view.hidden = true;
    this.#settings.dismiss();
  }

  close() {
    for (const off of this.#off) off();
    clearInterval(this.#clock);
    clearTimeout(this.#passingTimer);
    this.#publisher.close();
    this.#settings.close();
    this.#stage.close();
    this.#sound.close();
    void this.#wake?.release().catch(() => {});
    this.#view.hidden = true;
  }

  #makeControls() {
    const controls = {
      mic: new Control('mic', () => void this.#devices.set('mic', !this.#devices.active('mic'))),
      cam: new Control('cam', () => void this.#devices.set('cam', !this.#devices.active('cam'))),
      share: new Control('share', () => this.#toggleShare(), 'wide-only'),
      hand: new Control('hand', () => this.#room.hand(!this.#self()?.hand)),
      chat: new Control('chat-toggle', () => this.#panel('chat')),
      people: new Control('people-toggle', () => this.#panel('people'), 'wide-only'),
      more: new Control('more', () => this.#settings.open()),
      leave: new Control('leave', () => this.#options.leave(), 'leave'),
    };
    controls.mic.element.hidden = !this.#publisher.may('microphone');
    controls.cam.element.hidden = !this.#publisher.may('camera');
    controls.share.element.hidden = !this.#canShare();
    byId('controls', HTMLElement).replaceChildren(...Object.values(controls).map((control) => control.element));
    return controls;
  }

  #subscribe() {
    const room = this.#room;
    const listen = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ run) => {
      target.addEventListener(type, run);
      this.#off.push(() => target.removeEventListener(type, run));
    };
    this.#off.push(
      room.on('state', () => this.#stateChanged()),
      room.on('room', () => this.#moved()),
      room.on('controls', () => this.#renderTop()),
      room.on('participants', (change) => this.#peopleChanged(change)),
      room.on('map', () => this.#mapChanged()),
      room.on('speakers', (speakers) => this.#stage.speak(speakers)),
      room.on('quality', (list) => this.#qualityChanged(list)),
      room.on('local-quality', (quality) => this.#qualityChanged([{ participant: room.self.id, ...quality }])),
      room.on('chat', (message) => this.#chat.add(message)),
      room.on('notice', (notice) => this.#noticed(notice)),
      room.on('error', (err) => err.code === 'rate_limited' && this.#pass('That was a little too fast. Please try again in a moment.')),
      this.#devices.on('change', () => this.#devicesChanged()),
      this.#publisher.on('share', () => this.#renderAll()),
      this.#publisher.on('problem', (words) => this.#pass(words)),
      this.#stage.on('more', () => this.#panel('people')),
      this.#stage.on('change', () => this.#roster.render()),
    );
    listen(byId('hear', HTMLElement), 'click', () => void this.#sound.unblock());
    listen(byId('share-stop', HTMLElement), 'click', () => this.#publisher.stopSharing());
    listen(document, 'visibilitychange', () => void this.#stayAwake());
    listen(document, 'keydown', this.#onKey);
  }

  /** Escape closes a panel, as it does a dialog. */
  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || document.querySelector('dialog[open]')) return;
    if (this.#chat.open) this.#panel('chat');
    else if (this.#roster.open) this.#panel('people');
  };

  #self() {
    return this.#room.participants.get(this.#room.self.id);
  }

  #canShare() {
    return this.#publisher.may('screen') && typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  }

  #toggleShare() {
    if (this.#publisher.sharing) this.#publisher.stopSharing();
    else void this.#publisher.share();
  }

  /**
   * Opens or closes a panel; the other closes. The focus returns to the button.
   * @param {'chat'|'people'|null} which
   */
  #panel(which) {
    const open = { chat: this.#chat.open, people: this.#roster.open };
    this.#chat.show(which === 'chat' && !open.chat);
    this.#roster.show(which === 'people' && !open.people);
    if (which && open[which]) {
      const { element } = this.#controls[which];
      (element.offsetParent ? element : this.#controls.more.element).focus();
    }
    this.#renderControls();
  }

  #stateChanged() {
    const { state } = this.#room;
    if (state === 'reconnecting') sayNow('The connection was lost. Reconnecting. Your place is kept.');
    if (state === 'connected') {
      sayNow('');
      this.#sound.play(this.#room.audio);
    }
    this.#renderBanner();
  }

  #moved() {
    this.#obey();
    this.#stage.quality.clear();
    this.#stage.moved();
    this.#chat.people();
    this.#renderAll();
  }

  #mapChanged() {
    this.#sound.play(this.#room.audio);
    this.#stage.render();
  }

  /** @param {import('/sdk/people.js').PeopleChange} change */
  #peopleChanged(change) {
    for (const person of change.joined) say(`${person.name} joined`);
    for (const person of change.left) {
      say(`${person.name} left`);
      this.#stage.quality.delete(person.id);
    }
    for (const person of change.changed) {
      if (person.hand && person.id !== this.#room.self.id && !this.#hands.has(person.id)) say(`${person.name} raised a hand`);
    }
    if (change.joined.length || change.left.length) this.#chat.people();
    this.#obey();
    this.#renderAll();
  }

  /** What a moderator stopped is switched off here too: once they let us, we switch it on. */
  #obey() {
    const self = this.#self();
    if (sourceOf(self, 'microphone')?.muted_by_server && this.#devices.wants.mic) {
      void this.#devices.set('mic', false);
      this.#pass('A moderator has muted you. Raise your hand if you want to say something.');
    }
    if (sourceOf(self, 'camera')?.muted_by_server && this.#devices.wants.cam) {
      void this.#devices.set('cam', false);
      this.#pass('A moderator has stopped your video.');
    }
  }

  /** @param {import('/sdk/place.js').Notice} notice */
  #noticed(notice) {
    const words = noticeWords(notice, this.#room.now.getTime());
    if (words) this.#pass(words);
  }

  /** Whose hand was up at the last look. @type {Set<string>} */
  #hands = new Set();

  /** @param {readonly {participant: string, score: string, reason?: string}[]} list */
  #qualityChanged(list) {
    for (const quality of list) {
      const before = qualityWords(this.#stage.quality.get(quality.participant), true);
      this.#stage.quality.set(quality.participant, quality);
      const now = qualityWords(quality, true);
      if (quality.participant === this.#room.self.id && now && now !== before) say(now);
    }
    this.#stage.render();
    this.#roster.render();
  }

  #devicesChanged() {
    const { problem } = this.#devices;
    this.#sound.useSpeaker(this.#devices.choices.speaker ?? '');
    const words = [deviceWords('mic', problem.mic), deviceWords('cam', problem.cam)].filter(Boolean).join(' ');
    if (words && words !== this.#told) this.#pass(words);
    this.#told = words;
    this.#obey();
    this.#renderAll();
  }

  /** What was said of the devices before the call need not be repeated. */
  #told = '';

  #renderAll() {
    this.#hands = new Set([...this.#room.participants.values()].filter((person) => person.hand).map((person) => person.id));
    this.#renderTop();
    this.#renderBanner();
    this.#renderControls();
    this.#stage.render();
    this.#roster.render();
  }

  #renderTop() {
    const { room, participants } = this.#room;
    const name = room.name || this.#options.title;
    setText(byId('room-name', HTMLElement), name);
    setText(byId('people-count', HTMLElement), peopleWords(participants.size));
    if (this.#options.page && !this.#view.hidden) document.title = `${this.#chat.unread ? `(${this.#chat.unread}) ` : ''}${name} · Atrium`;
    const left = byId('time-left', HTMLElement);
    // In the main room one counts down to the end of the breakout rooms.
    const apart = room.kind !== 'breakout' && room.breakoutsEndAt;
    const end = apart || room.endsAt;
    const minutes = end ? Math.max(0, Math.ceil((end.getTime() - this.#room.now.getTime()) / 60_000)) : Infinity;
    left.hidden = minutes > TIME_SHOWN;
    setText(left, minutes > TIME_SHOWN ? '' : `${apart ? 'Breakout rooms: ' : ''}${minutes} min left`);
    this.#renderAlone(participants.size <= 1 && room.id !== '');
  }

  /** @param {boolean} alone */
  #renderAlone(alone) {
    const box = byId('alone', HTMLElement);
    if (box.hidden !== alone) return;
    box.hidden = !alone;
    if (!alone) return;
    const { link, alone: words } = this.#options;
    const button = h('button', { type: 'button', class: 'button small', 'data-testid': 'copy-link', onclick: () => void copyLink(button, link) }, 'Copy the link');
    box.replaceChildren(h('span', {}, words), ...(link ? [button] : []));
  }

  #renderBanner() {
    const { state } = this.#room;
    const words = state === 'reconnecting' ? 'Reconnecting… Your place is kept.' : state === 'connecting' ? 'Connecting…' : this.#passing;
    const banner = byId('banner', HTMLElement);
    banner.hidden = words === '';
    setText(banner, words);
    byId('sharing', HTMLElement).hidden = !this.#publisher.sharing;
  }

  /** @param {string} words shown for a while and said at once */
  #pass(words) {
    this.#passing = words;
    clearTimeout(this.#passingTimer);
    this.#passingTimer = setTimeout(() => this.#pass(''), PASSING_MS + words.length * 60);
    if (words === '') clearTimeout(this.#passingTimer);
    sayNow(words);
    this.#renderBanner();
  }

  #renderControls() {
    const mic = this.#devices.active('mic');
    const cam = this.#devices.active('cam');
    const hand = this.#self()?.hand === true;
    const { unread } = this.#chat;
    const { sharing } = this.#publisher;
    const controls = this.#controls;
    controls.mic.show({ icon: mic ? 'mic' : 'mic-off', words: mic ? 'Mute' : 'Unmute', label: mic ? 'your microphone is on' : 'your microphone is off', state: mic ? '' : 'off' });
    controls.cam.show({ icon: cam ? 'cam' : 'cam-off', words: cam ? 'Stop video' : 'Start video', label: cam ? 'your camera is on' : 'your camera is off', state: cam ? '' : 'off' });
    controls.share.show({ icon: 'screen', words: sharing ? 'Stop sharing' : 'Share screen', state: sharing ? 'on' : '' });
    controls.hand.show({ icon: 'hand', words: hand ? 'Lower hand' : 'Raise hand', state: hand ? 'on' : '' });
    controls.chat.show({ icon: 'chat', words: 'Chat', label: unread ? `${unread} unread` : undefined, badge: unread, expanded: this.#chat.open });
    controls.people.show({ icon: 'people', words: 'People', expanded: this.#roster.open });
    controls.more.show({ icon: 'more', words: 'More', label: 'layout and devices' });
    controls.leave.show({ icon: 'leave', words: 'Leave' });
    this.#renderTop();
  }

  /** Keeps a phone's screen on; the browser forgets it when the page is hidden. */
  async #stayAwake() {
    if (document.visibilityState !== 'visible') return;
    this.#wake = await navigator.wakeLock?.request('screen').catch(() => null) ?? null;
  }
}
