// What a key does in a trial: letters are pictures, numbers are ranks.

export const LETTERS = "ABCDEF";

/**
 * @typedef {{type: "pick", place: number}
 *   | {type: "rank", rank: number}
 *   | {type: "move", by: -1 | 1}
 *   | {type: "undo"}
 *   | {type: "submit"}} Command
 */

/**
 * @typedef {object} Key the parts of a KeyboardEvent that matter
 * @property {string} key
 * @property {string} code
 * @property {boolean} ctrlKey
 * @property {boolean} altKey
 * @property {boolean} metaKey
 * @property {boolean} repeat
 */

/**
 * The command of a key; null for keys that are not ours.
 *
 * A key's character counts before its place, so that an A is an A on every Latin keyboard; where
 * the character is no letter or number that we know (Cyrillic, or the upper row in France), the
 * place counts.
 *
 * @param {Key} event
 * @param {number} models
 * @returns {Command | null}
 */
export function commandOf(event, models) {
  if (event.altKey || event.repeat) return null;
  if (event.ctrlKey || event.metaKey) {
    return event.key.toLowerCase() === "z" ? { type: "undo" } : null;
  }
  switch (event.key) {
    case "ArrowLeft":
      return { type: "move", by: -1 };
    case "ArrowRight":
      return { type: "move", by: 1 };
    case "Backspace":
    case "Delete":
      return { type: "undo" };
    case "Enter":
      return { type: "submit" };
  }
  const latin = /^[a-z]$/i.test(event.key);
  const letter = latin ? event.key.toUpperCase() : (/^Key([A-Z])$/.exec(event.code)?.[1] ?? "");
  if (letter === "U") return { type: "undo" };
  const place = letter === "" ? -1 : LETTERS.indexOf(letter);
  if (place >= 0 && place < models) return { type: "pick", place };
  const digit = /^[0-9]$/.test(event.key)
    ? event.key
    : (/^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1] ?? "");
  const rank = Number(digit);
  return !latin && rank >= 1 && rank <= models ? { type: "rank", rank } : null;
}
