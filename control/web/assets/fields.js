// Selects for camera, microphone and speaker, used before and in the call.

import { h } from './dom.js';

/** @typedef {import('./devices.js').Devices} Devices */

/** @type {Record<'cam'|'mic'|'speaker', string>} */
const LABELS = { cam: 'Camera', mic: 'Microphone', speaker: 'Speaker' };

/** Whether this browser can choose where sound goes. */
const canChooseSpeaker = typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;

/**
 * Fills a box with the selects.
 * @param {HTMLElement} box
 * @param {Devices} devices
 * @param {string} prefix of ids
 */
export async function fillDeviceFields(box, devices, prefix) {
  const lists = await devices.list();
  const kinds = /** @type {const} */ (['cam', 'mic', 'speaker']).filter((kind) => kind !== 'speaker' || canChooseSpeaker);
  const fields = kinds.map((kind) => {
    const id = `${prefix}-device-${kind}`;
    const select = h('select', { id, 'data-testid': id });
    const current = kind === 'speaker' ? devices.choices.speaker : devices.track[kind]?.getSettings().deviceId ?? devices.choices[kind];
    for (const [i, device] of lists[kind].entries()) {
      const option = h('option', { value: device.deviceId }, device.label || `${LABELS[kind]} ${i + 1}`);
      option.selected = device.deviceId === current;
      select.append(option);
    }
    if (!lists[kind].length) {
      select.append(h('option', { value: '' }, kind === 'speaker' ? 'Chosen by your device' : 'None found'));
      select.disabled = true;
    }
    select.addEventListener('change', () => {
      if (kind === 'speaker') devices.chooseSpeaker(select.value);
      else void devices.choose(kind, select.value);
    });
    return h('div', { class: 'field' }, h('label', { for: id }, LABELS[kind]), select);
  });
  // The person may be in the middle of choosing: only what differs is replaced.
  const before = [...box.querySelectorAll('option')].map((option) => `${option.value}${option.label}${option.selected}`).join();
  const fresh = fields.flatMap((field) => [...field.querySelectorAll('option')]).map((option) => `${option.value}${option.label}${option.selected}`).join();
  if (box.childElementCount === 0 || before !== fresh) {
    const focused = box.contains(document.activeElement) ? document.activeElement?.id : '';
    box.replaceChildren(...fields);
    if (focused) document.getElementById(focused)?.focus();
  }
}
