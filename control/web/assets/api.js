// Requests to the HTTP API of the server that the page came from. What they
// reject with is an AtriumError: the problem's `code`, `not_found`,
// `rate_limited`, `offline`.

import { AtriumError } from '/sdk/index.js';
import { proof } from './proof.js';

/**
 * @typedef {object} Entry
 * @property {string} token
 * @property {string} participant_id
 * @property {string} signal_url
 * @property {{id: string, name: string, type: string}} [room] of the rooms API
 * @property {import('./visit.js').GuestVisit} [visit]
 * @property {string} [visit_token]
 */

/** A refusal, with the fields that are wrong by their name in the form. */
export class Refusal extends AtriumError {
  /**
   * @param {string} code
   * @param {string} detail for people
   * @param {number} status of HTTP
   * @param {Record<string, string>} fields
   */
  constructor(code, detail, status, fields) {
    super(code, detail, { retry: status >= 500 });
    this.status = status;
    this.fields = fields;
  }
}

/**
 * @param {'GET'|'POST'|'PATCH'|'DELETE'} method
 * @param {string} path below /api/v1
 * @param {unknown} [body]
 * @param {{once?: string}} [options] once: an Idempotency-Key
 * @returns {Promise<any>} null without a body
 */
export async function request(method, path, body, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json, application/problem+json', ...proof() };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.once) headers['Idempotency-Key'] = options.once;
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store', credentials: 'same-origin', referrerPolicy: 'no-referrer',
    });
  } catch (err) {
    throw new AtriumError('offline', 'the server cannot be reached', { retry: true, cause: err });
  }
  if (!response.ok) throw await problem(response);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Reads server-sent events as EventSource does, which can't show a proof of its
 * own. Resolves when the stream ends.
 * @param {string} path below /api/v1
 * @param {(name: string, data: any) => void} on
 * @param {AbortSignal} signal
 */
export async function readEvents(path, on, signal) {
  const response = await fetch(`/api/v1${path}`, {
    headers: { Accept: 'text/event-stream', ...proof() }, signal,
    cache: 'no-store', credentials: 'same-origin', referrerPolicy: 'no-referrer',
  });
  if (!response.ok || !response.body) throw await problem(response);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (let text = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event)?.[1];
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (name && data) on(name, JSON.parse(data));
    }
  }
}

/**
 * Enters a room of the rooms API with a link's secret.
 * @param {string} secret from the URL's fragment
 * @param {string} name
 * @returns {Promise<Entry>}
 */
export function enter(secret, name) {
  return request('POST', '/entry', { link: secret, fields: { name } });
}

/**
 * The signalling address of an answer: the path is the server's to say, the
 * origin is ours (connect-src 'self').
 * @param {{signal_url: string}} answer
 */
export function signalURL(answer) {
  return new URL(new URL(answer.signal_url, location.href).pathname, location.href).href;
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
async function problem(response) {
  const byStatus = { 410: 'not_found', 429: 'rate_limited', 503: 'shutdown' };
  const status = /** @type {keyof typeof byStatus} */ (response.status);
  /** @type {{code?: string, detail?: string, errors?: {field: string, message: string}[]}} */
  const body = await response.json().catch(() => ({}));
  const code = byStatus[status] ?? body.code ?? (response.status === 404 ? 'not_found' : 'internal');
  const fields = Object.fromEntries((body.errors ?? []).map(({ field, message }) => [field.split('.').at(-1) ?? field, message]));
  return new Refusal(code, body.detail ?? response.statusText, response.status, fields);
}
