// How the media gets through the network, from the browser's statistics.

/**
 * @param {import('/sdk/index.js').Room} room
 * @returns {Promise<{relay: boolean, rtt_ms?: number}>}
 */
export async function networkOf(room) {
  const report = await room.stats().catch(() => null);
  const stats = new Map();
  report?.forEach((/** @type {any} */ entry) => stats.set(entry.id, entry));
  for (const entry of stats.values()) {
    const pair = entry.type === 'transport' && stats.get(entry.selectedCandidatePairId);
    if (!pair) continue;
    const relay = stats.get(pair.localCandidateId)?.candidateType === 'relay';
    const rtt = Math.round((pair.currentRoundTripTime ?? 0) * 1000);
    return rtt > 0 ? { relay, rtt_ms: rtt } : { relay };
  }
  return { relay: false };
}
