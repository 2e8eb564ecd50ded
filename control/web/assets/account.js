// The dialog of one's own name and password.

import { request } from './api.js';
import { ask } from './dialog.js';
import { staffRefusal } from './staffwords.js';

/** Shortest password that the server takes. */
const SHORTEST = 12;

/**
 * @param {{name?: string, email?: string}} account
 * @param {boolean} hasPassword false: none has been chosen yet
 * @returns {Promise<{name: string, password: boolean}|null>} what it is now; null: nothing was changed
 */
export async function askAccount(account, hasPassword) {
  /** @type {{name: string, password: boolean}|null} */
  let changed = null;
  await ask({
    title: 'Your name and password', text: account.email ? `You are signed in as ${account.email}.` : '',
    fields: [
      { name: 'name', label: 'Name that others see', type: 'text', required: true, maxlength: 80, value: account.name ?? '', autocomplete: 'name' },
      ...(hasPassword ? [current] : []),
      { name: 'password', label: hasPassword ? 'New password' : 'Password', type: 'password', maxlength: 256, autocomplete: 'new-password',
        hint: `Leave it empty to keep things as they are. At least ${SHORTEST} characters: a few words make a good one. You are signed out everywhere else.` },
    ],
    choices: [{ value: 'save', label: 'Save', look: 'primary' }],
    run: async (_, { name = '', password = '', current_password }) => {
      if (password) check(password, hasPassword, current_password);
      const body = { name: name === account.name ? undefined : name, ...(password ? { password, current_password } : {}) };
      if (body.name === undefined && !password) return;
      const now = await request('PATCH', '/sessions/current/account', body);
      changed = { name: now.name, password: password !== '' };
    },
    explain: (err) => explain(err),
  });
  return changed;
}

/** @type {import('./dialog.js').Field} */
const current = { name: 'current_password', label: 'Present password', hint: 'Only needed to choose a new one.', type: 'password', maxlength: 256, autocomplete: 'current-password' };

/**
 * Says what is missing without asking the server: wrong ones are counted there.
 * @param {string} password
 * @param {boolean} hasPassword
 * @param {string|undefined} before
 */
function check(password, hasPassword, before) {
  if (hasPassword && !before) throw new Error('Please enter your present password too.');
  if (password.length < SHORTEST) throw new Error(`Please choose a password of at least ${SHORTEST} characters.`);
}

/** @param {unknown} err */
function explain(err) {
  const { code, fields, message } = Object(err);
  if (!code) return String(message);
  if (code === 'wrong_credentials') return 'The present password is wrong.';
  if (code === 'rate_limited') return 'Too many wrong passwords. Please wait a quarter of an hour.';
  if (fields?.password) return `About the password: ${fields.password}.`;
  if (fields?.name) return `About the name: ${fields.name}.`;
  return staffRefusal(err);
}
