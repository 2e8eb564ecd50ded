// Pure functions on session descriptions (RFC 8866, RFC 8829). They only ever
// shape what is *sent* to the server; what the browser itself holds is left
// alone, because the server's answer decides what is used.

import { AtriumError } from './errors.js';

/** Header extensions the server uses; all others are not offered. */
export const EXTENSIONS = Object.freeze([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
]);

const CODECS = Object.freeze(['vp8', 'opus']);

/**
 * One m-section.
 * @typedef {object} Section
 * @property {string} kind "audio", "video", …
 * @property {string} mid
 * @property {string} direction
 * @property {string[]} lines with the m-line, without line ends
 */

/**
 * Cuts a description into the session part and its m-sections.
 * @param {string} sdp
 * @returns {{session: string[], media: Section[]}}
 */
export function parse(sdp) {
  /** @type {string[]} */
  const session = [];
  /** @type {Section[]} */
  const media = [];
  for (const line of sdp.split(/\r?\n/)) {
    if (line === '') continue;
    if (line.startsWith('m=')) {
      media.push({ kind: line.slice(2).split(' ', 1)[0] ?? '', mid: '', direction: 'sendrecv', lines: [line] });
      continue;
    }
    const section = media.at(-1);
    if (!section) {
      session.push(line);
      continue;
    }
    section.lines.push(line);
    if (line.startsWith('a=mid:')) section.mid = line.slice(6);
    if (/^a=(sendonly|recvonly|sendrecv|inactive)$/.test(line)) section.direction = line.slice(2);
  }
  return { session, media };
}

/**
 * Puts the parts together again.
 * @param {{session: string[], media: Section[]}} parts
 * @returns {string}
 */
function format(parts) {
  return [...parts.session, ...parts.media.flatMap((section) => section.lines), ''].join('\r\n');
}

/**
 * Makes the offer that goes to the server: VP8 + RTX and Opus only, the header
 * extensions of EXTENSIONS only, and no address of this machine. The server is
 * ICE-lite and learns where we are from our checks (RFC 8445 §7.3.1.3), so
 * candidates would tell it about the local network and nothing that it needs.
 * @param {string} sdp
 * @returns {string}
 */
export function trimOffer(sdp) {
  const parts = parse(sdp);
  for (const section of parts.media) {
    if (section.kind !== 'audio' && section.kind !== 'video') continue;
    section.lines = withoutCodecs(section.lines).filter(keepLine).map(withoutAddress);
  }
  return format(parts);
}

/** @param {string} line */
function keepLine(line) {
  if (line.startsWith('a=candidate:') || line === 'a=end-of-candidates') return false;
  if (!line.startsWith('a=extmap:')) return true;
  return EXTENSIONS.includes(line.split(' ')[1] ?? '');
}

/** @param {string} line */
function withoutAddress(line) {
  if (line.startsWith('c=')) return 'c=IN IP4 0.0.0.0';
  if (line.startsWith('a=rtcp:')) return 'a=rtcp:9 IN IP4 0.0.0.0';
  if (line.startsWith('m=')) return line.replace(/^(m=\S+) [1-9]\d* /, '$1 9 ');
  return line;
}

/**
 * Removes payload types other than CODECS and the RTX that repairs them.
 * @param {string[]} lines of one section
 * @returns {string[]}
 */
function withoutCodecs(lines) {
  /** @type {Map<string, string>} */
  const names = new Map();
  /** @type {Map<string, string>} */
  const repairs = new Map();
  for (const line of lines) {
    const map = /^a=rtpmap:(\d+) ([^/\s]+)\//.exec(line);
    if (map) names.set(map[1] ?? '', (map[2] ?? '').toLowerCase());
    const apt = /^a=fmtp:(\d+) (?:.*;)?\s*apt=(\d+)/.exec(line);
    if (apt) repairs.set(apt[1] ?? '', apt[2] ?? '');
  }
  const keep = (/** @type {string} */ pt) => {
    const name = names.get(pt) ?? '';
    if (name === 'rtx') return CODECS.includes(names.get(repairs.get(pt) ?? '') ?? '');
    return CODECS.includes(name);
  };
  return lines
    .filter((line) => {
      const about = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line);
      return !about || keep(about[1] ?? '');
    })
    .map((line) => {
      if (!line.startsWith('m=')) return line;
      const words = line.split(' ');
      return [...words.slice(0, 3), ...words.slice(3).filter(keep)].join(' ');
    });
}

/**
 * Tells Chromium's estimator where to begin with what it sends: left at its own
 * 300 kbit/s, its first probes often come before there is video to probe with,
 * and it then takes half a minute to afford the largest layer. Other browsers
 * ignore the parameter.
 * @param {string} answer
 * @param {number} kilobits per second
 * @returns {string}
 */
export function withStartBitrate(answer, kilobits) {
  const parts = parse(answer);
  for (const section of parts.media) {
    if (section.kind !== 'video' || section.direction !== 'recvonly') continue;
    const vp8 = /^a=rtpmap:(\d+) VP8\//im.exec(section.lines.join('\n'))?.[1];
    if (!vp8) continue;
    const parameter = `x-google-start-bitrate=${kilobits}`;
    const at = section.lines.findIndex((line) => line.startsWith(`a=fmtp:${vp8} `));
    if (at >= 0) section.lines[at] += `;${parameter}`;
    else section.lines.splice(section.lines.findIndex((line) => line.startsWith(`a=rtpmap:${vp8} `)) + 1, 0, `a=fmtp:${vp8} ${parameter}`);
  }
  return format(parts);
}

/**
 * The m-lines of an offer for a pool, in order.
 * @param {import('./protocol.js').Pool} pool
 * @returns {{kind: 'audio'|'video', direction: 'sendonly'|'recvonly', group: string}[]}
 *   group: the source that is sent, or `pair-0`…, `video-0`…, `screen`
 */
export function plan(pool) {
  /** @type {ReturnType<typeof plan>} */
  const lines = [
    { kind: 'audio', direction: 'sendonly', group: 'microphone' },
    { kind: 'video', direction: 'sendonly', group: 'camera' },
    { kind: 'video', direction: 'sendonly', group: 'screen' },
    { kind: 'audio', direction: 'sendonly', group: 'screen_audio' },
  ];
  const pair = (/** @type {string} */ group) => {
    lines.push({ kind: 'audio', direction: 'recvonly', group }, { kind: 'video', direction: 'recvonly', group });
  };
  for (let i = 0; i < pool.pairs; i++) pair(`pair-${i}`);
  for (let i = 0; i < pool.videos; i++) lines.push({ kind: 'video', direction: 'recvonly', group: `video-${i}` });
  if (pool.screen) pair('screen');
  return lines;
}

/**
 * Throws when an offer's m-lines are not those of the plan: a browser that
 * reorders them would have its slots crossed.
 * @param {string} sdp
 * @param {import('./protocol.js').Pool} pool
 */
export function checkOffer(sdp, pool) {
  const want = plan(pool);
  const { media } = parse(sdp);
  if (media.length !== want.length) {
    throw new AtriumError('offer_lines', `the browser offers ${media.length} m-lines, not ${want.length}`);
  }
  want.forEach((line, i) => {
    const got = media[i];
    if (got?.kind !== line.kind || got.direction !== line.direction) {
      throw new AtriumError('offer_lines', `m-line ${i} is ${got?.kind} ${got?.direction}, not ${line.kind} ${line.direction}`);
    }
  });
}
