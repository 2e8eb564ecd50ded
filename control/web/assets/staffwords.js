// The sentences of the console.

import { endWords } from './words.js';

/**
 * A length of time in words that don't change every second.
 * @param {number} ms
 */
function spanWords(ms) {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} ms */
function clockWords(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** @param {Date} time */
export function timeWords(time) {
  return time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/**
 * @param {Date} day
 * @param {Date} now
 */
export function dayWords(day, now) {
  const days = Math.round((new Date(day).setHours(12, 0, 0, 0) - new Date(now).setHours(12, 0, 0, 0)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Tomorrow';
  return day.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
}

/** @type {Readonly<Record<string, string>>} */
export const DETAILS = Object.freeze({ phone: 'Phone', date_of_birth: 'Date of birth', reference: 'Reference', text: 'Note' });

/** @type {Readonly<Record<string, string>>} */
const KINDS = Object.freeze({ appointment: 'Appointment', consult_now: 'Consult Now', invite: 'Invited' });

/**
 * What to know of a guest besides the name.
 * @param {import('./feed.js').StaffVisit} visit
 * @returns {{words: string, warn: boolean}[]}
 */
export function marks(visit) {
  const { device } = visit;
  return [
    { words: KINDS[visit.kind] ?? '', warn: false },
    { words: visit.connected ? '' : 'Not connected', warn: true },
    { words: device && !device.camera ? 'No camera' : '', warn: true },
    { words: device && !device.microphone ? 'No microphone' : '', warn: true },
    { words: (device?.rtt_ms ?? 0) > 400 ? 'Slow network' : '', warn: true },
    { words: visit.connected && device?.camera && device.microphone && visit.state === 'waiting' ? 'Camera and microphone work' : '', warn: false },
  ].filter((mark) => mark.words !== '');
}

/**
 * @param {import('./feed.js').StaffVisit} visit
 * @param {number} now
 */
export function stateWords(visit, now) {
  const since = (/** @type {string|undefined} */ time) => spanWords(now - new Date(time ?? visit.arrived_at).getTime());
  if (visit.state === 'on_hold') return `On hold for ${since(visit.hold_since)}`;
  if (visit.state === 'in_call') return `Being seen for ${since(visit.seen_at)}`;
  return `Waiting for ${since(visit.arrived_at)}`;
}

/**
 * @param {import('./feed.js').Consult} consult
 * @param {number} now
 */
export function consultWords(consult, now) {
  const left = consult.expires_at ? clockWords(new Date(consult.expires_at).getTime() - now) : '';
  switch (consult.state) {
    case 'sent': return !left ? 'Being sent…' : consult.channel === 'copy' ? `Not opened yet. ${left} left` : `Sent. ${left} left`;
    case 'opened': return `Opened. ${left} left to enter`;
    case 'entered': return 'Has entered';
    case 'expired': return 'Expired';
    case 'failed': return 'It could not be sent';
    default: return 'Withdrawn';
  }
}

/** @type {Readonly<Record<string, string>>} */
const REFUSALS = Object.freeze({
  wrong_credentials: 'The e-mail address or the password is wrong.',
  call_full: 'The call is full. Nobody else can come in.',
  wrong_state: 'That is no longer possible: something has changed meanwhile.',
  area_suspended: 'That area takes nobody at the moment.',
  not_found: 'They are no longer there.',
  forbidden: 'Your role does not allow that.',
  unauthenticated: 'You are signed out. Please sign in again.',
});

/** What was typed in a field that the server refuses. @type {Readonly<Record<string, string>>} */
const WRONG = Object.freeze({
  phone: 'That is no telephone number. Please write it with the country’s code, such as +43 660 1234567.',
  email: 'That is no e-mail address.',
  starts_at: 'Please choose a time that is still to come.',
});

/** @param {unknown} err */
export function staffRefusal(err) {
  const code = String(Object(err).code ?? '');
  if (REFUSALS[code]) return REFUSALS[code];
  const wrong = Object.keys(Object(err).fields ?? {}).find((field) => WRONG[field]);
  if (code === 'invalid' && wrong) return String(WRONG[wrong]);
  if (code === 'invalid' && Object(err).message) return String(Object(err).message);
  const { title, text } = endWords(code);
  return `${title}. ${text}`;
}
