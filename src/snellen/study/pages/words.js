// Every sentence of the participant's pages that is not the study's own.

/** @import { Said } from "./state.js" */
/** @import { Study, Trial } from "./types.js" */

import { LETTERS } from "./keys.js";

/** The language of the sentences here; the study's texts have their own. */
export const LANGUAGE = "en";

/** @param {number} place */
export const letter = (place) => LETTERS[place] ?? "?";

/** @param {number} place */
export const pictureName = (place) => `Picture ${letter(place)}`;

/**
 * @param {number} place
 * @param {number | null} rank
 */
export function pictureLabel(place, rank) {
  return rank === null ? `${pictureName(place)}, no rank yet` : `${pictureName(place)}, rank ${rank}`;
}

/**
 * @param {readonly string[]} parts
 * @returns {string} a, b and c
 */
export function listed(parts) {
  if (parts.length < 2) return parts.join("");
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** @param {number} models */
export const letters = (models) => Array.from({ length: models }, (_, place) => letter(place));

/** @param {number} models */
export const numbers = (models) => Array.from({ length: models }, (_, place) => `${place + 1}`);

/**
 * Where the participant is, for the eye and for a heading.
 *
 * @param {Trial} trial
 * @param {Study} study
 * @returns {string}
 */
export function placeOf(trial, study) {
  if (trial.kind === "training") {
    return `Practice ${trial.answered + 1} of ${Math.max(study.training, trial.answered + 1)}`;
  }
  return `${trial.answered + 1 - study.training} of ${trial.total - study.training}`;
}

/**
 * @param {Said} said
 * @returns {string}
 */
export function sentenceOf(said) {
  if (said.what === "sent") return "Your ranking is sent.";
  if (said.what === "incomplete") return "Some pictures have no rank yet.";
  const changes = said.changed.map(({ place, rank }) =>
    rank === null ? `${pictureName(place)} has no rank.` : `${pictureName(place)} has rank ${rank}.`,
  );
  const parts = said.what === "undone" ? ["Undone.", ...changes] : changes;
  if (said.complete) parts.push("Every picture has a rank. Press Enter, or the button Next.");
  return parts.join(" ");
}

/** @type {Record<string, {title: string, text: string}>} */
const STOPPED = {
  paused: {
    title: "The study takes a break",
    text: "Nobody can begin at the moment. Please come back later.",
  },
  closed: {
    title: "The study has ended",
    text: "Nobody can begin any more. Thank you for your interest.",
  },
  full: {
    title: "All places are taken",
    text: "As many people as the study needs are taking part already. Thank you for your interest.",
  },
  withdrawn: {
    title: "Your answers were deleted",
    text: "You withdrew from the study. Nothing that you answered is kept.",
  },
  gone: {
    title: "Your place was given to somebody else",
    text:
      "You were away for longer than a place is kept, and in the meantime somebody else took it. " +
      "Thank you for what you answered.",
  },
  simulated: {
    title: "The study takes no answers from people",
    text:
      "It holds simulated answers, with which those of people must not be mixed. Thank you for " +
      "your interest.",
  },
  changed: {
    title: "The study was changed",
    text: "It cannot go on as it was begun. Please write to the address below.",
  },
  invitation: {
    title: "This link is not an invitation",
    text: "The study can be entered only by a personal link. Please check that yours is complete.",
  },
};

/**
 * @param {string} why
 * @param {string} message the server's own sentence
 * @returns {{title: string, text: string}}
 */
export function stoppedWords(why, message) {
  return (
    STOPPED[why] ?? {
      title: "You cannot take part with this link",
      text: message || "Please try again later, or write to the address below.",
    }
  );
}

/**
 * How to rank, as pairs of a way and what it does.
 *
 * @param {Study} study
 * @returns {[string, string][]}
 */
export function waysToRank(study) {
  const all = listed(numbers(study.models));
  /** @type {[string, string][]} */
  const ways = [
    ["Click or tap", "a picture: the first gets rank 1, the next rank 2, and so on. Again takes it back."],
    ["Buttons", `${all} below a picture give it that rank.`],
    ["Drag", "a picture, or the bar above it, onto a place of the ranking."],
  ];
  if (study.ties) {
    ways.push(["Equally good?", "Give both pictures the same number by their buttons or keys."]);
  }
  return ways;
}

/**
 * @param {Study} study
 * @returns {[string, string][]} keys and what they do
 */
export function keyWords(study) {
  return [
    [letters(study.models).join(" "), "choose a picture, the best one first"],
    ["← →", "go from picture to picture"],
    [
      numbers(study.models).join(" "),
      "give the picture you are at that rank; while you are at none, the first without a rank",
    ],
    ["U or Backspace", "undo"],
    ["Enter", "next, once every picture has a rank"],
  ];
}
