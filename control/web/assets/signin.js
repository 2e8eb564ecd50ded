// Signing in to the console.

import { request } from './api.js';
import { byId, setText } from './dom.js';
import { staffRefusal } from './staffwords.js';

export class SignIn {
  #view = byId('signin', HTMLElement);
  #email = byId('email', HTMLInputElement);
  #password = byId('password', HTMLInputElement);
  #button = byId('sign-in', HTMLButtonElement);
  #error = byId('signin-error', HTMLElement);
  #note = byId('signin-note', HTMLElement);

  /** @param {() => Promise<void>} onDone signed in */
  constructor(onDone) {
    byId('signin-form', HTMLFormElement).addEventListener('submit', async (event) => {
      event.preventDefault();
      if (this.#button.getAttribute('aria-disabled') === 'true') return;
      this.#say('', '');
      const missing = [this.#email, this.#password].find((input) => !input.value.trim());
      if (missing) {
        this.#say('Please enter your e-mail address and your password.', '');
        return missing.focus();
      }
      this.#button.setAttribute('aria-disabled', 'true');
      try {
        await request('POST', '/sessions', { email: this.#email.value.trim(), password: this.#password.value });
        this.#password.value = '';
        await onDone();
      } catch (err) {
        this.#say(staffRefusal(err), '');
      }
      this.#button.removeAttribute('aria-disabled');
    });
    byId('mail-link', HTMLButtonElement).addEventListener('click', () => void this.#mailLink());
  }

  /** @param {string} note why one has to sign in again */
  show(note) {
    this.#view.hidden = false;
    this.#say('', note);
    document.title = 'Sign in · Atrium';
    this.#email.focus();
  }

  hide() {
    this.#view.hidden = true;
  }

  async #mailLink() {
    const email = this.#email.value.trim();
    if (!email) {
      this.#say('Please enter your e-mail address first.', '');
      return this.#email.focus();
    }
    try {
      await request('POST', '/sign-in-links', { email });
      this.#say('', 'If there is an account with this address, a link to sign in is on its way to it.');
    } catch (err) {
      this.#say(staffRefusal(err), '');
    }
  }

  /**
   * @param {string} error
   * @param {string} note
   */
  #say(error, note) {
    this.#error.hidden = error === '';
    setText(this.#error, error);
    this.#note.hidden = note === '';
    setText(this.#note, note);
  }
}
