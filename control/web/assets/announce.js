// What is said to people who don't see the screen.

import { byId } from './dom.js';

const TOGETHER_MS = 900;

/** @type {string[]} */
let waiting = [];
let timer = 0;

/**
 * Says something when the screen reader is free. What comes within a second is
 * said together; many things of a kind are summed up by the caller.
 * @param {string} text
 */
export function say(text) {
  waiting.push(text);
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    const all = waiting.length > 4 ? [...waiting.slice(0, 3), `and ${waiting.length - 3} more changes`] : waiting;
    waiting = [];
    byId('polite', HTMLElement).textContent = all.join('. ');
  }, TOGETHER_MS);
}

/**
 * Says something at once.
 * @param {string} text
 */
export function sayNow(text) {
  byId('urgent', HTMLElement).textContent = text;
}
