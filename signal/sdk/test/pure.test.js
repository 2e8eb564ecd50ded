import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff, pause } from '../js/backoff.js';
import { Emitter } from '../js/emitter.js';
import { activate, ownCodecs, sendEncodings } from '../js/encodings.js';
import { read } from '../js/link.js';
import { applyChange, handsOf, sourceOf } from '../js/people.js';
import { arranged, noticeOf, nowhere, placeOf } from '../js/place.js';
import { Publications } from '../js/publications.js';
import { resolve } from '../js/slots.js';
import { digest, grade } from '../js/stats.js';

test('encodings: smallest first, as the policy says', () => {
  const out = sendEncodings([{ rid: 'f', max_bitrate: 9 }, { rid: 'q', scale_down: 4, max_bitrate: 1 }], 'camera');
  assert.deepEqual(out, [
    { rid: 'q', active: true, scaleResolutionDownBy: 4, maxBitrate: 1 },
    { rid: 'f', active: true, scaleResolutionDownBy: 1, maxBitrate: 9 },
  ]);
  assert.deepEqual(sendEncodings(undefined, 'camera').map((e) => e.rid), ['q', 'h', 'f']);
  assert.deepEqual(sendEncodings([], 'screen').map((e) => e.rid), ['q', 'f']);
});

test('layers: activates what is wanted and says whether that is new', () => {
  const list = [{ rid: 'q' }, { rid: 'h', active: false }];
  assert.equal(activate(list, ['q']), false);
  assert.equal(activate(list, ['h']), true);
  assert.deepEqual(list.map((e) => e.active), [false, true]);
});

test('codecs: VP8, its RTX and Opus', () => {
  const list = ['video/VP8', 'video/rtx', 'video/H264', 'video/red', 'audio/opus', 'audio/CN'].map((mimeType) => ({ mimeType }));
  assert.deepEqual(ownCodecs(list).map((c) => c.mimeType), ['video/VP8', 'video/rtx', 'audio/opus']);
});

test('backoff: doubles to a limit and is spread', () => {
  assert.equal(backoff(0, () => 0), 125);
  assert.equal(backoff(0, () => 1), 250);
  assert.equal(backoff(99, () => 1), 3000);
});

test('pause: wakes when the network returns or when aborted', async () => {
  const network = new EventTarget();
  const waiting = pause(1e6, new AbortController().signal, network);
  network.dispatchEvent(new Event('online'));
  await waiting;
  const stop = new AbortController();
  const other = pause(1e6, stop.signal, network);
  stop.abort();
  await other;
});

test('emitter: unsubscribes, and one bad listener stops no other', () => {
  const reported = [];
  globalThis.reportError = (err) => reported.push(err);
  const e = new Emitter();
  const got = [];
  e.on('x', () => { throw new Error('mine'); });
  const off = e.on('x', (v) => got.push(v));
  e.once('x', (v) => got.push(-v));
  e.emit('x', 1);
  off();
  e.emit('x', 2);
  assert.deepEqual(got, [1, -1]);
  assert.equal(reported.length, 2);
});

test('messages: what is none is ignored', () => {
  for (const data of ['', '{', 'null', '[]', '1', '{"type":1}', new ArrayBuffer(1)]) assert.equal(read(data), null);
  assert.equal(read('{"type":"answer"}').type, 'answer');
});

const person = (id, more = {}) => ({ id, name: id, role: 'participant', hand: false, connected: true, sources: [], ...more });

test('people: joins, changes and leaves in order of arrival', () => {
  const people = new Map([['a', person('a')]]);
  const change = applyChange(people, { joined: [person('b')], changed: [person('a', { hand: true })], left: ['zz'] });
  assert.deepEqual(change.joined.map((p) => p.id), ['b']);
  assert.deepEqual(change.changed.map((p) => p.id), ['a']);
  assert.deepEqual([...people.keys()], ['a', 'b']);
  assert.equal(people.get('a').hand, true);
  assert.deepEqual(applyChange(people, { left: ['a'] }).left.map((p) => p.id), ['a']);
  assert.equal(sourceOf(person('c', { sources: [{ source: 'camera', muted: true }] }), 'camera').muted, true);
  assert.equal(sourceOf(undefined, 'camera'), undefined);
});

test('slots: unchanged entries keep their identity, unknown mids are left out', () => {
  const receivers = new Map([['4', { mid: '4', track: {}, stream: {} }], ['5', { mid: '5', track: {}, stream: {} }]]);
  const slot = (mid, participant, source, state = 'live') => ({ mid, participant, source, state });
  const first = resolve([slot('4', 'a', 'microphone'), slot('5', 'a', 'camera'), slot('9', 'b', 'camera')], receivers, new Map());
  assert.deepEqual([...first.keys()], ['a/microphone', 'a/camera']);
  const second = resolve([slot('4', 'a', 'microphone'), slot('5', 'b', 'camera', 'paused')], receivers, first);
  assert.equal(second.get('a/microphone'), first.get('a/microphone'));
  assert.equal(second.get('a/camera'), undefined);
  assert.equal(second.get('b/camera').state, 'paused');
});

test('slots: from which frame on the picture is theirs', () => {
  const receivers = new Map([['5', { mid: '5', track: {}, stream: {} }]]);
  const live = { mid: '5', participant: 'a', source: 'camera', state: 'live' };
  const first = resolve([{ ...live, rtp_from: 0 }], receivers, new Map());
  assert.equal(first.get('a/camera').rtpFrom, 0);
  assert.equal(resolve([{ ...live, rtp_from: 0 }], receivers, first).get('a/camera'), first.get('a/camera'));
  assert.equal(resolve([{ ...live, rtp_from: 2 ** 32 - 1 }], receivers, first).get('a/camera').rtpFrom, 2 ** 32 - 1);
  assert.equal(resolve([live], receivers, first).get('a/camera').rtpFrom, null, 'a server that doesn’t say');
});

test('people: hands in the order in which they went up', () => {
  const up = (id, at) => person(id, { hand: true, hand_at: at });
  const people = new Map([up('a', '2026-01-01T00:00:00.200Z'), person('b'), up('c', '2026-01-01T00:00:00.100Z'), up('d', '2026-01-01T00:00:00.2Z')].map((p) => [p.id, p]));
  assert.deepEqual(handsOf(people).map((p) => p.id), ['c', 'a', 'd']);
});

test('place: what holds, also of servers that say less', () => {
  assert.deepEqual(placeOf({ type: 'room', id: 'r', name: 'R', kind: 'plain', epoch: 1, participants: [] }), { ...nowhere(), id: 'r', name: 'R', kind: 'plain' });
  assert.deepEqual(arranged({
    type: 'controls', room: 'r', name: 'R', call: 'c', ends_at: '2026-01-01T00:00:00Z', controls: { chat: 'off', spotlight: 'a', in_charge: 'b' }, breakouts: [{ id: 'x', name: 'X' }],
    breakouts_open: true, breakouts_end_at: '2026-01-01T00:00:01Z',
  }), { name: 'R', endsAt: new Date('2026-01-01T00:00:00Z'), call: 'c', chat: false, spotlight: 'a', inCharge: 'b', breakouts: [{ id: 'x', name: 'X' }],
    breakoutsOpen: true, breakoutsEndAt: new Date('2026-01-01T00:00:01Z') });
  assert.deepEqual(noticeOf({ code: 'help', message: 'm', from: 'a', room: 'r' }), { code: 'help', message: 'm', text: '', from: 'a', room: 'r', at: null });
  assert.equal(noticeOf({ code: 'ending', message: 'm', at: '2026-01-01T00:00:00Z' }).at.getTime(), Date.UTC(2026, 0, 1));
});

test('publications: who was muted by a moderator unmutes by themselves (R-GC-5)', async () => {
  const sent = [];
  const p = new Publications((m) => sent.push(m) > 0);
  const track = { kind: 'audio', enabled: true };
  const me = (muted, byServer) => person('me', { sources: [{ source: 'microphone', muted, muted_by_server: byServer }] });
  await p.set('microphone', track);
  p.obey(undefined, me(false, false));
  p.obey(me(false, false), me(true, false));
  assert.deepEqual([track.enabled, sent], [true, []], 'nobody did anything');
  p.obey(me(false, false), me(true, true));
  p.obey(me(true, true), me(true, true));
  assert.deepEqual([track.enabled, p.isMuted('microphone'), sent.splice(0)], [false, true, [{ type: 'mute', source: 'microphone', muted: true }]]);
  p.obey(me(true, true), me(true, false));
  assert.deepEqual([track.enabled, sent], [false, []], 'they may speak, and are muted');
  p.mute('microphone', false);
  p.obey(me(true, false), me(false, false));
  assert.equal(track.enabled, true);
});

test('publications: a new connection gets all of it, mute included', async () => {
  const sent = [];
  const p = new Publications((m) => sent.push(m) > 0);
  const track = { kind: 'audio', enabled: true };
  await p.set('microphone', track, true);
  assert.equal(track.enabled, false);
  assert.deepEqual(sent, [], 'nothing is said before there are mids');
  const did = [];
  const sink = { negotiated: true, mid: (kind) => ({ microphone: '0', camera: '1' })[kind] ?? '', setTrack: async (...a) => did.push(a), setLayers() {} };
  await p.attach(sink);
  p.announce([{ source: 'camera' }]);
  assert.deepEqual(did, [['microphone', track]]);
  assert.deepEqual(sent, [
    { type: 'publish', mid: '0', source: 'microphone', active: true },
    { type: 'mute', source: 'microphone', muted: true },
    { type: 'publish', mid: '1', source: 'camera', active: false },
  ]);
  p.mute('microphone', false);
  assert.equal(track.enabled, true);
  await p.clear('microphone');
  assert.deepEqual(sent.at(-1), { type: 'publish', mid: '0', source: 'microphone', active: false });
  await assert.rejects(p.set('camera', track), (err) => err.code === 'bad_argument');
});

test('quality: says which direction is weak', () => {
  const at = (n, more) => ({ at: n, rtt: 40, sent: 0, received: 0, packets: 0, lost: 0, upLoss: 0, limited: false, ...more });
  const g = grade(at(0, {}), at(2000, { sent: 250_000, packets: 1000 }));
  assert.deepEqual([g.score, g.reason, g.up.bitrate], ['good', '', 1_000_000]);
  assert.deepEqual(pick(grade(at(0, {}), at(2000, { packets: 800, lost: 200 }))), ['poor', 'download']);
  assert.deepEqual(pick(grade(at(0, {}), at(2000, { upLoss: 0.05, packets: 900 }))), ['fair', 'upload']);
  assert.deepEqual(pick(grade(at(0, {}), at(2000, { rtt: 900 }))), ['poor', 'both']);
  assert.deepEqual(pick(grade(at(0, {}), at(2000, { packets: 3, lost: 3 }))), ['good', ''], 'too few to judge');
  function pick(x) { return [x.score, x.reason]; }
});

test('quality: sums a report', () => {
  const s = digest([
    { type: 'candidate-pair', nominated: true, state: 'succeeded', timestamp: 5, currentRoundTripTime: 0.02, bytesSent: 1, bytesReceived: 2 },
    { type: 'inbound-rtp', packetsReceived: 10, packetsLost: -1 }, { type: 'inbound-rtp', packetsReceived: 5, packetsLost: 2 },
    { type: 'remote-inbound-rtp', fractionLost: 0.1 },
    { type: 'outbound-rtp', qualityLimitationReason: 'bandwidth' },
  ]);
  assert.deepEqual(s, { at: 5, rtt: 20, sent: 1, received: 2, packets: 15, lost: 2, upLoss: 0.1, limited: true });
});
