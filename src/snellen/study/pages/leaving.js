// The ways out of the study: back to the platform, early or with the code.

/** @import { State } from "./state.js" */
/** @import { Leave, Study } from "./types.js" */

import { el } from "./dom.js";
import { withdrawal } from "./how-to.js";
import { wayBack } from "./platform.js";

/**
 * @param {State} state
 * @param {Study} study
 * @param {(sentence: string) => void} say
 * @returns {Node[]}
 */
export function end({ completion, withdraw }, study, say) {
  const code = el("input", {
    id: "code",
    class: "code",
    readonly: true,
    value: completion?.code ?? "",
    size: (completion?.code.length ?? 8) + 2,
    focus: (/** @type {FocusEvent} */ event) =>
      /** @type {HTMLInputElement} */ (event.target).select(),
  });
  const copy = el(
    "button",
    { type: "button", class: "quiet", click: () => void copyCode(code, copy, say) },
    "Copy",
  );
  return [
    el("h1", {}, "Thank you!"),
    el("p", {}, "All your answers are saved. This is your code:"),
    el(
      "div",
      { class: "codes" },
      el("label", { class: "hidden", for: "code" }, "Your code"),
      code,
      copy,
    ),
    ...leaving(completion?.leave ?? null, study),
    ...(withdraw ? [withdrawal(withdraw)] : []),
  ];
}

/**
 * @param {HTMLInputElement} code
 * @param {HTMLButtonElement} button
 * @param {(sentence: string) => void} say
 */
async function copyCode(code, button, say) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(code.value);
  } catch {
    // In a frame, or without https, the older way may still be allowed.
    code.select();
    copied = document.execCommand("copy");
    button.focus();
  }
  button.textContent = copied ? "Copied" : "Copy";
  say(copied ? "The code was copied." : "The code could not be copied; please select it.");
}

/**
 * @param {Study} study
 * @param {"no_consent" | "screened_out"} why
 * @returns {Node[]}
 */
export function returning(study, why) {
  const url = wayBack(study, why);
  if (url) {
    return [el("p", {}, el("a", { class: "strong button", href: url }, "Back to Prolific"))];
  }
  if (study.platform !== "mturk") return [];
  return [el("p", {}, "Please return the task on Mechanical Turk, so that others can take it.")];
}

/**
 * @param {Leave | null} leave
 * @param {Study} study
 * @returns {Node[]}
 */
function leaving(leave, study) {
  if (leave === null && study.platform === "mturk") {
    return [
      el(
        "p",
        {},
        "The task can no longer be handed in from here, because it was forgotten whose it is. If " +
          "you have not been paid, please write to the address below, and name your code.",
      ),
    ];
  }
  if (leave === null) return [el("p", {}, "You may close this page now.")];
  if ("url" in leave) {
    return [
      el("p", {}, "The last step: go back, so that it is known that you are done."),
      el("p", {}, el("a", { class: "strong button", href: leave.url }, "Finish on Prolific")),
    ];
  }
  const fields = Object.entries(leave.form.fields).map(([name, value]) =>
    el("input", { type: "hidden", name, value }),
  );
  const goal = study.platform === "mturk" ? "Mechanical Turk" : "the platform";
  return [
    el("p", {}, "The last step: hand in the task, or it does not count as done."),
    el(
      "form",
      { method: "post", action: leave.form.action },
      ...fields,
      el("button", { type: "submit", class: "strong" }, `Submit to ${goal}`),
    ),
  ];
}
