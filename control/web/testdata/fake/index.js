// Stands in for /sdk/index.js in this package's tests: a room full of drawn
// people, shaped by the page's query (?people=9&screen=1&…). Not shipped.

import { AtriumError } from '/sdk/errors.js';
import { Emitter } from '/sdk/emitter.js';
import { sourceOf } from '/sdk/people.js';
import { trackKey } from '/sdk/slots.js';

export { AtriumError, Emitter, sourceOf, trackKey };

const query = new URLSearchParams(location.search);
const NAMES = ['Amina Yusuf', 'Dr. Helen Osei', 'Tom Baker', 'Priya Raman', 'Walter Schönfeld-Hagenbeck', 'Mei Lin', 'José Ortega',
  'Ingrid Dahl', 'Samuel Adeyemi', 'Nora', 'Bruno Castellani', 'Fatima Khan', 'Peter Novak', 'Grace Lee', 'Omar Haddad'];

function draw(i, width, height, screen) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext('2d');
  const paint = () => (screen ? paintScreen(g, width, height) : paintPerson(g, width, height, i));
  paint();
  setInterval(paint, 500);
  return canvas.captureStream(4);
}

function paintPerson(g, w, h, i) {
  const hue = (i * 67) % 360;
  const room = g.createLinearGradient(0, 0, w, h);
  room.addColorStop(0, `hsl(${hue} 22% 72%)`);
  room.addColorStop(1, `hsl(${hue + 30} 26% 46%)`);
  g.fillStyle = room;
  g.fillRect(0, 0, w, h);
  g.fillStyle = `hsl(${hue + 180} 30% 34%)`;
  g.beginPath();
  g.ellipse(w / 2, h * 1.06, h * 0.42, h * 0.42, 0, 0, 7);
  g.fill();
  g.fillStyle = ['#8d5a3c', '#e0b394', '#c68a63', '#f0cdb2', '#6b4330'][i % 5];
  g.beginPath();
  g.ellipse(w / 2, h * 0.42, h * 0.16, h * 0.2, 0, 0, 7);
  g.fill();
  g.fillStyle = ['#2a1d16', '#6d6a66', '#3b2a1c', '#1c1b1a', '#85603a'][(i * 3) % 5];
  g.beginPath();
  g.ellipse(w / 2, h * 0.31, h * 0.18, h * 0.13, 0, Math.PI, 0);
  g.fill();
}

function paintScreen(g, w, h) {
  g.fillStyle = '#fff';
  g.fillRect(0, 0, w, h);
  g.fillStyle = '#0b6b5e';
  g.fillRect(0, 0, w, 64);
  g.fillStyle = '#fff';
  g.font = '28px sans-serif';
  g.fillText('Care plan, week 12', 32, 42);
  g.fillStyle = '#333';
  for (let i = 0; i < 9; i++) g.fillRect(40, 110 + i * 52, w * (0.4 + 0.4 * ((i * 7) % 5) / 5), 14);
}

class FakeRoom extends Emitter {
  state = 'connected';
  resume = 'fake.resume';
  self = { id: 'self', name: 'You', role: query.get('role') ?? 'participant' };
  room = { id: 'room', name: query.get('title') ?? 'Housing advice', kind: 'plain', endsAt: query.has('ends') ? new Date(Date.now() + 9 * 60_000) : null };
  participants = new Map();
  tracks = new Map();
  audio = [];
  policy = { pool: { pairs: 6, videos: 0, screen: true }, publish: query.get('role') === 'viewer' ? [] : ['microphone', 'camera', 'screen', 'screen_audio'] };
  peerConnection = null;
  sent = [];
  #muted = new Map();

  constructor(name) {
    super();
    if (query.has('parked')) this.room = { id: '', name: '', kind: 'parked', endsAt: null };
    this.self.name = name;
    this.participants.set('self', person('self', name));
    for (let i = 0; i < Number(query.get('people') ?? 3); i++) this.arrive(i);
    if (query.has('screen')) this.#track([...this.participants.keys()][1], 'screen', draw(0, 1280, 720, true));
  }

  arrive(i) {
    const id = `p${i}`;
    const p = person(id, query.get('name') ?? NAMES[i % NAMES.length] + (i >= NAMES.length ? ` ${1 + Math.floor(i / NAMES.length)}` : ''));
    p.sources = [{ source: 'microphone', muted: i % 3 === 1, muted_by_server: false }];
    p.hand = i === 2;
    if (i === 1) p.role = 'moderator';
    if (i === 5) p.connected = false;
    this.participants.set(id, p);
    if (i % 4 !== 3 && i < 24 && i !== 5) this.#track(id, 'camera', draw(i, 640, 360, false));
    return p;
  }

  #track(id, source, stream) {
    this.participants.get(id).sources.push({ source, muted: false, muted_by_server: false });
    this.tracks.set(trackKey(id, source), { participant: id, source, mid: 'x', state: 'live', reason: '', track: stream.getTracks()[0], stream });
  }

  async publish(kind, track, options = {}) {
    this.sent.push(['publish', kind]);
    this.#muted.set(kind, options.muted ?? false);
    track.enabled = !options.muted;
  }

  async unpublish(kind) { this.sent.push(['unpublish', kind]); }
  mute(kind, muted) { this.#muted.set(kind, muted); this.sent.push(['mute', kind, muted]); }
  isMuted(kind) { return this.#muted.get(kind) ?? false; }
  setLayout(tiles) { this.sent.push(['layout', tiles]); this.layout = tiles; }
  hand(raised) {
    this.participants.get('self').hand = raised;
    this.emit('participants', { joined: [], left: [], changed: [this.participants.get('self')] });
  }

  chat(text, { to } = {}) {
    if (this.state !== 'connected') throw new AtriumError('connection_lost', 'down');
    this.say('self', text, to);
  }

  say(from, text, to) {
    this.emit('chat', { id: String(Math.random()), from, name: this.participants.get(from).name, to, text, at: '2026-03-02T09:41:00Z' });
  }

  become(state) {
    this.state = state;
    this.emit('state', state);
  }

  // What the server does when it admits somebody, or puts them on hold.
  move(id, name) {
    this.room = { id, name, kind: id ? 'individual' : 'parked', endsAt: null };
    this.emit('room', this.room);
  }

  async leave() { this.end('left'); }
  end(code) {
    this.state = 'closed';
    this.emit('state', 'closed');
    this.emit('closed', new AtriumError(code, code));
  }

  get now() { return new Date(); }
  async stats() { return null; }
}

function person(id, name) {
  return { id, name, role: 'participant', hand: false, connected: true, sources: [] };
}

export async function connect(_url, options) {
  if (options.resume) throw new AtriumError('resume_unknown', 'gone');
  const code = query.get('refuse');
  if (code) throw new AtriumError(code, code);
  return new FakeRoom(query.get('self') ?? sessionStorage.getItem('fake-name') ?? 'Maria Lopez');
}
