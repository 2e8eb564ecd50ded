// Questions to the person, in the dialog with the id `ask` of a page.

import { byId, h, setText } from './dom.js';

/**
 * @typedef {object} Choice
 * @property {string} value
 * @property {string} label
 * @property {'primary'|'danger'|''} [look]
 * @property {boolean} [plain] needs nothing of the form
 */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {'text'|'password'|'datetime-local'|'textarea'|'select'} type
 * @property {string} [hint]
 * @property {string} [value]
 * @property {boolean} [required]
 * @property {number} [maxlength]
 * @property {string} [autocomplete] for password managers; off by default
 * @property {{value: string, label: string}[]} [options]
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {Field[]} [fields]
 * @property {Choice[]} choices the first is the one that Enter takes
 * @property {string} [cancel] word for closing it
 * @property {(choice: string, values: Record<string, string>) => Promise<void>} [run] a rejection is said in the dialog, which then stays
 * @property {(err: unknown) => string} [explain]
 */

/**
 * Asks, and resolves with what was chosen and typed; null when the dialog was
 * closed.
 * @param {Question} question
 * @returns {Promise<{choice: string, values: Record<string, string>}|null>}
 */
export function ask(question) {
  const dialog = byId('ask', HTMLDialogElement);
  const error = h('p', { class: 'error', role: 'alert', hidden: true, 'data-testid': 'ask-error' });
  const inputs = new Map((question.fields ?? []).map((field) => [field.name, input(field)]));
  return new Promise((resolve) => {
    /** @type {{choice: string, values: Record<string, string>}|null} */
    let answer = null;
    // Every way out settles at once: a browser may tell of the closing only
    // after the next question is up, which must not take it for its own.
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      dialog.onclose = null;
      dialog.oncancel = null;
      if (dialog.open) dialog.close();
      resolve(answer);
    };
    const say = (/** @type {string} */ words) => {
      error.hidden = words === '';
      setText(error, words);
    };
    const choose = async (/** @type {Choice} */ choice) => {
      const values = Object.fromEntries([...inputs].map(([name, element]) => [name, element.type === 'password' ? element.value : element.value.trim()]));
      const wrong = [...inputs.values()].find((element) => !element.checkValidity());
      if (wrong && !choice.plain) {
        say(wrong.validity.valueMissing ? 'Please fill this in.' : 'Please check what you wrote.');
        return wrong.focus();
      }
      say('');
      for (const button of buttons) button.setAttribute('aria-disabled', 'true');
      try {
        await question.run?.(choice.value, values);
        answer = { choice: choice.value, values };
        close();
      } catch (err) {
        say(question.explain?.(err) ?? String(Object(err).message ?? err));
      }
      for (const button of buttons) button.removeAttribute('aria-disabled');
    };
    const buttons = question.choices.map((choice, i) => h('button', {
      type: i === 0 ? 'submit' : 'button', class: `button ${choice.look ?? ''}`, 'data-testid': `ask-${choice.value}`,
      onclick: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (buttons[i]?.getAttribute('aria-disabled') !== 'true') void choose(choice);
      },
    }, choice.label));
    const cancel = h('button', { type: 'button', class: 'button', 'data-testid': 'ask-cancel', onclick: close }, question.cancel ?? 'Cancel');
    dialog.replaceChildren(h('form', { class: 'dialog-body', novalidate: true },
      h('h2', { id: 'ask-title' }, question.title),
      question.text ? h('p', { class: 'ask-text' }, question.text) : null,
      ...(question.fields ?? []).map((field) => row(field, /** @type {HTMLElement} */ (inputs.get(field.name)))),
      error, h('div', { class: 'ask-buttons' }, ...buttons, cancel)));
    dialog.oncancel = close;
    dialog.onclose = () => {
      if (!dialog.open) close();
    };
    dialog.showModal();
    const first = inputs.values().next().value;
    (first ?? buttons[0])?.focus();
  });
}

/** @param {Field} field */
function input(field) {
  const attributes = { id: `ask-${field.name}`, name: field.name, required: field.required, maxlength: field.maxlength, 'data-testid': `ask-${field.name}`,
    'aria-describedby': field.hint ? `ask-${field.name}-hint` : null, autocomplete: field.autocomplete ?? 'off' };
  if (field.type === 'textarea') {
    const area = h('textarea', { ...attributes, rows: 3 });
    area.value = field.value ?? '';
    return area;
  }
  if (field.type === 'select') {
    return h('select', attributes, ...(field.options ?? []).map((option) => h('option', { value: option.value, selected: option.value === field.value }, option.label)));
  }
  return h('input', { ...attributes, type: field.type, value: field.value });
}

/**
 * @param {Field} field
 * @param {HTMLElement} element
 */
function row(field, element) {
  return h('div', { class: 'field' }, h('label', { for: `ask-${field.name}` }, field.label),
    field.hint ? h('p', { class: 'hint', id: `ask-${field.name}-hint` }, field.hint) : null, element);
}
