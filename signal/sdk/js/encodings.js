// Simulcast encodings: what the offer announces, and which of them are sent.

/** @typedef {import('./protocol.js').Layer} Layer */

/**
 * Used when the welcome names no layers. Bitrates in bit/s.
 * @type {Readonly<Record<'camera'|'screen', readonly Layer[]>>}
 */
const DEFAULT_LAYERS = Object.freeze({
  camera: Object.freeze([
    { rid: 'q', max_bitrate: 130_000, scale_down: 4 },
    { rid: 'h', max_bitrate: 400_000, scale_down: 2 },
    { rid: 'f', max_bitrate: 1_200_000, scale_down: 1 },
  ]),
  screen: Object.freeze([
    { rid: 'q', max_bitrate: 400_000, scale_down: 2 },
    { rid: 'f', max_bitrate: 2_500_000, scale_down: 1 },
  ]),
});

/**
 * `sendEncodings` for addTransceiver, smallest first: Chromium and Firefox give
 * up the last ones first when the picture or the bandwidth is too small.
 * @param {readonly Layer[]|undefined} layers of the policy
 * @param {'camera'|'screen'} source
 * @returns {RTCRtpEncodingParameters[]}
 */
export function sendEncodings(layers, source) {
  const list = layers?.length ? layers : DEFAULT_LAYERS[source];
  return [...list]
    .sort((a, b) => (b.scale_down ?? 1) - (a.scale_down ?? 1))
    .map((layer) => {
      /** @type {RTCRtpEncodingParameters} */
      const encoding = { rid: layer.rid, active: true, scaleResolutionDownBy: Math.max(1, layer.scale_down ?? 1) };
      if (layer.max_bitrate) encoding.maxBitrate = layer.max_bitrate;
      return encoding;
    });
}

/**
 * Sets `active` of each encoding to whether its rid is wanted, and says whether
 * that changed anything.
 * @param {{rid?: string, active?: boolean}[]} encodings changed in place
 * @param {readonly string[]} rids wanted
 * @returns {boolean}
 */
export function activate(encodings, rids) {
  let changed = false;
  for (const encoding of encodings) {
    const want = rids.includes(encoding.rid ?? '');
    if ((encoding.active ?? true) !== want) changed = true;
    encoding.active = want;
  }
  return changed;
}

/**
 * The codecs of a capability list that Atrium speaks, for setCodecPreferences.
 * @template {{mimeType: string}} C
 * @param {readonly C[]} codecs
 * @returns {C[]}
 */
export function ownCodecs(codecs) {
  const wanted = ['video/vp8', 'video/rtx', 'audio/opus'];
  return codecs.filter((codec) => wanted.includes(codec.mimeType.toLowerCase()));
}
