// Own picture, level of the microphone and choice of devices, as they stand
// before a call and while somebody waits.

import { byId, h, icon, setText } from './dom.js';
import { fillDeviceFields } from './fields.js';
import { Meter } from './meter.js';
import { bothDeviceWords } from './words.js';

/** @typedef {import('./devices.js').Devices} Devices */

/** The section with the id `check` of a page. */
export class DeviceCheck {
  /** It can be moved from one view to another. */
  element = byId('check', HTMLElement);

  #devices;
  #video = byId('preview', HTMLVideoElement);
  #off = byId('preview-off', HTMLElement);
  #mic = byId('pre-mic', HTMLButtonElement);
  #cam = byId('pre-cam', HTMLButtonElement);
  #words = byId('mic-words', HTMLElement);
  #asking = false;
  #heard = false;
  #meter = new Meter((level, heard) => this.#level(level, heard));
  /** @type {() => void} */
  #unsubscribe = () => {};

  /** @param {Devices} devices */
  constructor(devices) {
    this.#devices = devices;
    this.#mic.addEventListener('click', () => void devices.set('mic', !devices.active('mic')));
    this.#cam.addEventListener('click', () => void devices.set('cam', !devices.active('cam')));
    byId('pre-devices', HTMLDetailsElement).open = matchMedia('(min-width: 56rem) and (min-height: 52rem)').matches;
  }

  /** Shows the state of the devices from now on; asks for them first unless they are open. */
  async show() {
    this.#unsubscribe();
    this.#unsubscribe = this.#devices.on('change', () => this.#render());
    const { track } = this.#devices;
    this.#asking = !track.mic && !track.cam;
    this.#render();
    if (!this.#asking) return;
    await this.#devices.open();
    this.#asking = false;
    this.#render();
  }

  hide() {
    this.#unsubscribe();
    this.#meter.close();
    this.#video.srcObject = null;
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
