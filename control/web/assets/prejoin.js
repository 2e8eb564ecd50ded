// Before the call: name, camera and microphone. Joining works without either.

import { DeviceCheck } from './check.js';
import { byId, setText } from './dom.js';
import { endWords } from './words.js';

/** @typedef {import('./devices.js').Devices} Devices */

export class Prejoin {
  #onJoin;
  #check;
  #view = byId('prejoin', HTMLElement);
  #name = byId('name', HTMLInputElement);
  #nameError = byId('name-error', HTMLElement);
  #join = byId('join', HTMLButtonElement);
  #error = byId('join-error', HTMLElement);

  /**
   * @param {Devices} devices
   * @param {(name: string) => Promise<void>} onJoin rejects with an AtriumError
   */
  constructor(devices, onJoin) {
    this.#onJoin = onJoin;
    this.#check = new DeviceCheck(devices);
    byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#name.addEventListener('input', () => this.#showNameError(''));
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
    await this.#check.show();
  }

  hide() {
    this.#check.hide();
    this.#view.hidden = true;
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
}
