// The sentences of the guest's page.

import { endWords } from './words.js';

/**
 * Where somebody stands in the queue.
 * @param {number} position from 1; 0: not to be shown
 */
export function positionWords(position) {
  if (position < 1) return '';
  if (position === 1) return 'You are next.';
  return position === 2 ? 'There is one person before you.' : `There are ${position - 1} people before you.`;
}

/** @type {Readonly<Record<string, {title: string, text: string, again: boolean}>>} */
const OUTCOMES = Object.freeze({
  completed: { title: 'The call has ended', text: 'Thank you for coming.', again: false },
  left: { title: 'You have left', text: 'If you still need us, use your link again.', again: false },
  refused: { title: 'We cannot see you here now', text: '', again: false },
  removed: { title: 'Your visit was ended', text: 'If you think that is a mistake, please contact the people who sent you the link.', again: false },
  abandoned: { title: 'You were away for too long', text: 'Your place was kept for two minutes. You can enter again.', again: true },
  timed_out: { title: 'Nobody could come to you in time', text: 'We are sorry. Please try again later, or phone if there is a number below.', again: true },
});

/**
 * How a visit ended.
 * @param {string} outcome
 * @param {string} code of the connection's end, when the outcome is not known
 */
export function outcomeWords(outcome, code) {
  return OUTCOMES[outcome] ?? endWords(code);
}

/** @type {Readonly<Record<string, string>>} */
const REFUSALS = Object.freeze({
  area_closed: 'It has closed in the meantime. Please come back when it is open.',
  area_suspended: 'Nobody can enter at the moment. Please try again later.',
  call_full: 'As many people as the call holds are in it already. Please wait a few minutes, then try again.',
  call_locked: 'The call is locked. Please ask the person who invited you to unlock it.',
  registration_closed: 'One can no longer register here. Please ask the people who gave you the link.',
  room_locked: 'The room is locked. Please ask somebody in it to unlock it.',
});

/** @param {unknown} err */
export function refusalWords(err) {
  const code = String(Object(err).code ?? '');
  if (REFUSALS[code]) return REFUSALS[code];
  const { title, text } = endWords(code);
  return `${title}. ${text}`;
}

/**
 * A time of day, with the day unless that is today.
 * @param {Date} at
 * @param {Date} now
 */
export function timeWords(at, now) {
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === now.toDateString()) return `today at ${time}`;
  const tomorrow = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  if (at.toDateString() === tomorrow.toDateString()) return `tomorrow at ${time}`;
  return `${at.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' })} at ${time}`;
}

/** What the way in is called, by kind of link. @type {Readonly<Record<string, {title: string, lead: string}>>} */
const WAYS = Object.freeze({
  area: { title: 'Welcome', lead: 'When you enter, you wait in private until somebody comes to you.' },
  appointment: { title: 'Your appointment', lead: 'When you enter, you wait in private until somebody comes to you.' },
  consult_now: { title: 'Your call is ready', lead: 'Somebody is waiting for you. This link can be used once.' },
  call_invite: { title: 'You are invited to a call', lead: 'You join the call as soon as you enter.' },
  registration: { title: 'Register for a group', lead: 'You get a link of your own: with it you come back when the group starts.' },
  group: { title: 'You are registered', lead: 'The address of this page is your own link: keep it. When you enter, you wait in private until you are let in.' },
  meeting_room: { title: 'Meeting room', lead: 'You join the meeting as soon as you enter.' },
});

/** @param {string} kind */
export function wayWords(kind) {
  return WAYS[kind] ?? /** @type {{title: string, lead: string}} */ (WAYS.area);
}
