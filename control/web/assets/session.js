// What a reload needs (kept by the tab, gone with it) and which devices were
// chosen (kept by the browser). Storage may be forbidden: then nothing is kept.

/**
 * @typedef {object} Kept
 * @property {string} resume
 * @property {string} url of signalling
 * @property {string} name
 * @property {boolean} micOn
 * @property {boolean} camOn
 * @property {string} [call] id of the call, of staff
 */

/** @typedef {{mic?: string, cam?: string, speaker?: string}} Choices */

/** What the tab keeps of one call. The link's secret itself is not stored. */
export class Session {
  #key;

  /** @param {string} key */
  constructor(key) {
    this.#key = key;
  }

  /**
   * @param {string} secret of the link
   * @returns {Promise<Session>}
   */
  static async of(secret) {
    return new Session(`atrium.call.${await fingerprint(secret)}`);
  }

  /** @returns {Kept|null} */
  load() {
    return read(() => sessionStorage, this.#key);
  }

  /** @param {Kept} kept */
  save(kept) {
    write(() => sessionStorage, this.#key, kept);
  }

  /** @param {Partial<Kept>} some */
  update(some) {
    const kept = this.load();
    if (kept) this.save({ ...kept, ...some });
  }

  clear() {
    write(() => sessionStorage, this.#key, null);
  }
}

/**
 * What the browser keeps of a guest's visit by a link: its id, which is no
 * secret (a cookie says whose it is), so that the page opened anew from the
 * same link leads back to it, also when the link was used up; and what the
 * place was called. Gone with the visit.
 */
export class VisitKeeper {
  #key;

  /** @param {string} key */
  constructor(key) {
    this.#key = key;
  }

  /** @param {string} secret of the link */
  static async of(secret) {
    return new VisitKeeper(`atrium.visit.${await fingerprint(secret)}`);
  }

  /** @returns {string} the visit's id, "" when there is none */
  load() {
    return String(read(() => localStorage, this.#key)?.id ?? '');
  }

  /** @returns {import('./entryform.js').Lobby|null} */
  lobby() {
    return read(() => localStorage, this.#key)?.lobby ?? null;
  }

  /**
   * @param {string} id
   * @param {import('./entryform.js').Lobby} lobby
   * @param {string} [proof] whose visit it is, where no cookie says so: kept by the tab
   */
  save(id, lobby, proof) {
    const { kind, name, organisation, phone } = lobby;
    write(() => localStorage, this.#key, { id, lobby: { kind, name, organisation, phone } });
    if (proof) write(() => sessionStorage, `${this.#key}.proof`, { proof });
  }

  /** @returns {string} */
  proof() {
    return String(read(() => sessionStorage, `${this.#key}.proof`)?.proof ?? '');
  }

  clear() {
    write(() => localStorage, this.#key, null);
    write(() => sessionStorage, `${this.#key}.proof`, null);
  }
}

/**
 * A short name for a secret that doesn't give it away.
 * @param {string} secret
 */
async function fingerprint(secret) {
  // Without TLS (plain HTTP on a LAN) there is no crypto.subtle; a plain hash
  // then still tells links apart.
  if (!globalThis.crypto?.subtle) {
    let sum = 7;
    for (let i = 0; i < secret.length; i++) sum = (Math.imul(sum, 33) ^ secret.charCodeAt(i)) >>> 0;
    return sum.toString(36);
  }
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret)));
  return Array.from(hash.slice(0, 12), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const CHOICES = 'atrium.devices';

/** @returns {Choices} */
export function loadChoices() {
  return read(() => localStorage, CHOICES) ?? {};
}

/** @param {Choices} choices */
export function saveChoices(choices) {
  write(() => localStorage, CHOICES, choices);
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @returns {any}
 */
function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(key) ?? 'null');
  } catch {
    return null; // forbidden, or written by something else
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {unknown} value null removes
 */
function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Forbidden or full: a reload asks for the name again.
  }
}
