// The one HTTP request of the room page: trading a link for a join token.

import { AtriumError } from '/sdk/index.js';

/**
 * @typedef {object} Entry
 * @property {string} token
 * @property {string} participant_id
 * @property {string} signal_url
 * @property {{id: string, name: string, type: string}} [room]
 */

/**
 * Enters with a link's secret. Rejects with an AtriumError: the problem's
 * `code`, `not_found`, `rate_limited`, `offline`.
 * @param {string} secret from the URL's fragment
 * @param {string} name
 * @returns {Promise<Entry>}
 */
export async function enter(secret, name) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch('/api/v1/entry', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, application/problem+json' },
      body: JSON.stringify({ link: secret, fields: { name } }),
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
    });
  } catch (err) {
    throw new AtriumError('offline', 'the server cannot be reached', { retry: true, cause: err });
  }
  if (response.ok) return response.json();
  throw await problem(response);
}

/**
 * @param {Response} response
 * @returns {Promise<AtriumError>}
 */
async function problem(response) {
  const byStatus = { 404: 'not_found', 410: 'not_found', 429: 'rate_limited', 503: 'shutdown' };
  const status = /** @type {keyof typeof byStatus} */ (response.status);
  /** @type {{code?: string, detail?: string}} */
  const body = await response.json().catch(() => ({}));
  const code = byStatus[status] ?? body.code ?? 'internal';
  return new AtriumError(code, body.detail ?? response.statusText, { retry: response.status >= 500 });
}
