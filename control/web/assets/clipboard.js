// Links are copied, so that people can send them by whatever they use.

import { say } from './announce.js';
import { h } from './dom.js';

/** What the button says stays this long, in ms. */
const SAID_MS = 3000;

/**
 * Copies a link and says so on the button. Where the browser forbids it, the
 * link is shown to be copied by hand.
 * @param {HTMLButtonElement} button
 * @param {string} link
 */
export async function copyLink(button, link) {
  const words = button.dataset.words ??= button.textContent ?? '';
  try {
    await navigator.clipboard.writeText(link);
    button.textContent = 'Copied';
    say('The link is copied');
  } catch {
    if (link === location.href) button.textContent = 'Please copy it from the address bar';
    else showLink(button, link);
  }
  setTimeout(() => (button.textContent = words), SAID_MS);
}

/**
 * @param {HTMLElement} after
 * @param {string} link
 */
function showLink(after, link) {
  const id = `shown-${after.id || 'link'}`;
  document.getElementById(id)?.remove();
  const input = h('input', { type: 'text', id, readonly: true, 'aria-label': 'The link, to be copied', value: link });
  after.after(input);
  input.select();
}

/**
 * The address of a link that an answer holds: it may be the secret alone.
 * @param {string} link
 * @param {string} page its path, such as /e
 */
export function linkURL(link, page) {
  return /^https?:/.test(link) ? link : `${location.origin}${page}#${link}`;
}
