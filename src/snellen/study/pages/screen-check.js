// The look at the screen: whether the window is large enough, and what its pixels are.

/** @import { Dispatch, State } from "./state.js" */
/** @import { Study } from "./types.js" */

import { button, byId, el } from "./dom.js";
import { returning } from "./leaving.js";
import { tooSmall } from "./state.js";

/**
 * @param {Study} study
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
export function screen(study, dispatch) {
  const steps = Array.from({ length: 11 }, (_, step) => el("span", { class: `gray g${step}` }));
  return [
    el("h1", {}, "A look at your screen"),
    el("p", {}, "Details matter here, so the pictures are shown as exactly as your screen can."),
    el("ul", { class: "checks", id: "checks" }),
    el("h2", {}, "Eleven steps of gray"),
    el("div", { class: "grays", role: "img", "aria-label": "A bar from black to white" }, ...steps),
    el(
      "p",
      { class: "soft" },
      "If neighbours look alike, make the screen brighter, turn night colours off, or look at " +
        "it from straight ahead.",
    ),
    el("div", { id: "screen-way" }, ...returning(study, "screened_out")),
    el("div", { class: "actions" }, button(dispatch, "Continue", { type: "continue" })),
  ];
}

/** @param {State} state */
export function updateScreen(state) {
  const { screen, study } = state;
  if (!screen || !study) return;
  const small = tooSmall(state);
  const zoomed = screen.zoom !== null && Math.abs(screen.zoom - 1) > 0.05;
  const percent = Math.round(100 * (screen.zoom ?? 1));
  const ratio = Math.round(100 * screen.pixel_ratio) / 100;
  const checks = [
    small
      ? check(
          false,
          `Your window is ${screen.width} pixels wide; this study needs ${study.smallest_window}.`,
          "Please make it larger, or come back with a larger screen. Nothing was stored so far.",
        )
      : check(true, `Your window is ${screen.width} × ${screen.height} pixels large.`, ""),
    check(
      true,
      `Your screen draws ${ratio} ${ratio === 1 ? "dot" : "dots"} for each pixel of a page.`,
      "Each pixel of a picture gets its own dot, or a whole number of them.",
    ),
  ];
  if (zoomed) {
    checks.push(
      check(
        false,
        `Your browser seems to be zoomed to ${percent} %.`,
        "The pictures stay sharp. If you can read the page without it, 100 % is best " +
          "(Ctrl and 0, or ⌘ and 0).",
      ),
    );
  }
  byId("checks").replaceChildren(...checks);
  byId("screen-way").hidden = !small;
  const button = document.querySelector("main .actions .strong");
  if (small) button?.setAttribute("aria-disabled", "true");
  else button?.removeAttribute("aria-disabled");
}

/**
 * @param {boolean} good
 * @param {string} what
 * @param {string} more
 * @returns {HTMLElement}
 */
function check(good, what, more) {
  return el(
    "li",
    { class: good ? "good" : "look" },
    el("span", { class: "mark", "aria-hidden": "true" }, good ? "✓" : "!"),
    el("div", {}, el("p", {}, what), more && el("p", { class: "soft" }, more)),
  );
}
