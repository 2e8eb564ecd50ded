// Before the call: name, camera and microphone. Joining works without either.

import { byId, h, icon, setText } from './dom.js';
import { fillDeviceFields } from './fields.js';
import { Meter } from './meter.js';
import { bothDeviceWords, endWords } from './words.js';

/** @typedef {import('./devices.js').Devices} Devices */

export class Prejoin {
  #devices;
  #onJoin;
  #view = byId('prejoin', HTMLElement);
  #video = byId('preview', HTMLVideoElement);
  #off = byId('preview-off', HTMLElement);
  #mic = byId('pre-mic', HTMLButtonElement);
  #cam = byId('pre-cam', HTMLButtonElement);
  #name = byId('name', HTMLInputElement);
  #nameError = byId('name-error', HTMLElement);
  #join = byId('join', HTMLButtonElement);
  #error = byId('join-error', HTMLElement);
  #words = byId('mic-words', HTMLElement);
  #asking = false;
  #heard = false;
  #meter = new Meter((level, heard) => this.#level(level, heard));
  /** @type {() => void} */
  #unsubscribe = () => {};

  /**
   * @param {Devices} devices
   * @param {(name: string) => Promise<void>} onJoin rejects with an AtriumError
   */
  constructor(devices, onJoin) {
    this.#devices = devices;
    this.#onJoin = onJoin;
    this.#mic.addEventListener('click', () => void devices.set('mic', !devices.active('mic')));
    this.#cam.addEventListener('click', () => void devices.set('cam', !devices.active('cam')));
    byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#name.addEventListener('input', () => this.#showNameError(''));
    byId('pre-devices', HTMLDetailsElement).open = matchMedia('(min-width: 56rem) and (min-height: 52rem)').matches;
  }

  /**
   * Shows the view and asks for camera and microphone.
   * @param {string} name to begin with
   */
  async show(name) {
    document.title = 'Join the call · Atrium';
    this.#view.hidden = false;
    this.#name.value ||= name;
    this.#showError('');
    this.#busy(false);
    this.#unsubscribe();
    this.#unsubscribe = this.#devices.on('change', () => this.#render());
    this.#asking = true;
    this.#render();
    await this.#devices.open();
    this.#asking = false;
    this.#render();
  }

  hide() {
    this.#unsubscribe();
    this.#meter.close();
    this.#view.hidden = true;
    this.#video.srcObject = null;
  }

  async #submit() {
    if (this.#join.getAttribute('aria-disabled') === 'true') return;
    const name = this.#name.value.trim().replace(/\s+/g, ' ');
    if (!name) {
      this.#showNameError('Please enter your name.');
      this.#name.focus();
      return;
    }
    this.#showError('');
    this.#busy(true);
    try {
      await this.#onJoin(name);
    } catch (err) {
      const { title, text } = endWords(err instanceof Error && 'code' in err ? String(err.code) : '');
      this.#showError(`${title}. ${text}`);
    }
    this.#busy(false);
  }

  /** @param {boolean} busy */
  #busy(busy) {
    // Not `disabled`: the button would lose the focus of a keyboard user.
    this.#join.setAttribute('aria-disabled', String(busy));
    setText(this.#join, busy ? 'Joining…' : 'Join the call');
  }

  /** @param {string} text */
  #showNameError(text) {
    this.#nameError.hidden = text === '';
    setText(this.#nameError, text);
    this.#name.setAttribute('aria-invalid', String(text !== ''));
  }

  /** @param {string} text */
  #showError(text) {
    this.#error.hidden = text === '';
    setText(this.#error, text);
  }

  #render() {
    const { track, problem } = this.#devices;
    const stream = /** @type {MediaStream|null} */ (this.#video.srcObject);
    if (stream?.getTracks()[0] !== (track.cam ?? undefined)) {
      this.#video.srcObject = track.cam ? new MediaStream([track.cam]) : null;
    }
    const camOn = this.#devices.active('cam');
    const micOn = this.#devices.active('mic');
    this.#video.hidden = !camOn;
    const waiting = 'Your browser may ask to use your camera and microphone. Please choose “Allow”.';
    setText(this.#off, this.#asking ? waiting : camOn ? '' : 'Your camera is off');
    toggle(this.#mic, micOn, 'mic', 'Microphone');
    toggle(this.#cam, camOn, 'cam', 'Camera');
    const words = this.#asking ? '' : bothDeviceWords(problem.mic, problem.cam);
    const notice = byId('device-notice', HTMLElement);
    notice.hidden = words === '';
    setText(notice, words);
    this.#meter.measure(micOn ? track.mic : null);
    this.#showMicWords();
    if (!this.#asking) void fillDeviceFields(byId('pre-device-fields', HTMLElement), this.#devices, 'pre');
  }

  /**
   * @param {number} level
   * @param {boolean} heard
   */
  #level(level, heard) {
    byId('meter', HTMLElement).style.setProperty('--level', level.toFixed(2));
    if (!heard || this.#heard) return;
    this.#heard = true;
    this.#showMicWords();
  }

  #showMicWords() {
    const words = this.#devices.active('mic')
      ? this.#heard ? 'Your microphone works.' : 'Say something: the bar should move.'
      : this.#asking ? '' : 'Your microphone is off.';
    setText(this.#words, words);
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} on
 * @param {'mic'|'cam'} which
 * @param {string} label
 */
function toggle(button, on, which, label) {
  const words = `${label} is ${on ? 'on' : 'off'}. Switch it ${on ? 'off' : 'on'}`;
  if (button.title === words) return;
  button.title = words;
  button.classList.toggle('off', !on);
  button.dataset.on = String(on);
  button.replaceChildren(icon(on ? which : `${which}-off`), h('span', { class: 'unseen' }, words));
}
