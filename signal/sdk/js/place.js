// Where we are and what holds there, as pages see it.

/** @typedef {import('./protocol.js').RoomMessage} RoomMessage */
/** @typedef {import('./protocol.js').ControlsMessage} ControlsMessage */

/**
 * What the moderators have set, and what one may choose.
 * @typedef {object} Controls
 * @property {string} call id of the call for the HTTP API; "" when there is none
 * @property {boolean} chat false: only moderators write to everybody, everybody to the moderators
 * @property {string} spotlight participant to show large, "" for nobody; may be in another room of the call
 * @property {string} inCharge participant who moderates now, "" for nobody; may be in another room of the call
 * @property {{id: string, name: string}[]} breakouts rooms that one may choose now
 * @property {boolean} breakoutsOpen breakout rooms of the call are open, whether we are in one or not
 * @property {Date|null} breakoutsEndAt when they close, by the server's clock (Room.now); null: not by themselves
 */

/** @typedef {{id: string, name: string, kind: string, endsAt: Date|null} & Controls} Place */

/**
 * Something to show: see PROTOCOL.md for the codes.
 * @typedef {object} Notice
 * @property {string} code
 * @property {string} message for developers
 * @property {string} text plain text; never HTML
 * @property {string} from participant, "" for the server
 * @property {string} room where from is
 * @property {Date|null} at when what is announced happens
 */

/**
 * @param {RoomMessage|ControlsMessage} message
 * @returns {{name: string, endsAt: Date|null} & Controls}
 */
export function arranged(message) {
  return {
    name: message.name,
    endsAt: date(message.ends_at),
    call: message.call ?? '',
    chat: message.controls?.chat !== 'off',
    spotlight: message.controls?.spotlight ?? '',
    inCharge: message.controls?.in_charge ?? '',
    breakouts: message.breakouts ?? [],
    breakoutsOpen: message.breakouts_open === true,
    breakoutsEndAt: date(message.breakouts_end_at),
  };
}

/**
 * @param {RoomMessage} message
 * @returns {Place}
 */
export const placeOf = (message) => ({ id: message.id, kind: message.kind, ...arranged(message) });

/** Before anything is known. @returns {Place} */
export const nowhere = () => ({
  id: '', name: '', kind: 'parked', endsAt: null, call: '', chat: true, spotlight: '', inCharge: '', breakouts: [],
  breakoutsOpen: false, breakoutsEndAt: null,
});

/**
 * @param {import('./protocol.js').NoticeMessage} message
 * @returns {Notice}
 */
export const noticeOf = ({ code, message, text = '', from = '', room = '', at }) => ({ code, message, text, from, room, at: date(at) });

/** @param {string|undefined} at */
function date(at) {
  return at ? new Date(at) : null;
}
