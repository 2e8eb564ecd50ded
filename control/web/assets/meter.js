// How loud the microphone is, for the bar before the call.

/** Levels above this count as speech (of 0..1). */
const HEARD = 0.12;

export class Meter {
  #onLevel;
  /** @type {AudioContext|null} */
  #context = null;
  /** @type {MediaStreamAudioSourceNode|null} */
  #source = null;
  /** @type {MediaStreamTrack|null} */
  #track = null;
  #frame = 0;

  /** @param {(level: number, heard: boolean) => void} onLevel 0..1, once per frame */
  constructor(onLevel) {
    this.#onLevel = onLevel;
  }

  /**
   * Measures this track from now on; null for none.
   * @param {MediaStreamTrack|null} track
   */
  measure(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#onLevel(0, false);
    if (!track || typeof AudioContext === 'undefined') return;
    const context = (this.#context ??= new AudioContext());
    // Without a touch or key press browsers hold a context back: try again then.
    const resume = () => void context.resume().catch(() => {});
    resume();
    addEventListener('pointerdown', resume, { once: true });
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const tick = () => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const sample of samples) sum += sample * sample;
      const decibels = 10 * Math.log10(sum / samples.length + 1e-10);
      const level = Math.min(1, Math.max(0, (decibels + 60) / 50));
      this.#onLevel(level, level > HEARD);
      this.#frame = requestAnimationFrame(tick);
    };
    tick();
  }

  close() {
    this.measure(null);
    void this.#context?.close().catch(() => {});
    this.#context = null;
  }
}
