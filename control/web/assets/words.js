// The sentences people read when something is not as it should be. They say
// what happened and what to do, without technical terms.

/**
 * Why the call could not be joined, or ended, by code.
 * @type {Readonly<Record<string, {title: string, text: string, again: boolean}>>}
 */
const ENDS = Object.freeze({
  left: { title: 'You left the call', text: 'The others can go on without you. You can come back with the button below.', again: true },
  room_closed: { title: 'The call has ended', text: 'It was ended for everybody.', again: false },
  removed: { title: 'You were taken out of the call', text: 'The person who runs this call has removed you. If you think that is a mistake, please contact them.', again: false },
  replaced: { title: 'The call is open somewhere else', text: 'You joined from another window or device, so this one was disconnected.', again: true },
  seat_expired: { title: 'The connection was lost for too long', text: 'We kept your place for a while, but the connection did not come back.', again: true },
  resume_unknown: { title: 'The connection was lost for too long', text: 'Your place in the call is no longer kept. You can join again.', again: true },
  connection_lost: { title: 'The connection was lost', text: 'Please check your internet connection, then join again.', again: true },
  timeout: { title: 'The call does not answer', text: 'Please check your internet connection, then try again.', again: true },
  shutdown: { title: 'The service is busy or being restarted', text: 'This takes a moment. Please join again shortly.', again: true },
  too_slow: { title: 'Your connection is too slow', text: 'If you can, move closer to your Wi-Fi or change to another network, then join again.', again: true },
  unsupported: { title: 'This browser cannot make video calls', text: 'Please open the link in a current version of Safari, Chrome, Edge or Firefox.', again: false },
  room_full: { title: 'The call is full', text: 'As many people as it holds are in it already. Please try again in a few minutes.', again: true },
  not_found: { title: 'This link does not work', text: 'It may be incomplete, or no longer valid. Please open the link you were sent once more, or ask for a new one.', again: false },
  rate_limited: { title: 'Too many tries', text: 'Please wait a minute, then try again.', again: true },
  offline: { title: 'You are not connected to the internet', text: 'Please check your connection, then try again.', again: true },
});

const UNKNOWN = Object.freeze({ title: 'Something went wrong', text: 'Please try again. If it happens again, contact the person who sent you the link.', again: true });

/** Codes that mean one of the above, in other words. @type {Readonly<Record<string, string>>} */
const ALIASES = Object.freeze({
  capacity: 'room_full', too_many_requests: 'rate_limited', bad_link: 'not_found', link_unknown: 'not_found', gone: 'not_found',
  seat_taken: 'replaced', unavailable: 'shutdown', busy: 'shutdown', storage_full: 'shutdown',
});

/**
 * @param {string} code of an AtriumError or a problem document
 * @returns {{title: string, text: string, again: boolean}} again: joining again can work
 */
export function endWords(code) {
  const key = ALIASES[code] ?? code;
  return Object.hasOwn(ENDS, key) ? /** @type {typeof UNKNOWN} */ (ENDS[key]) : UNKNOWN;
}

/**
 * What hinders a device.
 * @typedef {''|'denied'|'none'|'busy'|'insecure'|'failed'} Problem
 */

/** @type {Record<'mic'|'cam', Record<Exclude<Problem, ''>, string>>} */
const DEVICE = {
  mic: {
    denied: 'Your browser does not let this page use the microphone. Choose the camera or lock symbol beside the page’s address, allow the microphone and load the page again.',
    none: 'We found no microphone. You can join and listen, and write in the chat.',
    busy: 'Another program is using your microphone. Close it, then switch the microphone on again.',
    insecure: 'The microphone only works when the address begins with https.',
    failed: 'Your microphone could not be started.',
  },
  cam: {
    denied: 'Your browser does not let this page use the camera. Choose the camera or lock symbol beside the page’s address, allow the camera and load the page again.',
    none: 'We found no camera. You can join without one.',
    busy: 'Another program is using your camera. Close it, then switch the camera on again.',
    insecure: 'The camera only works when the address begins with https.',
    failed: 'Your camera could not be started.',
  },
};

/**
 * @param {'mic'|'cam'} which
 * @param {Problem} problem
 */
export function deviceWords(which, problem) {
  return problem === '' ? '' : DEVICE[which][problem];
}

/**
 * One sentence for both devices together.
 * @param {Problem} mic
 * @param {Problem} cam
 */
export function bothDeviceWords(mic, cam) {
  if (mic === 'denied' && cam === 'denied') {
    return 'Your browser does not let this page use your camera and microphone. Choose the camera or lock symbol beside the page’s address, allow both and load the page again. You can also join without them: you will see and hear the others.';
  }
  if (mic === 'insecure' || cam === 'insecure') {
    return 'Camera and microphone only work when the address begins with https. You can join without them.';
  }
  if (mic === 'none' && cam === 'none') return 'We found no camera and no microphone. You can join to see and hear the others, and write in the chat.';
  return [deviceWords('mic', mic), deviceWords('cam', cam)].filter(Boolean).join(' ');
}

/**
 * @param {{score: string, reason?: string}|undefined} quality
 * @param {boolean} self
 * @returns {string} "" when there is nothing to say
 */
export function qualityWords(quality, self) {
  if (!quality || quality.score === 'good') return '';
  if (quality.score === 'lost') return self ? 'No connection' : 'Connection lost';
  const whose = self ? 'Your' : 'Their';
  const how = quality.score === 'poor' ? 'very weak' : 'weak';
  if (quality.reason === 'upload') return `${whose} upload is ${how}`;
  if (quality.reason === 'download') return `${whose} download is ${how}`;
  return `${whose} connection is ${how}`;
}

/**
 * Two letters at most for a name.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/[\s\-_.]+/u).filter(Boolean);
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? [...(words.at(-1) ?? '')][0] ?? '' : '';
  return (first + last).toLocaleUpperCase();
}

/**
 * A number 0..7 that stays with an id: its colour.
 * @param {string} id
 */
export function hue(id) {
  let sum = 0;
  for (let i = 0; i < id.length; i++) sum = (sum * 31 + id.charCodeAt(i)) % 9973;
  return sum % 8;
}

/** @param {number} n */
export function peopleWords(n) {
  return n === 1 ? '1 person' : `${n} people`;
}

/** @param {number} ms */
function soon(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds >= 90) return `in ${Math.round(seconds / 60)} minutes`;
  return seconds >= 50 ? 'in a minute' : `in ${seconds} seconds`;
}

/**
 * What a notice of the call says; "" when there is nothing to say.
 * @param {{code: string, text: string, at: Date|null}} notice
 * @param {number} now by the server's clock, in ms
 */
export function noticeWords({ code, text, at }, now) {
  const when = at ? soon(at.getTime() - now) : '';
  switch (code) {
    case 'draining': return 'The service will be restarted soon. Please bring the call to an end.';
    case 'ending': return when && `The session ends for everybody ${when}.`;
    case 'breakouts_ending': return when && `The breakout rooms close ${when}. Everybody comes back by themselves.`;
    case 'broadcast': return `To everybody: ${text}`;
    case 'help': return 'Somebody in a breakout room asks for help.';
    case 'ask_unmute': return ['microphone', 'camera'].includes(text) ? `The moderator asks you to switch your ${text} on.` : '';
    default: return '';
  }
}
