// The page of invitations and sign-in links of staff. Opening it uses nothing
// up; the button does.

import { request } from './api.js';
import { byId, setText } from './dom.js';
import { endWords } from './words.js';
import { staffRefusal } from './staffwords.js';

/** Shortest password that the server takes. */
const SHORTEST = 12;

const secret = location.hash.slice(1);
addEventListener('hashchange', () => location.reload());

const form = byId('accept', HTMLFormElement);
const button = byId('go', HTMLButtonElement);
const name = byId('name', HTMLInputElement);
const password = byId('password', HTMLInputElement);
/** @type {'invitation'|'sign_in'} */
let kind = 'sign_in';

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void submit();
});

void start();

async function start() {
  if (!secret) return dead('not_found');
  /** @type {{kind: 'invitation'|'sign_in', name?: string, email?: string, organisation?: string}} */
  let link;
  try {
    link = await request('POST', '/invitations/look', { link: secret });
  } catch (err) {
    return dead(String(Object(err).code ?? ''));
  }
  kind = link.kind;
  const invited = kind === 'invitation';
  byId('opening', HTMLElement).hidden = true;
  byId('ready', HTMLElement).hidden = false;
  byId('account-fields', HTMLElement).hidden = !invited;
  setText(byId('title', HTMLElement), invited ? `Welcome to ${link.organisation || 'Atrium'}` : 'Sign in');
  setText(byId('lead', HTMLElement), invited
    ? 'You are invited to work with your team here. Choose the name that others see, and a password.'
    : `You sign in${link.name ? ` as ${link.name}` : ''}${link.organisation ? ` at ${link.organisation}` : ''}. This link works once.`);
  setText(button, invited ? 'Create my account' : 'Sign in');
  byId('username', HTMLInputElement).value = link.email ?? '';
  name.value = link.name ?? '';
  document.title = `${invited ? 'Invitation' : 'Sign in'} · Atrium`;
  if (invited) name.focus();
  else button.focus();
}

async function submit() {
  if (button.getAttribute('aria-disabled') === 'true') return;
  fail('');
  if (kind === 'invitation' && !name.value.trim()) {
    fail('Please enter your name.');
    return name.focus();
  }
  if (kind === 'invitation' && password.value.length < SHORTEST) {
    fail(`Please choose a password of at least ${SHORTEST} characters.`);
    return password.focus();
  }
  button.setAttribute('aria-disabled', 'true');
  try {
    if (kind === 'invitation') await request('POST', '/invitations/accept', { link: secret, name: name.value.trim(), password: password.value });
    else await request('POST', '/sessions', { link: secret });
    location.replace('/console');
  } catch (err) {
    const { code } = Object(err);
    if (code === 'link_unknown' || code === 'not_found') return dead(code);
    const weak = Object(err).fields?.password;
    fail(weak ? `About the password: ${weak}.` : staffRefusal(err));
  }
  button.removeAttribute('aria-disabled');
}

/** @param {string} words */
function fail(words) {
  const error = byId('accept-error', HTMLElement);
  error.hidden = words === '';
  setText(error, words);
}

/** @param {string} code */
function dead(code) {
  byId('opening', HTMLElement).hidden = true;
  byId('ready', HTMLElement).hidden = true;
  byId('dead', HTMLElement).hidden = false;
  const { title, text } = endWords(code);
  setText(byId('dead-title', HTMLElement), title);
  setText(byId('dead-text', HTMLElement), code === 'link_unknown' || code === 'not_found'
    ? 'It may have been used already, or it is too old. You can sign in with your password, or ask for a new link there.' : text);
  byId('dead-title', HTMLElement).focus();
}
