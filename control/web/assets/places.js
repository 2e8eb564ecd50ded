// What somebody of staff may see: the areas and meeting rooms that their roles
// reach, with their permissions there. The server decides each time; this only
// spares people buttons that would be refused.

import { request } from './api.js';

/**
 * @typedef {object} Place something that roles were granted on
 * @property {'organisation'|'unit'|'area'|'room'} kind
 * @property {string} id
 * @property {string} name
 * @property {string} [unit] name of the unit that it stands in
 * @property {string[]} permissions
 */

/**
 * @typedef {object} Area
 * @property {string} id
 * @property {string} name
 * @property {string} [link] for who may share it
 * @property {boolean} [suspended]
 * @property {string} [suspended_reason]
 * @property {string} unit name of its unit, "" when unknown
 * @property {Set<string>} permissions rows of the server's table
 */

/**
 * @typedef {object} MeetingRoom
 * @property {string} id
 * @property {string} name
 * @property {string} [link]
 * @property {string} unit
 * @property {Set<string>} permissions
 */

/**
 * @param {{permissions: Set<string>}} place
 * @param {string} permission
 */
export function may(place, permission) {
  return place.permissions.has(permission);
}

/**
 * @param {Place[]} places of the session
 * @returns {Promise<{areas: Area[], rooms: MeetingRoom[]}>} by name
 */
export async function loadPlaces(places) {
  /** @type {Map<string, any>} */
  const areas = new Map();
  /** @type {Map<string, any>} */
  const rooms = new Map();
  await Promise.all(places.map(async (place) => {
    const path = encodeURIComponent(place.id);
    if (place.kind === 'area') add(areas, await quietly(`/areas/${path}`), place);
    if (place.kind === 'room') add(rooms, await quietly(`/meeting-rooms/${path}`), place);
    if (place.kind !== 'unit') return;
    const [itsAreas, itsRooms] = await Promise.all([all(`/units/${path}/areas`), all(`/units/${path}/meeting-rooms`)]);
    for (const area of itsAreas) add(areas, area, { ...place, unit: place.name });
    for (const room of itsRooms) add(rooms, room, { ...place, unit: place.name });
  }));
  const byName = (/** @type {{name: string}} */ a, /** @type {{name: string}} */ b) => a.name.localeCompare(b.name);
  return { areas: [...areas.values()].sort(byName), rooms: [...rooms.values()].sort(byName) };
}

/**
 * Permissions of several roles add up.
 * @param {Map<string, any>} to
 * @param {any} thing null: taken away meanwhile
 * @param {Place} place
 */
function add(to, thing, place) {
  if (!thing) return;
  const before = to.get(thing.id);
  const permissions = new Set([...(before?.permissions ?? []), ...place.permissions]);
  to.set(thing.id, { ...before, ...thing, unit: place.unit || before?.unit || '', permissions });
}

/**
 * All pages of a list.
 * @param {string} path
 * @returns {Promise<any[]>}
 */
async function all(path) {
  const items = [];
  for (let cursor = ''; ;) {
    const page = await quietly(`${path}?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...page?.items ?? []);
    cursor = page?.next_cursor ?? '';
    if (!cursor) return items;
  }
}

/** @param {string} path */
function quietly(path) {
  return request('GET', path).catch(() => null);
}
