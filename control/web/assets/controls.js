// The row of buttons below the call.

import { h, icon, setAttr, setText } from './dom.js';

/** @typedef {import('./dom.js').IconName} IconName */

/**
 * @typedef {object} Look
 * @property {IconName} icon
 * @property {string} words below the icon
 * @property {string} [label] said by screen readers, when the words alone are not enough
 * @property {'on'|'off'|''} [state]
 * @property {boolean} [expanded]
 * @property {number} [badge]
 * @property {boolean} [disabled]
 */

export class Control {
  element;
  #words = h('span', { class: 'words' });
  #unseen = h('span', { class: 'unseen' });
  #badge = h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
  #icon = '';

  /**
   * @param {string} testid
   * @param {() => void} onClick
   * @param {string} [className]
   */
  constructor(testid, onClick, className = '') {
    this.element = h('button', { type: 'button', class: `control ${className}`.trim(), 'data-testid': testid, onclick: onClick },
      this.#words, this.#unseen, this.#badge);
  }

  /** @param {Look} look */
  show(look) {
    const { element } = this;
    if (this.#icon !== look.icon) {
      element.querySelector('svg')?.remove();
      element.prepend(icon(look.icon));
      this.#icon = look.icon;
    }
    setText(this.#words, look.words);
    // The visible words begin the accessible name (WCAG 2.5.3).
    setText(this.#unseen, look.label ? `, ${look.label}` : '');
    setAttr(element, 'title', look.label ?? null);
    setAttr(element, 'data-state', look.state ?? '');
    element.classList.toggle('on', look.state === 'on');
    element.classList.toggle('off', look.state === 'off');
    if (look.expanded !== undefined) setAttr(element, 'aria-expanded', String(look.expanded));
    element.disabled = look.disabled === true;
    this.#badge.hidden = !look.badge;
    setText(this.#badge, look.badge ? String(Math.min(99, look.badge)) : '');
  }
}
