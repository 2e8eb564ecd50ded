import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkOffer, parse, plan, trimOffer, withStartBitrate } from '../js/sdp.js';

const video = [
  'm=video 51000 UDP/TLS/RTP/SAVPF 96 97 103 104 35',
  'c=IN IP4 192.0.2.7',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host',
  'a=end-of-candidates',
  'a=mid:1',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:8 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  'a=sendonly',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:103 H264/90000',
  'a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1',
  'a=rtpmap:104 rtx/90000',
  'a=fmtp:104 apt=103',
  'a=rtpmap:35 flexfec-03/90000',
];
const session = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0'];
const sdp = (...sections) => [...session, ...sections.flat(), ''].join('\r\n');

test('the offer that is sent has only our codecs, extensions and no address', () => {
  const out = trimOffer(sdp(video));
  assert.match(out, /^m=video 9 UDP\/TLS\/RTP\/SAVPF 96 97$/m);
  assert.match(out, /^c=IN IP4 0\.0\.0\.0$/m);
  assert.match(out, /^a=rtcp-fb:96 nack pli$/m);
  assert.match(out, /^a=fmtp:97 apt=96$/m);
  for (const gone of ['192.0.2.7', 'candidate', 'H264', ':104', 'flexfec', 'dependency-descriptor']) {
    assert.ok(!out.includes(gone), `${gone} is still there`);
  }
  assert.match(out, /transport-wide-cc/);
  assert.ok(out.endsWith('\r\n') && !/[^\r]\n/.test(out));
});

test('trimming twice changes nothing more', () => {
  const once = trimOffer(sdp(video));
  assert.equal(trimOffer(once), once);
});

test('other sections are left alone', () => {
  const data = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'c=IN IP4 192.0.2.1', 'a=mid:2'];
  assert.deepEqual(parse(trimOffer(sdp(data))).media[0].lines, data);
});

test('the plan has the lines of the pool in order', () => {
  assert.equal(plan({ pairs: 6, videos: 0, screen: true }).length, 18);
  assert.equal(plan({ pairs: 6, videos: 19, screen: true }).length, 37);
  const lines = plan({ pairs: 1, videos: 1, screen: true }).map((l) => `${l.kind} ${l.direction} ${l.group}`);
  assert.deepEqual(lines, [
    'audio sendonly microphone', 'video sendonly camera', 'video sendonly screen', 'audio sendonly screen_audio',
    'audio recvonly pair-0', 'video recvonly pair-0', 'video recvonly video-0',
    'audio recvonly screen', 'video recvonly screen',
  ]);
});

test('an offer in another order is refused', () => {
  const pool = { pairs: 0, videos: 0, screen: false };
  const line = (kind, direction) => [`m=${kind} 9 UDP/TLS/RTP/SAVPF 96`, `a=${direction}`];
  const good = [line('audio', 'sendonly'), line('video', 'sendonly'), line('video', 'sendonly'), line('audio', 'sendonly')];
  checkOffer(sdp(...good), pool);
  const is = (err) => err.code === 'offer_lines';
  assert.throws(() => checkOffer(sdp(...good.slice(1)), pool), is);
  assert.throws(() => checkOffer(sdp(good[1], good[0], good[2], good[3]), pool), is);
  assert.throws(() => checkOffer(sdp(good[0], line('video', 'recvonly'), good[2], good[3]), pool), is);
});

test('garbage is survived', () => {
  for (const text of ['', '\r\n', 'm=', 'm=video', 'a=mid:', 'm=audio\nm=\na=extmap:', '\0\0']) trimOffer(text);
});

test('the start bitrate goes to the VP8 that we send, and nowhere else', () => {
  const answer = (direction, more = []) => ['m=video 9 UDP/TLS/RTP/SAVPF 96 97', `a=${direction}`, 'a=rtpmap:96 VP8/90000', ...more,
    'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96'];
  const [sent, received, merged] = parse(withStartBitrate(sdp(answer('recvonly'), answer('sendonly'), answer('recvonly', ['a=fmtp:96 max-fs=12288'])), 800)).media;
  assert.deepEqual(sent.lines.slice(2, 4), ['a=rtpmap:96 VP8/90000', 'a=fmtp:96 x-google-start-bitrate=800']);
  assert.deepEqual(received.lines, answer('sendonly'));
  assert.equal(merged.lines[3], 'a=fmtp:96 max-fs=12288;x-google-start-bitrate=800');
  for (const text of ['', 'm=video', 'm=video 9 x 96\na=recvonly']) withStartBitrate(text, 800);
});
