// One pixel of a picture on one pixel of the device, or on k × k of them, never in between.

/** @typedef {"row" | "stacked" | "column"} Layout */

const LARGEST = 16;
// In CSS pixels: between two pictures, around the stage, and what stands above and below it.
export const GAP = 24;
const MARGIN = 24;
const CHROME = 330;
const COMFORTABLE = 140;
const CEILING = 360;
const BUTTON = 40;

/**
 * The size of so many pixels in CSS pixels.
 *
 * @param {number} pixels
 * @param {number} k
 * @param {number} ratio device pixels in a CSS pixel
 * @returns {number}
 */
export function cssSize(pixels, k, ratio) {
  return (pixels * k) / ratio;
}

/**
 * What to add to a position, in CSS pixels, so that it falls on a device pixel.
 *
 * @param {number} position CSS pixels
 * @param {number} ratio
 * @returns {number} at most half a device pixel either way
 */
export function correction(position, ratio) {
  return (Math.round(position * ratio) - position * ratio) / ratio;
}

/**
 * How the original and the pictures stand: in one row, the original above a row, or wrapped.
 *
 * @param {{width: number, models: number, ratio: number, window: readonly [number, number]}} room
 *   width of a picture in device pixels, magnified
 * @returns {Layout}
 */
export function layoutOf({ width, models, ratio, window }) {
  const cell = Math.max(width / ratio, models * BUTTON);
  const room = window[0] - 2 * MARGIN;
  if ((models + 1) * cell + (models + 1) * GAP <= room) return "row";
  if (models * cell + (models - 1) * GAP <= room) return "stacked";
  return "column";
}

/**
 * How many device pixels wide and high a picture's pixel is.
 *
 * "auto" is the largest integer at which all pictures are seen at once; where that leaves them too
 * small to judge (on a phone), the largest at which one of them fits beside none.
 *
 * @param {object} room
 * @param {"auto" | number} room.magnify
 * @param {readonly [number, number]} room.widest width and height of the largest picture
 * @param {number} room.models
 * @param {number} room.ratio
 * @param {readonly [number, number]} room.window width and height, CSS pixels
 * @returns {number}
 */
export function magnification({ magnify, widest, models, ratio, window }) {
  if (magnify !== "auto") return magnify;
  const [width, height] = window;
  /** @param {number} k */
  const together = (k) => {
    const w = cssSize(widest[0], k, ratio);
    const h = cssSize(widest[1], k, ratio);
    if (w > CEILING) return false;
    const layout = layoutOf({ width: widest[0] * k, models, ratio, window });
    if (layout === "column") return false;
    return (layout === "row" ? h : 2 * h + 2 * GAP) <= height - CHROME;
  };
  /** @param {number} k */
  const alone = (k) => {
    const w = cssSize(widest[0], k, ratio);
    return w <= Math.min(width - 2 * MARGIN, CEILING) && cssSize(widest[1], k, ratio) <= height / 3;
  };
  const largest = largestOf(together);
  if (cssSize(widest[0], largest, ratio) >= COMFORTABLE) return Math.max(largest, 1);
  return Math.max(largest, largestOf(alone), 1);
}

/**
 * @param {(k: number) => boolean} fits
 * @returns {number}
 */
function largestOf(fits) {
  for (let k = LARGEST; k > 0; k -= 1) if (fits(k)) return k;
  return 0;
}

/**
 * Move pictures, each by less than a device pixel, until their corners fall on device pixels.
 *
 * @param {readonly HTMLElement[]} pictures positioned relatively
 * @param {number} ratio
 * @returns {boolean} whether all of them do
 */
export function snap(pictures, ratio) {
  for (const picture of pictures) {
    picture.style.left = "0px";
    picture.style.top = "0px";
  }
  // A stage that scrolls or wraps may move again when something in it has moved.
  for (let round = 0; round < 3; round += 1) {
    const moves = pictures.map((picture) => {
      const box = picture.getBoundingClientRect();
      return [correction(box.left, ratio), correction(box.top, ratio)];
    });
    if (moves.every(([x, y]) => near(x) && near(y))) return true;
    pictures.forEach((picture, index) => {
      const [x, y] = moves[index] ?? [0, 0];
      picture.style.left = `${parseFloat(picture.style.left) + (x ?? 0)}px`;
      picture.style.top = `${parseFloat(picture.style.top) + (y ?? 0)}px`;
    });
  }
  return false;
}

/** @param {number | undefined} distance in CSS pixels */
function near(distance) {
  // Browsers lay out in steps of 1/64 or 1/60 of a pixel.
  return Math.abs(distance ?? 0) < 1 / 40;
}
