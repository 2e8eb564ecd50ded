// Who is in the room: whole state at each `room`, changes between.

/** @typedef {import('./protocol.js').Participant} Participant */

/**
 * What a message changed.
 * @typedef {object} PeopleChange
 * @property {Participant[]} joined
 * @property {Participant[]} left as they last were
 * @property {Participant[]} changed
 */

/**
 * Applies `participants` to the people present, in place. Unknown ids in left
 * and repeated joins are harmless.
 * @param {Map<string, Participant>} people in order of arrival
 * @param {{joined?: Participant[], left?: string[], changed?: Participant[]}} message
 * @returns {PeopleChange}
 */
export function applyChange(people, message) {
  /** @type {PeopleChange} */
  const change = { joined: [], left: [], changed: [] };
  for (const id of message.left ?? []) {
    const person = people.get(id);
    if (!person) continue;
    people.delete(id);
    change.left.push(person);
  }
  for (const person of [...(message.joined ?? []), ...(message.changed ?? [])]) {
    (people.has(person.id) ? change.changed : change.joined).push(person);
    people.set(person.id, person);
  }
  return change;
}

/**
 * Those whose hand is up, in the order of hands.
 * @param {ReadonlyMap<string, Participant>} people
 */
export function handsOf(people) {
  return [...people.values()].filter((person) => person.hand)
    .sort((a, b) => Date.parse(a.hand_at ?? '') - Date.parse(b.hand_at ?? '') || 0);
}

/**
 * The source of a participant, if it publishes it.
 * @param {Participant|undefined} person
 * @param {import('./protocol.js').SourceKind} kind
 */
export function sourceOf(person, kind) {
  return person?.sources?.find((source) => source.source === kind);
}
