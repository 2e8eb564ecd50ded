// The dialog for layout and devices during the call.

import { byId, h, icon } from './dom.js';
import { fillDeviceFields } from './fields.js';

/**
 * @typedef {object} SettingsOptions
 * @property {import('./devices.js').Devices} devices
 * @property {import('./stage.js').Stage} stage
 * @property {boolean} canPublish
 * @property {{label: string, icon: import('./dom.js').IconName, testid: string, run: () => void}[]} narrow what a narrow window has no buttons for
 */

export class Settings {
  #options;
  #dialog = byId('settings', HTMLDialogElement);
  #fields = h('div');
  #off;

  /** @param {SettingsOptions} options */
  constructor(options) {
    this.#options = options;
    this.#off = options.devices.on('change', () => {
      if (this.#dialog.open) void fillDeviceFields(this.#fields, options.devices, 'call');
    });
    // A click beside the dialog closes it: the target is then the dialog itself.
    this.#dialog.onclick = (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    };
  }

  open() {
    const { devices, stage, canPublish, narrow } = this.#options;
    const close = h('button', { type: 'button', class: 'icon-button', title: 'Close', 'data-testid': 'settings-close', onclick: () => this.#dialog.close() },
      icon('close'), h('span', { class: 'unseen' }, 'Close'));
    const buttons = narrow.map((entry) => h('button', {
      type: 'button', class: 'button', 'data-testid': entry.testid, onclick: () => {
        this.#dialog.close();
        entry.run();
      },
    }, icon(entry.icon), entry.label));
    this.#dialog.replaceChildren(
      h('header', { class: 'panel-head' }, h('h2', { id: 'settings-title' }, 'Settings'), close),
      h('div', { class: 'dialog-body' },
        h('div', { class: 'narrow-only' }, ...buttons),
        h('fieldset', {}, h('legend', {}, 'How people are shown'),
          h('div', { class: 'choices' }, this.#mode('grid', 'All equal'), this.#mode('speaker', 'Speaker large'))),
        this.#check('self-view', 'Show my own picture', stage.selfView, (on) => {
          stage.selfView = on;
          stage.render();
        }),
        devices.blur === null ? null : this.#check('blur', 'Blur what is behind me', devices.blur, (on) => void devices.setBlur(on)),
        canPublish && this.#fields),
    );
    if (canPublish) void fillDeviceFields(this.#fields, devices, 'call');
    this.#dialog.showModal();
  }

  dismiss() {
    if (this.#dialog.open) this.#dialog.close();
  }

  close() {
    this.#off();
    this.dismiss();
  }

  /**
   * @param {'grid'|'speaker'} mode
   * @param {string} label
   */
  #mode(mode, label) {
    const { stage } = this.#options;
    const input = h('input', { type: 'radio', name: 'mode', value: mode, 'data-testid': `mode-${mode}` });
    input.checked = stage.mode === mode;
    input.addEventListener('change', () => {
      stage.mode = mode;
      stage.pinned = '';
      stage.render();
    });
    return h('label', { class: 'choice' }, input, h('span', {}, icon(mode === 'grid' ? 'grid' : 'stage'), label));
  }

  /**
   * @param {string} testid
   * @param {string} label
   * @param {boolean} checked
   * @param {(on: boolean) => void} onChange
   */
  #check(testid, label, checked, onChange) {
    const input = h('input', { type: 'checkbox', 'data-testid': testid });
    input.checked = checked;
    input.addEventListener('change', () => onChange(input.checked));
    return h('label', { class: 'check-field' }, input, label);
  }
}
