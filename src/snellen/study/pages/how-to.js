// What stands on several pages: how to rank, and the link that takes everything back.

/** @import { Study } from "./types.js" */

import { el } from "./dom.js";
import { keyWords, letters, listed, waysToRank } from "./words.js";

/**
 * @param {Study} study
 * @returns {Node[]}
 */
export function howTo(study) {
  const pairs = (/** @type {[string, string][]} */ rows, /** @type {string} */ kind) =>
    el(
      "dl",
      { class: kind },
      ...rows.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
    );
  const names = listed(letters(study.models));
  return [
    el("h2", {}, "How to rank"),
    el("p", {}, `The pictures are called ${names} by their place. Rank 1 is the best.`),
    pairs(waysToRank(study), "ways"),
    el(
      "details",
      {},
      el("summary", {}, "With the keyboard"),
      pairs(keyWords(study), "ways keys"),
      el("p", { class: "soft" }, "Letters are pictures, numbers are ranks."),
    ),
  ];
}

/**
 * @param {string} token
 * @returns {HTMLElement}
 */
export function withdrawal(token) {
  const link = el(
    "a",
    { href: `withdraw#${token}`, target: "_blank", rel: "noopener" },
    "your link to withdraw",
  );
  const copied = el("span", { role: "status" });
  const copy = el(
    "button",
    { type: "button", class: "quiet", click: () => void copyLink(link.href, copied) },
    "Copy the link",
  );
  return el(
    "div",
    { class: "soft withdrawal" },
    el(
      "p",
      {},
      "Keep ",
      link,
      " if you may want your answers deleted, now or later. Nobody else has it.",
    ),
    el("div", { class: "codes" }, copy, copied),
  );
}

/**
 * @param {string} address
 * @param {HTMLElement} place where it is told
 */
async function copyLink(address, place) {
  try {
    await navigator.clipboard.writeText(address);
    place.textContent = "Copied.";
  } catch {
    // In a frame, or without https: to be selected by hand.
    place.textContent = address;
  }
}
