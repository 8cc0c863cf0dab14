// Pictures by id: fetched with the token, decoded, ready to be put on the page in one moment.

/** @import { PictureIds } from "./types.js" */

/**
 * @typedef {object} Shown
 * @property {HTMLImageElement} original
 * @property {HTMLImageElement[]} options left to right
 */

/**
 * @param {Blob} blob
 * @param {number} width
 * @param {number} height
 * @returns {Promise<HTMLImageElement>}
 */
export async function decoded(blob, width, height) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  // The frame that shows it waits for it: the time of the onset is that of the picture.
  image.decoding = "sync";
  image.src = URL.createObjectURL(blob);
  await image.decode();
  if (image.naturalWidth !== width || image.naturalHeight !== height) {
    throw new Error(`a picture is ${image.naturalWidth} × ${image.naturalHeight} pixels`);
  }
  return image;
}

export class Pictures {
  /** @param {(id: string) => Promise<Blob>} load */
  constructor(load) {
    this.load = load;
    /** @type {Map<string, Promise<Shown>>} */
    this.trials = new Map();
  }

  /**
   * The decoded pictures of a trial; asking again, or ahead, asks the server once.
   *
   * @param {PictureIds} ids
   * @returns {Promise<Shown>}
   */
  get(ids) {
    let found = this.trials.get(ids.original);
    if (!found) {
      found = this.fetch(ids);
      found.catch(() => this.trials.delete(ids.original));
      this.trials.set(ids.original, found);
    }
    return found;
  }

  /**
   * @param {PictureIds} ids
   * @returns {Promise<Shown>}
   */
  async fetch({ original, options, width, height }) {
    const images = await Promise.all(
      [original, ...options].map(async (id) => decoded(await this.load(id), width, height)),
    );
    const [first, ...others] = images;
    if (!first) throw new Error("a trial has no pictures");
    return { original: first, options: others };
  }

  /**
   * Let go of all trials but these.
   *
   * @param {(string | undefined)[]} originals
   */
  keep(originals) {
    for (const [original, trial] of this.trials) {
      if (originals.includes(original)) continue;
      this.trials.delete(original);
      void trial.then(({ original: first, options }) => {
        for (const image of [first, ...options]) URL.revokeObjectURL(image.src);
      }, () => undefined);
    }
  }
}
