// The messages of signal/PROTOCOL.md as JSDoc types, and the constants both
// sides share. Nothing here runs.

/** WebSocket sub-protocol that names the version of the messages. */
export const PROTOCOL = 'atrium.v1';

/**
 * What a participant can publish, in the order of the send m-lines.
 * @type {readonly SourceKind[]}
 */
export const SOURCES = Object.freeze(/** @type {SourceKind[]} */ (['microphone', 'camera', 'screen', 'screen_audio']));

/** `to` of a chat that the moderators of the room get. */
export const MODERATORS = 'moderators';

/** @typedef {'microphone'|'camera'|'screen'|'screen_audio'} SourceKind */
/** @typedef {'moderator'|'participant'|'viewer'} Role */
/** @typedef {'good'|'fair'|'poor'|'lost'} Score */
/** @typedef {'live'|'paused'} SlotState */

/**
 * How many receive m-lines the client offers.
 * @typedef {object} Pool
 * @property {number} pairs audio+video pairs, lip-synced; in groups pair 0 alone
 * @property {number} videos further video lines
 * @property {boolean} screen whether a pair for the shared screen follows
 */

/**
 * One simulcast encoding the server accepts.
 * @typedef {object} Layer
 * @property {string} rid
 * @property {number} [max_width] pixels
 * @property {number} [max_height] pixels
 * @property {number} [max_bitrate] bit/s
 * @property {number} [scale_down] divisor of width and height, ≥ 1
 */

/**
 * @typedef {object} Policy
 * @property {Pool} pool
 * @property {number} [lines] m-lines the server expects in the offer
 * @property {SourceKind[]} publish what this participant may publish
 * @property {Layer[]} [camera]
 * @property {Layer[]} [screen]
 * @property {number} [seat_seconds] how long a seat outlives its connection
 * @property {number} [max_message_bytes]
 */

/** @typedef {{source: SourceKind, muted: boolean, muted_by_server: boolean}} SourceInfo */

/**
 * @typedef {object} Participant
 * @property {string} id
 * @property {string} name
 * @property {Role} role
 * @property {boolean} hand raised
 * @property {string} [hand_at] since when, RFC 3339
 * @property {boolean} connected false while the seat is kept for a return
 * @property {SourceInfo[]} sources what is being published
 */

/**
 * @typedef {object} Welcome
 * @property {'welcome'} type
 * @property {{id: string, name: string, role: Role}} participant
 * @property {string} room "" while parked
 * @property {Policy} policy
 * @property {RTCIceServer[]} [ice_servers]
 * @property {string} resume secret that returns to this seat; replaced at each welcome
 * @property {boolean} resumed the seat is the one of before
 * @property {string} [now] the server's time
 */

/** @typedef {{mid: string, participant: string, source: SourceKind, state: SlotState, reason?: string, name?: string, rtp_from?: number}} Slot */
/** @typedef {{chat: 'on'|'off', spotlight: string, in_charge: string}} Moderation */
/** @typedef {{name: string, ends_at?: string, call?: string, controls?: Moderation, breakouts?: {id: string, name: string}[], breakouts_open?: boolean, breakouts_end_at?: string}} Arranged */
/** @typedef {{type: 'room', id: string, kind: string, epoch: number, participants: Participant[]} & Arranged} RoomMessage */
/** @typedef {{type: 'controls', room: string} & Arranged} ControlsMessage */
/** @typedef {{type: 'notice', code: string, message: string, text?: string, from?: string, room?: string, at?: string}} NoticeMessage */
/** @typedef {{type: 'participants', joined?: Participant[], left?: string[], changed?: Participant[]}} ParticipantsMessage */
/** @typedef {{type: 'map', epoch: number, slots: Slot[]}} MapMessage */
/** @typedef {{participant: string, level: number}} Speaker */
/** @typedef {{participant: string, score: Score, reason?: 'upload'|'download'|'both'}} Quality */
/** @typedef {{id: string, from: string, name: string, to?: string, text: string, at: string}} ChatMessage */
/** @typedef {{participant: string, source: SourceKind, width: number, height: number, priority: number}} Tile */

/**
 * Any message of the server, before its `type` was looked at.
 * @typedef {{type: string} & Record<string, any>} Message
 */
