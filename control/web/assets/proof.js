// What proves whose visit it is. Ordinarily the cookie that entering set. In a
// frame of another site's page browsers keep no such cookie: there the page
// itself shows the visit token.

const framed = window.top !== window;
let token = '';

/**
 * Shows a visit token from now on, if this page is in a frame.
 * @param {string} visitToken
 */
export function prove(visitToken) {
  if (framed && visitToken) token = visitToken;
  return token;
}

/** Headers that prove it; none where the cookie does. @returns {Record<string, string>} */
export function proof() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}
