// How good our own connection is, from getStats (W3C webrtc-stats).

/**
 * Sums of a statistics report that grade compares.
 * @typedef {object} Sample
 * @property {number} at ms
 * @property {number} rtt ms, of the ICE pair in use
 * @property {number} sent bytes
 * @property {number} received bytes
 * @property {number} packets received
 * @property {number} lost of those that should have come
 * @property {number} upLoss 0..1, the worst the server reports of us
 * @property {boolean} limited the encoder is held back by bandwidth
 */

/**
 * @typedef {object} LocalQuality
 * @property {import('./protocol.js').Score} score
 * @property {''|'upload'|'download'|'both'} reason
 * @property {number} rtt ms
 * @property {{bitrate: number, loss: number}} up bit/s and 0..1
 * @property {{bitrate: number, loss: number}} down bit/s and 0..1
 */

/** So often the connection is graded, in ms. */
const INTERVAL_MS = 5000;
const POOR = { loss: 0.1, rtt: 600 };
const FAIR = { loss: 0.03, rtt: 300 };
/** Fewer packets than this in an interval say nothing about loss. */
const FEW = 20;

/**
 * @param {Iterable<any>} report the values of an RTCStatsReport
 * @returns {Sample}
 */
export function digest(report) {
  /** @type {Sample} */
  const sample = { at: 0, rtt: 0, sent: 0, received: 0, packets: 0, lost: 0, upLoss: 0, limited: false };
  for (const entry of report) {
    if (entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded') {
      sample.at = entry.timestamp;
      sample.rtt = (entry.currentRoundTripTime ?? 0) * 1000;
      sample.sent = entry.bytesSent ?? 0;
      sample.received = entry.bytesReceived ?? 0;
    } else if (entry.type === 'inbound-rtp') {
      sample.packets += entry.packetsReceived ?? 0;
      sample.lost += Math.max(0, entry.packetsLost ?? 0);
    } else if (entry.type === 'remote-inbound-rtp') {
      sample.upLoss = Math.max(sample.upLoss, entry.fractionLost ?? 0);
    } else if (entry.type === 'outbound-rtp' && entry.active !== false && entry.qualityLimitationReason === 'bandwidth') {
      sample.limited = true;
    }
  }
  return sample;
}

/**
 * Grades the time between two samples.
 * @param {Sample} before
 * @param {Sample} now
 * @returns {LocalQuality}
 */
export function grade(before, now) {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const came = Math.max(0, now.packets - before.packets);
  const lost = Math.max(0, now.lost - before.lost);
  const downLoss = came + lost < FEW ? 0 : lost / (came + lost);
  const upload = step(now.upLoss, now.rtt);
  const download = step(downLoss, now.rtt);
  const worst = Math.max(upload, download);
  const names = /** @type {const} */ (['good', 'fair', 'poor']);
  /** @type {LocalQuality['reason']} */
  let reason = '';
  if (worst > 0) reason = upload === download ? 'both' : upload > download ? 'upload' : 'download';
  return {
    score: names[worst] ?? 'poor',
    reason,
    rtt: Math.round(now.rtt),
    up: { bitrate: rate(now.sent - before.sent, seconds), loss: now.upLoss },
    down: { bitrate: rate(now.received - before.received, seconds), loss: downLoss },
  };
}

/**
 * @param {number} loss 0..1
 * @param {number} rtt ms
 * @returns {0|1|2}
 */
function step(loss, rtt) {
  if (loss > POOR.loss || rtt > POOR.rtt) return 2;
  return loss > FAIR.loss || rtt > FAIR.rtt ? 1 : 0;
}

/**
 * @param {number} bytes
 * @param {number} seconds
 */
function rate(bytes, seconds) {
  return Math.max(0, Math.round((bytes * 8) / seconds));
}

/** Grades a connection again and again. */
export class Meter {
  #read;
  #tell;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  /** @type {Sample|null} */
  #sample = null;

  /**
   * @param {() => Promise<RTCStatsReport|null>} read null: nothing to grade now
   * @param {(quality: LocalQuality) => void} tell
   */
  constructor(read, tell) {
    this.#read = read;
    this.#tell = tell;
  }

  start() {
    this.#timer = setInterval(() => void this.#measure(), INTERVAL_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  async #measure() {
    const report = await this.#read();
    if (!report) return void (this.#sample = null);
    const now = digest(report.values());
    const before = this.#sample;
    this.#sample = now;
    if (before && now.at > before.at) this.#tell(grade(before, now));
  }
}
