// The pages before, between and after the trials, each as what stands on it.

/** @import { Dispatch, State } from "./state.js" */
/** @import { Study } from "./types.js" */

import { button, el, prose } from "./dom.js";
import { howTo, withdrawal } from "./how-to.js";
import { end, returning } from "./leaving.js";
import { screen } from "./screen-check.js";
import { mayHaveBegun } from "./state.js";
import { stoppedWords } from "./words.js";

/** @typedef {{dispatch: Dispatch, say: (sentence: string) => void}} Outside */

/**
 * The page of a phase; a trial is not one of them, it is a Stage.
 *
 * @param {State} state
 * @param {Outside} outside
 * @returns {Node[]}
 */
export function sheet(state, { dispatch, say }) {
  const { study } = state;
  if (state.phase === "failed") return failed(state.why ?? "");
  if (state.phase === "loading" || !study) return [el("p", { class: "waiting" }, "One moment …")];
  switch (state.phase) {
    case "preview":
      return preview(study);
    case "unavailable":
      return unavailable(state, dispatch);
    case "consent":
      return consent(study, dispatch);
    case "declined":
      return declined(study, dispatch);
    case "screen":
      return screen(study, dispatch);
    case "ready":
      return ready(state, study, dispatch);
    case "between":
      return between(state, study, dispatch);
    case "end":
      return end(state, study, say);
    case "elsewhere":
      return [
        el("h1", {}, "The study goes on in another tab"),
        el("p", {}, "You have it open a second time. All your answers so far are kept."),
        el("div", { class: "actions" }, button(dispatch, "Go on here", { type: "take over" })),
      ];
    default:
      return [el("p", { class: "waiting" }, "One moment …")];
  }
}

/**
 * @param {Study} study
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
function consent(study, dispatch) {
  return [
    el("h1", { lang: study.language }, study.title),
    el(
      "ul",
      { class: "facts" },
      el("li", {}, el("b", {}, `${study.trials}`), " short rankings of pictures"),
      el("li", {}, "about ", el("b", {}, `${study.minutes} min`)),
      el("li", {}, "no sound, no cookies"),
    ),
    el("h2", {}, "Before you begin"),
    prose(study.consent, study.language),
    el(
      "div",
      { class: "actions" },
      button(dispatch, "I agree and take part", { type: "agree" }),
      button(dispatch, "I do not agree", { type: "decline" }, "quiet"),
    ),
  ];
}

/**
 * @param {Study} study
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
function declined(study, dispatch) {
  return [
    el("h1", {}, "You do not take part"),
    el(
      "p",
      {},
      "Nothing about you is stored. When you leave this page, the number of those who did not " +
        "agree grows by one. Thank you for having a look.",
    ),
    ...returning(study, "no_consent"),
    el(
      "div",
      { class: "actions" },
      button(dispatch, "Read the information again", { type: "reconsider" }, "quiet"),
    ),
  ];
}

/**
 * @param {State} state
 * @param {Study} study
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
function ready({ withdraw }, study, dispatch) {
  const begin = study.training > 0 ? "Begin with practice" : "Begin";
  return [
    el("h1", {}, "What to do"),
    prose(study.instructions, study.language),
    ...howTo(study),
    ...(withdraw ? [withdrawal(withdraw)] : []),
    el("div", { class: "actions" }, button(dispatch, begin, { type: "begin" })),
  ];
}

/**
 * @param {State} state
 * @param {Study} study
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
function between({ task }, study, dispatch) {
  const left = (task?.trial.total ?? study.trials) - (task?.trial.answered ?? 0);
  return [
    el("h1", {}, "Practice is over"),
    el(
      "p",
      {},
      `From now on your answers count. ${left} ${left === 1 ? "ranking is" : "rankings are"} to ` +
        "come; take your time, and rest between two of them whenever you like.",
    ),
    el("div", { class: "actions" }, button(dispatch, "Go on", { type: "begin" })),
  ];
}

/**
 * @param {State} state
 * @param {Dispatch} dispatch
 * @returns {Node[]}
 */
function unavailable(state, dispatch) {
  const { title, text } = stoppedWords(state.why ?? "", state.message);
  if (state.begun) {
    return [
      el("h1", {}, title),
      el(
        "p",
        {},
        "No more answers are taken. All that you answered so far are kept; should the study be " +
          "opened again, this page goes on where you stopped. Thank you for taking part.",
      ),
      el("div", { class: "actions" }, again("Try again")),
    ];
  }
  return [
    el("h1", {}, title),
    el("p", {}, text),
    ...(mayHaveBegun(state)
      ? [
          el("p", {}, "Had you begun already? Then you can go on where you stopped."),
          el("div", { class: "actions" }, button(dispatch, "Go on", { type: "reconsider" }, "quiet")),
        ]
      : []),
  ];
}

/**
 * @param {Study} study
 * @returns {Node[]}
 */
function preview(study) {
  return [
    el("p", { class: "banner" }, "This is a preview. Accept the task to take part."),
    el("h1", { lang: study.language }, study.title),
    el(
      "p",
      {},
      `You would make ${study.trials} rankings like the one below, in about ${study.minutes} minutes.`,
    ),
    prose(study.instructions, study.language),
    el("div", { id: "example" }),
    el("h2", {}, "What you would agree to"),
    prose(study.consent, study.language),
  ];
}

/**
 * @param {string} why
 * @returns {Node[]}
 */
function failed(why) {
  return [
    el("h1", {}, "Something went wrong"),
    el("p", {}, "What you answered so far is kept. Loading the page again goes on from there."),
    el("p", { class: "soft" }, why),
    el(
      "div",
      { class: "actions" },
      again("Load the page again"),
    ),
  ];
}

/** @param {string} label */
function again(label) {
  const reload = () => window.location.reload();
  return el("button", { type: "button", class: "strong", click: reload }, label);
}
