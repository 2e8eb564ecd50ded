// The picture of a tile: it is covered until it is of whom the tile names.
//
// A slot's stream goes on when the server gives it to somebody else, and the
// map that says so is ahead of the picture: what the browser had received of
// the one before is decoded and presented for a moment still, for seconds
// where the machine is overloaded. The map tells the RTP timestamp of the new
// one's first frame, and requestVideoFrameCallback that of each frame.

/** A browser that presents frames and calls nobody about them (some don't of what isn't seen): uncovered after this time, in ms. */
const SILENT_MS = 1000;
/** Nothing of before comes for as long as this, in ms: what still has an earlier timestamp is 2^31 ticks (six hours) later. */
const LATE_MS = 10_000;

/** Up to which frame of before streams have been seen through. @type {WeakMap<MediaStream, number>} */
const through = new WeakMap();

export class Picture {
  /** Whether it may be seen. */
  uncovered = false;
  #video;
  #onChange;
  /** @type {MediaStream|null} */
  #stream = null;
  /** @type {number|null} */
  #from = null;
  #frame = 0;
  #since = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /**
   * @param {HTMLVideoElement} video
   * @param {(uncovered: boolean) => void} onChange
   */
  constructor(video, onChange) {
    this.#video = video;
    this.#onChange = onChange;
  }

  /**
   * Shows a stream, once it presents the frame whose RTP timestamp is `from`, or a
   * later one. Where frames have no timestamp the first counts; without `from`
   * none is waited for. The same again changes nothing.
   * @param {MediaStream|null} stream null: nothing
   * @param {number|null} from
   */
  show(stream, from) {
    if (stream === this.#stream && from === this.#from) return;
    const video = this.#video;
    this.#stop();
    this.#set(false);
    this.#stream = stream;
    this.#from = from;
    video.srcObject = null; // also of the same stream: it would keep the last frame
    if (!stream) return;
    video.srcObject = stream;
    if (from === null) this.#set(true);
    else this.#wait();
    // A refusal only means that the next frame of a changed stream comes first.
    void video.play().catch(() => {});
  }

  #wait() {
    this.#since = performance.now();
    this.#video.addEventListener('loadeddata', this.#onData);
    if ('requestVideoFrameCallback' in this.#video) this.#next();
  }

  #next() {
    this.#frame = this.#video.requestVideoFrameCallback((now, frame) => {
      this.#frame = 0;
      if (this.#isTheirs(now, frame.rtpTimestamp)) return this.#uncover();
      this.#quiet(); // it does tell
      this.#next();
    });
  }

  /** There is a frame: of whom, only callbacks say. */
  #onData = () => {
    if (this.#frame) this.#timer = setTimeout(() => this.#uncover(), SILENT_MS);
    else this.#uncover();
  };

  /**
   * @param {number} now
   * @param {number} [timestamp]
   */
  #isTheirs(now, timestamp) {
    const from = this.#from ?? 0;
    if (timestamp === undefined || now - this.#since > LATE_MS) return true;
    return (this.#stream && through.get(this.#stream) === from) || ((timestamp - from) | 0) >= 0; // they wrap
  }

  #uncover() {
    this.#stop();
    if (this.#stream && this.#from !== null) through.set(this.#stream, this.#from);
    this.#set(true);
  }

  #stop() {
    this.#quiet();
    if (this.#frame) this.#video.cancelVideoFrameCallback(this.#frame);
    this.#frame = 0;
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.#video.removeEventListener('loadeddata', this.#onData);
  }

  /** @param {boolean} uncovered */
  #set(uncovered) {
    if (uncovered === this.uncovered) return;
    this.uncovered = uncovered;
    this.#onChange(uncovered);
  }
}
