// One pixel of a picture on one pixel of the device, or on k × k of them, never in between.

/**
 * row: the original and the pictures beside each other. stacked: the original above them. grid: two
 * columns, the original in the first place. column: one below the other.
 *
 * @typedef {"row" | "stacked" | "grid" | "column"} Layout
 */

/**
 * @typedef {object} Room
 * @property {"auto" | number} magnify
 * @property {readonly [number, number]} widest width and height of the largest picture
 * @property {number} models
 * @property {number} ratio device pixels in a CSS pixel
 * @property {readonly [number, number]} window width and height, CSS pixels
 */

/** @type {Layout[]} */
const LAYOUTS = ["row", "stacked", "grid"];
const LARGEST = 16;
// All in CSS pixels. From COMFORTABLE on, a picture is large enough to be judged; above CEILING it
// is no use to magnify it more.
const COMFORTABLE = 140;
const CEILING = 360;
// As in style.css: the line above a picture, a button below it with the space around it, the least
// width of a picture's place, and the width of a window from which on all is closer.
const ABOVE = 32;
const BUTTON = 50;
const CELL = 150;
const NARROW = 760;

/**
 * @param {number} width of the window
 * @returns {{gap: number, margin: number, rest: number}} rest: the height that is no picture's
 */
function frame(width) {
  return width <= NARROW
    ? { gap: 12, margin: 12, rest: 220 }
    : { gap: 24, margin: 24, rest: 190 };
}

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
 * How much pictures are magnified, and how they stand.
 *
 * "auto" is the largest integer at which all are seen at once; where that leaves them too small to
 * be judged in a narrow window, the largest at which the original and one other are.
 *
 * @param {Room} room
 * @returns {{k: number, layout: Layout}} k: device pixels to each pixel of a picture, either way
 */
export function arrange(room) {
  const width = (/** @type {number} */ k) => cssSize(room.widest[0], k, room.ratio);
  if (room.magnify !== "auto") return { k: room.magnify, layout: layoutOf(room, room.magnify) };
  let best = 0;
  for (const layout of LAYOUTS) {
    best = Math.max(best, largestOf((k) => width(k) <= CEILING && fits(room, layout, k, true)));
  }
  if (width(best) < COMFORTABLE && room.window[0] <= NARROW) {
    const alone = largestOf((k) => width(k) <= CEILING && fits(room, "column", k, true));
    if (alone > best) return { k: alone, layout: "column" };
  }
  const k = Math.max(1, best);
  return { k, layout: layoutOf(room, k) };
}

/**
 * The first layout that the window holds; if none does, the first that it is wide enough for.
 *
 * @param {Room} room
 * @param {number} k
 * @returns {Layout}
 */
function layoutOf(room, k) {
  const whole = LAYOUTS.find((layout) => fits(room, layout, k, true));
  return whole ?? LAYOUTS.find((layout) => fits(room, layout, k, false)) ?? "column";
}

/**
 * @param {Room} room
 * @param {Layout} layout
 * @param {number} k
 * @param {boolean} whole whether the height counts, too
 */
function fits({ widest, models, ratio, window }, layout, k, whole) {
  const { gap, margin, rest } = frame(window[0]);
  const w = cssSize(widest[0], k, ratio);
  const h = cssSize(widest[1], k, ratio);
  const cell = Math.max(w, CELL);
  const around = ABOVE + 10 + BUTTON * Math.ceil((models * BUTTON - 6) / cell);
  // Beside the original runs a line with as much room on its other side.
  const row = w + 2 * gap + models * cell + (models - 1) * gap;
  const sizes = {
    row: [row, h + around],
    stacked: [models * cell + (models - 1) * gap, 2 * h + ABOVE + around + gap],
    grid: [2 * cell + gap, 2 * (h + around) + gap],
    column: [w, 2 * (h + ABOVE)],
  };
  const [across, down] = sizes[layout];
  const [width, height] = window;
  return (across ?? 0) <= width - 2 * margin && (!whole || (down ?? 0) <= height - rest);
}

/**
 * @param {(k: number) => boolean} holds
 * @returns {number}
 */
function largestOf(holds) {
  for (let k = LARGEST; k > 0; k -= 1) if (holds(k)) return k;
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
