// Where tiles go: pure arithmetic in CSS pixels.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/** Tiles are cut to fill; more than this would cut faces off (width / height). */
const NARROWEST = 0.8;
const WIDEST = 16 / 9;
/** Shape of tiles in a grid that scrolls, and in the strip beside a stage. */
const SMALL_ASPECT = 4 / 3;

/**
 * The largest equal tiles for a number of people.
 * @param {number} count ≥ 1
 * @param {number} width of the area
 * @param {number} height of the area
 * @param {number} gap between tiles
 * @returns {{columns: number, rows: number, width: number, height: number}} of a tile
 */
export function fitGrid(count, width, height, gap) {
  let best = { columns: 1, rows: count, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    let w = (width - gap * (columns - 1)) / columns;
    let h = (height - gap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    if (w / h > WIDEST) w = h * WIDEST;
    else if (w / h < NARROWEST) h = w / NARROWEST;
    if (w * h > best.width * best.height) best = { columns, rows, width: w, height: h };
  }
  return best;
}

/**
 * An arrangement of tiles.
 * @typedef {object} Arrangement
 * @property {Rect[]} rects one for each tile that has a place, in order
 * @property {number} hidden how many have none
 * @property {Rect|null} more where to say how many are hidden
 * @property {number} contentHeight more than the area's when it scrolls
 * @property {number} fitting how many are seen without scrolling
 */

/**
 * Everybody equally large; scrolls when tiles would become too small.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @returns {Arrangement}
 */
export function arrangeGrid(count, width, height, gap) {
  const smallest = width < 600 ? 112 : 150;
  let { columns, rows, width: w, height: h } = fitGrid(Math.max(1, count), width, height, gap);
  if (w < smallest && count > 1) {
    columns = Math.max(1, Math.floor((width + gap) / (smallest + gap)));
    rows = Math.ceil(count / columns);
    w = (width - gap * (columns - 1)) / columns;
    h = w / SMALL_ASPECT;
  }
  const total = rows * h + gap * (rows - 1);
  const top = Math.max(0, (height - total) / 2);
  const rects = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (width - inRow * w - gap * (inRow - 1)) / 2;
    return { x: left + (i % columns) * (w + gap), y: top + row * (h + gap), width: w, height: h };
  });
  const fullRows = Math.max(1, Math.floor((height + gap) / (h + gap)));
  return { rects, hidden: 0, more: null, contentHeight: Math.max(height, total), fitting: Math.min(count, fullRows * columns) };
}

/**
 * One large tile (the first), the others in a strip beside or below it, as
 * many as fit; the last place says how many more there are.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @returns {Arrangement}
 */
export function arrangeStage(count, width, height, gap) {
  const others = count - 1;
  if (others <= 0) return { rects: count ? [{ x: 0, y: 0, width, height }] : [], hidden: 0, more: null, contentHeight: height, fitting: count };
  const side = width > height * 1.1;
  const w = side ? clamp(width * 0.17, 128, 230) : clamp(width * 0.29, 96, 190);
  const h = side ? w / (16 / 10) : clamp(height * 0.2, 76, w);
  const room = Math.max(1, Math.floor(((side ? height : width) + gap) / ((side ? h : w) + gap)));
  const hidden = others > room ? others - room + 1 : 0;
  const shown = others - hidden;
  const stage = side ? { x: 0, y: 0, width: width - w - gap, height } : { x: 0, y: 0, width, height: height - h - gap };
  const places = shown + (hidden ? 1 : 0);
  const length = places * (side ? h : w) + gap * (places - 1);
  const start = ((side ? height : width) - length) / 2;
  const place = (/** @type {number} */ i) => (side
    ? { x: width - w, y: start + i * (h + gap), width: w, height: h }
    : { x: start + i * (w + gap), y: height - h, width: w, height: h });
  return {
    rects: [stage, ...Array.from({ length: shown }, (_, i) => place(i))],
    hidden,
    more: hidden ? place(shown) : null,
    contentHeight: height,
    fitting: 1 + shown,
  };
}

/**
 * Two people: the other fills the area, we are a small picture in its corner.
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @returns {Arrangement}
 */
export function arrangePair(width, height, gap) {
  const w = clamp(Math.min(width, height) * 0.3, 104, 240);
  const upright = height > width;
  const h = upright ? w * 1.25 : w / SMALL_ASPECT;
  return {
    rects: [{ x: 0, y: 0, width, height }, { x: width - w - gap, y: height - h - gap, width: w, height: h }],
    hidden: 0,
    more: null,
    contentHeight: height,
    fitting: 2,
  };
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
