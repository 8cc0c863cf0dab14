// What surrounds a trial: the window, the zoom, and whether anyone looked away.

/** @import { Screen } from "./types.js" */

/**
 * The browser's zoom as far as a page can tell: its outer width is in CSS pixels of no zoom.
 *
 * @param {Window} window
 * @returns {number | null} null in a frame, where both widths speak of different things
 */
export function zoomOf(window) {
  if (window.parent !== window || !window.innerWidth || !window.outerWidth) return null;
  return Math.round((window.outerWidth / window.innerWidth) * 100) / 100;
}

/**
 * @param {Window} window
 * @returns {Screen}
 */
export function measureScreen(window) {
  return {
    width: window.innerWidth,
    height: window.innerHeight,
    pixel_ratio: window.devicePixelRatio,
    screen_width: window.screen.width,
    screen_height: window.screen.height,
    color_depth: window.screen.colorDepth,
    zoom: zoomOf(window),
    touch: window.navigator.maxTouchPoints > 0,
  };
}

export class Watch {
  /** @param {Window} window */
  constructor(window) {
    this.window = window;
    this.blurs = 0;
    this.resizes = 0;
    this.hidden = 0;
    this.input = "";
    /** @type {number | null} */
    this.since = null;
    const { document } = window;
    window.addEventListener("blur", () => (this.blurs += 1));
    window.addEventListener("resize", () => (this.resizes += 1));
    document.addEventListener("visibilitychange", () => this.look());
    document.addEventListener("pointerdown", (event) => (this.input = event.pointerType), true);
    document.addEventListener("keydown", () => (this.input = "keyboard"), true);
    this.look();
  }

  look() {
    const now = this.window.performance.now();
    if (this.since !== null) this.hidden += now - this.since;
    this.since = this.window.document.hidden ? now : null;
  }

  /** A trial begins. */
  reset() {
    this.look();
    this.blurs = 0;
    this.resizes = 0;
    this.hidden = 0;
  }

  /** @returns {Record<string, unknown>} */
  read() {
    this.look();
    const { window } = this;
    return {
      window: [window.innerWidth, window.innerHeight],
      pixel_ratio: window.devicePixelRatio,
      zoom: zoomOf(window),
      pinch: Math.round((window.visualViewport?.scale ?? 1) * 100) / 100,
      blurs: this.blurs,
      hidden_ms: Math.round(this.hidden),
      resizes: this.resizes,
      input: this.input,
    };
  }
}

/**
 * The time at which what was put on the page has been painted.
 *
 * @param {Window} window
 * @returns {Promise<number>} on the page's clock, in ms
 */
export function painted(window) {
  // The first frame paints; at the beginning of the second it has been.
  return new Promise((resolve) => {
    window.requestAnimationFrame(() =>
      window.requestAnimationFrame(() => resolve(window.performance.now())),
    );
  });
}
