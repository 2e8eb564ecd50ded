// The start page: a pasted link is opened.

import { byId } from './dom.js';

const form = byId('open', HTMLFormElement);
const input = byId('link', HTMLInputElement);
const error = byId('link-error', HTMLElement);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const secret = secretOf(input.value);
  error.hidden = secret !== '';
  input.setAttribute('aria-invalid', String(secret === ''));
  if (secret) {
    // The page behind /e knows where every guest's link leads.
    location.assign(`${/\/(?=r#|i#)(.)#/.exec(input.value)?.[0]?.slice(0, -1) ?? '/e'}#${secret}`);
    return;
  }
  error.textContent = 'This is not a complete link. It looks like https://…/e#… – please copy all of it.';
  input.focus();
});

/**
 * @param {string} text a link, or the part behind its #
 * @returns {string} "" when there is none in it
 */
function secretOf(text) {
  const part = text.trim().split('#').at(-1) ?? '';
  return /^[A-Za-z0-9_.~-]{8,200}$/.test(part) ? part : '';
}
