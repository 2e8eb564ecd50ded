// Small helpers to build and find elements. Text goes in as text nodes only:
// there is no way from here to markup (Trusted Types are enforced).

/**
 * The element with an id that the page's HTML has.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`no ${type.name} with id ${id}`);
  return element;
}

/**
 * Makes an element. Attributes that are false or null are left out, true ones
 * are empty, functions are event listeners (`onclick`).
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * Sets an attribute or text only when it changes: screen readers and style
 * recalculation see no more than what is new.
 * @param {Element} element
 * @param {string} name
 * @param {string|null} value null removes it
 */
export function setAttr(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes these elements the children of a list, without touching those that stand
 * right: they would lose the focus, and a press that is under way.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} elements
 */
export function place(list, elements) {
  const stay = new Set(elements);
  for (const child of [...list.children]) if (!stay.has(/** @type {HTMLElement} */ (child))) child.remove();
  elements.forEach((element, i) => {
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
  });
}

/** Drawings of 24×24, as path data. */
const PATHS = {
  mic: ['M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z', 'M5.5 11.5a6.5 6.5 0 0 0 13 0', 'M12 18v3'],
  'mic-off': ['M9 9v3a3 3 0 0 0 5 2.2', 'M15 11V6a3 3 0 0 0-5.7-1.3', 'M5.5 11.5a6.5 6.5 0 0 0 10.4 5.2M18.5 11.5c0 .9-.2 1.7-.5 2.5', 'M12 18v3', 'M4 3l17 18'],
  cam: ['M4.5 6.5h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z', 'M15.5 10.5l6-3.5v10l-6-3.5'],
  'cam-off': ['M8.5 6.5h5a2 2 0 0 1 2 2v4', 'M15.5 15.5a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2', 'M17 11l4.5-4v10l-3-1.8', 'M3.5 3l17 18'],
  screen: ['M4 4.5h16a1.5 1.5 0 0 1 1.5 1.5v9.5a1.5 1.5 0 0 1-1.5 1.5h-16a1.5 1.5 0 0 1-1.5-1.5v-9.5a1.5 1.5 0 0 1 1.5-1.5z', 'M8.5 20.5h7', 'M12 14v-6M9 10.5l3-3 3 3'],
  chat: ['M5 4.5h14a2 2 0 0 1 2 2v8.5a2 2 0 0 1-2 2h-7.5l-4.5 4v-4h-2a2 2 0 0 1-2-2v-8.5a2 2 0 0 1 2-2z'],
  people: ['M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', 'M2.5 20a6.5 6.5 0 0 1 13 0', 'M16 4.8a3.5 3.5 0 0 1 0 6.4', 'M18 14.2a6.5 6.5 0 0 1 3.5 5.8'],
  hand: ['M7.5 12.5v-6a1.5 1.5 0 0 1 3 0v5', 'M10.5 11v-6.5a1.5 1.5 0 0 1 3 0v6.5', 'M13.5 11.5v-5.5a1.5 1.5 0 0 1 3 0v7', 'M16.5 12v-3a1.5 1.5 0 0 1 3 0v5.5a7 7 0 0 1-7 7c-3.5 0-5-1.5-6.5-4l-2.7-4.3a1.5 1.5 0 0 1 2.5-1.6l1.7 2.4'],
  more: ['M12 5.5v.01M12 12v.01M12 18.5v.01'],
  leave: ['M3.5 14.5c-1.5-3.5 3-7 8.5-7s10 3.5 8.5 7c-.4 1-1.3 1.2-2.3 1l-2.5-.6c-1-.2-1.4-.8-1.3-1.8l.1-1.2a9 9 0 0 0-5 0l.1 1.2c.1 1-.3 1.6-1.3 1.8l-2.5 .6c-1 .2-1.9 0-2.3-1z'],
  close: ['M5.5 5.5l13 13M18.5 5.5l-13 13'],
  expand: ['M9.5 4.5h-5v5M14.5 19.5h5v-5M4.5 4.5l6 6M19.5 19.5l-6-6'],
  shrink: ['M4.5 10.5h6v-6M19.5 13.5h-6v6M10.5 10.5l-6-6M13.5 13.5l6 6'],
  signal: ['M4.5 19.5v-3M9.5 19.5v-7', 'M14.5 19.5v-1M19.5 19.5v-1'],
  send: ['M4 12h15M13 6l6 6-6 6'],
  grid: ['M4 4.5h7v6.5h-7zM13.5 4.5h7v6.5h-7zM4 13.5h7v6.5h-7zM13.5 13.5h7v6.5h-7z'],
  stage: ['M3.5 4.5h17v10h-17zM3.5 17.5h4.5v3h-4.5zM10 17.5h4.5v3h-4.5zM16.5 17.5h4v3h-4z'],
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * A decorative drawing: what it means stands beside it as words.
 * @param {IconName} name
 * @param {string} [className]
 * @returns {SVGSVGElement}
 */
export function icon(name, className = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name} ${className}`.trim());
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
