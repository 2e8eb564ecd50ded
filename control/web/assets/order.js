// Who stands where: pure functions on lists of ids.

/**
 * Order of tiles. Nobody changes place without a reason: who was there stays,
 * newcomers come after, we ourselves are last. When not all are seen, those who
 * spoke lately take the place of somebody silent.
 * @param {readonly string[]} before the order so far
 * @param {readonly string[]} present ids in order of arrival
 * @param {string} self our own id, or "" when we are not shown
 * @param {readonly string[]} recent who spoke lately, latest first
 * @param {number} fitting how many are seen
 * @returns {string[]}
 */
export function orderPeople(before, present, self, recent, fitting) {
  const here = new Set(present);
  here.delete(self);
  const order = [...before.filter((id) => here.has(id)), ...present.filter((id) => here.has(id) && !before.includes(id))];
  if (fitting >= order.length + (self ? 1 : 0)) return self ? [...order, self] : order;
  const speaking = recent.filter((id) => here.has(id)).slice(0, Math.max(1, Math.floor(fitting / 2)));
  for (const id of speaking) {
    const from = order.indexOf(id);
    if (from < fitting) continue;
    const to = lastSilent(order, speaking, fitting);
    if (to < 0) break;
    [order[from], order[to]] = [/** @type {string} */ (order[to]), id];
  }
  return self ? [...order, self] : order;
}

/**
 * @param {string[]} order
 * @param {string[]} speaking
 * @param {number} fitting
 */
function lastSilent(order, speaking, fitting) {
  for (let i = Math.min(fitting, order.length) - 1; i >= 0; i--) {
    if (!speaking.includes(order[i] ?? '')) return i;
  }
  return -1;
}

/**
 * Who spoke lately, with those who speak now in front.
 * @param {readonly string[]} recent
 * @param {readonly string[]} speaking loudest first
 * @param {number} most how many to remember
 * @returns {string[]}
 */
export function remember(recent, speaking, most) {
  return [...speaking, ...recent.filter((id) => !speaking.includes(id))].slice(0, most);
}

/**
 * The layout message: what is on the screen, in device pixels.
 * @typedef {{participant: string, source: 'camera'|'screen', rect: import('./grid.js').Rect, large: boolean}} Shown
 * @param {readonly Shown[]} shown
 * @param {{top: number, height: number, ratio: number}} view scrolled part and pixels per CSS pixel
 */
export function layoutTiles(shown, view) {
  return shown
    .filter(({ rect }) => rect.y < view.top + view.height && rect.y + rect.height > view.top)
    .map(({ participant, source, rect, large }) => ({
      participant,
      source,
      width: Math.round(rect.width * view.ratio),
      height: Math.round(rect.height * view.ratio),
      priority: large ? 100 : 10,
    }))
    .slice(0, 64);
}
