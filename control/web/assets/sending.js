// Links that are sent to people, or shown to be copied.

import { request } from './api.js';
import { copyLink, linkURL } from './clipboard.js';
import { ask } from './dialog.js';
import { staffRefusal } from './staffwords.js';

/**
 * What was typed, as the API takes it.
 * @param {string} to
 * @returns {{phone: string}|{email: string}|{copy: true}}
 */
export function contact(to) {
  if (!to) return { copy: true };
  return to.includes('@') ? { email: to } : { phone: to };
}

/**
 * @param {string} [value]
 * @returns {import('./dialog.js').Field}
 */
export function contactField(value = '') {
  return { name: 'to', label: 'Mobile number or e-mail address', hint: 'Leave it empty to copy the link.', type: 'text', maxlength: 254, value };
}

/**
 * Asks where a link is to go, and has it sent there. Where nothing is set up
 * that could send it, it is shown to be copied.
 * @param {{title: string, text: string, path: string, to?: string, cancel?: string}} link path: of the request that sends it
 * @returns {Promise<string>} what to tell, "" for nothing
 */
export async function sendLink({ title, text, path, to, cancel }) {
  /** @type {{channel: string, link?: string}|null} */
  let sent = null;
  const answer = await ask({
    title, text, cancel, fields: [contactField(to)],
    choices: [{ value: 'send', label: 'Send', look: 'primary' }, { value: 'copy', label: 'Show it to copy', plain: true }],
    run: async (choice, { to: typed = '' }) => {
      sent = await request('POST', path, { to: contact(choice === 'copy' ? '' : typed) }, { once: crypto.randomUUID() });
    },
    explain: staffRefusal,
  });
  const { channel, link } = /** @type {{channel?: string, link?: string}} */ (sent ?? {});
  if (link) {
    const unsent = answer?.choice === 'send' && answer.values.to !== '';
    await showLink('The link is ready', linkURL(link, '/e'), unsent ? 'Nothing is set up here that could send it. Please send it to the person yourself.' : undefined);
    return '';
  }
  if (!channel) return '';
  return channel === 'sms' ? 'The link is on its way by text message.' : 'The link is on its way by e-mail.';
}

/**
 * Shows a link to be copied.
 * @param {string} title
 * @param {string} link
 * @param {string} [text]
 */
export async function showLink(title, link, text = 'Send it to the person in any way you like.') {
  const done = ask({
    title, text, fields: [{ name: 'link', label: 'Link', type: 'text', value: link }],
    choices: [{ value: 'copy', label: 'Copy', look: 'primary' }], cancel: 'Close',
    run: async () => {
      const button = /** @type {HTMLButtonElement} */ (document.querySelector('[data-testid=ask-copy]'));
      await copyLink(button, link);
      await new Promise((resolve) => setTimeout(resolve, 600));
    },
  });
  const input = /** @type {HTMLInputElement|null} */ (document.getElementById('ask-link'));
  if (input) {
    input.readOnly = true;
    input.select();
  }
  await done;
}
