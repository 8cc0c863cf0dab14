// The participant's pages. A page is built when the phase or the trial changes, and after that
// only brought up to date, so that focus stays where it is.

/** @import { Event, State } from "./state.js" */
/** @import { Study } from "./types.js" */
/** @import { Shown } from "./pictures.js" */

import { byId, el, prose } from "./dom.js";
import { mayHaveBegun, tooSmall } from "./state.js";
import { Stage } from "./stage.js";
import { wayBack } from "./platform.js";
import {
  keyWords,
  LANGUAGE,
  letters,
  listed,
  sentenceOf,
  stoppedWords,
  waysToRank,
} from "./words.js";

/** @typedef {(event: Event) => void} Dispatch */

export class View {
  /**
   * @param {object} outside
   * @param {Dispatch} outside.dispatch
   * @param {() => Record<string, unknown>} outside.environment
   */
  constructor({ dispatch, environment }) {
    this.dispatch = dispatch;
    this.environment = environment;
    this.main = byId("page");
    this.said = byId("said");
    this.trouble = byId("trouble");
    this.notice = byId("notice");
    this.foot = byId("foot");
    this.top = byId("top");
    this.help = /** @type {HTMLDialogElement} */ (byId("help"));
    this.key = "";
    this.turn = 0;
    /** @type {Stage | null} */
    this.stage = null;
    document.documentElement.lang = LANGUAGE;
    this.keys = /** @type {HTMLInputElement} */ (byId("keys"));
    // Of the whole page: the focus may be on its head, as after the instructions were read.
    document.addEventListener("keydown", (event) => this.pressed(event));
    byId("help-close").addEventListener("click", () => this.help.close());
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const character = event.key.length === 1 && !event.ctrlKey && !event.metaKey;
    if (this.help.open || (character && !this.keys.checked)) return;
    this.stage?.key(event);
  }

  /** @param {State} state */
  render(state) {
    const key = `${state.phase} ${state.task?.trial.number ?? ""} ${state.why ?? ""}`;
    if (key !== this.key) {
      this.key = key;
      this.build(state);
    }
    this.update(state);
  }

  /** @param {State} state */
  build(state) {
    const { study, phase, task } = state;
    this.stage = null;
    if (this.help.open) this.help.close();
    document.body.dataset.phase = phase;
    if (study && task && phase === "trial") {
      this.stage = new Stage(study, task.trial, this.dispatch, this.environment);
      this.main.replaceChildren(this.stage.element);
    } else {
      this.main.replaceChildren(...this.page(state));
    }
    this.topOf(state);
    this.footOf(state);
    const heading = this.main.querySelector("h1");
    document.title = [heading?.textContent, study?.title].filter(Boolean).join(" · ");
    window.scrollTo(0, 0);
    if (phase !== "loading" && heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }

  /** @param {State} state */
  update(state) {
    this.stage?.update(state);
    const { said, trouble, notice } = state;
    if (said && said.turn !== this.turn) {
      this.turn = said.turn;
      this.say(sentenceOf(said));
    }
    show(this.trouble, trouble ? troubleWords(state) : "");
    show(this.notice, notice ? noticeWords(notice) : "");
    if (state.phase === "screen") this.updateScreen(state);
  }

  /** @param {string} sentence */
  say(sentence) {
    this.said.textContent = sentence;
  }

  /** @param {State} state */
  topOf({ study, task, phase }) {
    const title = byId("title");
    title.textContent = study?.title ?? "";
    title.lang = study?.language ?? LANGUAGE;
    const progress = byId("progress");
    const instructions = byId("instructions");
    const judging = phase === "trial" && study !== null && task !== null;
    progress.hidden = !judging;
    instructions.hidden = !judging;
    if (!judging) return;
    const bar = /** @type {HTMLProgressElement} */ (byId("progress-bar"));
    bar.max = task.trial.total;
    bar.value = task.trial.answered;
    byId("progress-text").textContent = `${Math.round((100 * bar.value) / bar.max)} %`;
    instructions.onclick = () => this.help.showModal();
  }

  /** @param {State} state */
  footOf({ study, withdraw, phase }) {
    const contact = study ? el("p", {}, "Questions? ", el("span", {}, study.contact)) : null;
    const simulated =
      study?.simulated && el("p", {}, "A simulated study: what you answer is not real data.");
    this.foot.replaceChildren(...[contact, simulated || null].filter((part) => part !== null));
    this.foot.hidden = phase === "trial";
    if (!study) return;
    byId("help-text").replaceChildren(
      prose(study.instructions, study.language),
      ...howTo(study),
      ...(withdraw ? [withdrawal(withdraw)] : []),
      el("p", { class: "soft" }, "Questions? ", study.contact),
    );
  }

  /**
   * @param {State} state
   * @returns {Node[]}
   */
  page(state) {
    const { study } = state;
    if (state.phase === "failed") return failed(state.why ?? "");
    if (state.phase === "loading" || !study) return [el("p", { class: "waiting" }, "One moment …")];
    switch (state.phase) {
      case "preview":
        return preview(study);
      case "unavailable":
        return this.unavailable(state);
      case "consent":
        return this.consent(study);
      case "declined":
        return this.declined(study);
      case "screen":
        return this.screen(study);
      case "ready":
        return this.ready(state, study);
      case "between":
        return this.between(state, study);
      case "end":
        return this.end(state, study);
      case "elsewhere":
        return [
          el("h1", {}, "The study goes on in another tab"),
          el("p", {}, "You have it open a second time. All your answers so far are kept."),
          el("div", { class: "actions" }, this.button("Go on here", { type: "take over" })),
        ];
      default:
        return [el("p", { class: "waiting" }, "One moment …")];
    }
  }

  /**
   * @param {string} label
   * @param {Event} event
   * @param {string} [kind]
   */
  button(label, event, kind = "strong") {
    return el("button", { type: "button", class: kind, click: () => this.dispatch(event) }, label);
  }

  /** @param {Study} study */
  consent(study) {
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
        this.button("I agree and take part", { type: "agree" }),
        this.button("I do not agree", { type: "decline" }, "quiet"),
      ),
    ];
  }

  /** @param {Study} study */
  declined(study) {
    return [
      el("h1", {}, "You do not take part"),
      el(
        "p",
        {},
        "Nothing about you was stored; only the number of those who did not agree has grown by " +
          "one. Thank you for having a look.",
      ),
      ...returning(study, "no_consent"),
      el(
        "div",
        { class: "actions" },
        this.button("Read the information again", { type: "reconsider" }, "quiet"),
      ),
    ];
  }

  /** @param {Study} study */
  screen(study) {
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
      el("div", { class: "actions" }, this.button("Continue", { type: "continue" })),
    ];
  }

  /** @param {State} state */
  updateScreen(state) {
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
    const button = this.main.querySelector(".actions .strong");
    if (small) button?.setAttribute("aria-disabled", "true");
    else button?.removeAttribute("aria-disabled");
  }

  /**
   * @param {State} state
   * @param {Study} study
   */
  ready({ withdraw }, study) {
    const begin = study.training > 0 ? "Begin with practice" : "Begin";
    return [
      el("h1", {}, "What to do"),
      prose(study.instructions, study.language),
      ...howTo(study),
      ...(withdraw ? [withdrawal(withdraw)] : []),
      el("div", { class: "actions" }, this.button(begin, { type: "begin" })),
    ];
  }

  /**
   * @param {State} state
   * @param {Study} study
   */
  between({ task }, study) {
    const left = (task?.trial.total ?? study.trials) - (task?.trial.answered ?? 0);
    return [
      el("h1", {}, "Practice is over"),
      el(
        "p",
        {},
        `From now on your answers count. ${left} ${left === 1 ? "ranking is" : "rankings are"} to ` +
          "come; take your time, and rest between two of them whenever you like.",
      ),
      el("div", { class: "actions" }, this.button("Go on", { type: "begin" })),
    ];
  }

  /**
   * @param {State} state
   * @param {Study} study
   */
  end({ completion, withdraw }, study) {
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
      { type: "button", class: "quiet", click: () => void this.copy(code, copy) },
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
   */
  async copy(code, button) {
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
    this.say(copied ? "The code was copied." : "The code could not be copied; please select it.");
  }

  /** @param {State} state */
  unavailable(state) {
    const { title, text } = stoppedWords(state.why ?? "", state.message);
    return [
      el("h1", {}, title),
      el("p", {}, text),
      ...(mayHaveBegun(state)
        ? [
            el("p", {}, "Had you begun already? Then you can go on where you stopped."),
            el("div", { class: "actions" }, this.button("Go on", { type: "reconsider" }, "quiet")),
          ]
        : []),
    ];
  }

  /** @param {Shown} shown */
  showPictures(shown) {
    this.stage?.show(shown);
  }

  layOut() {
    this.stage?.layOut();
  }

  /**
   * Mechanical Turk's preview: a trial that cannot be answered.
   *
   * @param {State} state
   * @param {Shown} shown
   */
  showPreview({ study }, shown) {
    if (!study) return;
    const options = shown.options.map(() => "");
    const { naturalWidth: width, naturalHeight: height } = shown.original;
    /** @type {import("./types.js").Trial} */
    const trial = {
      state: "trial",
      number: 0,
      kind: "training",
      total: study.trials,
      answered: 0,
      original: "",
      options,
      width,
      height,
      next: null,
    };
    const stage = new Stage(study, trial, () => undefined, () => ({}));
    stage.element.classList.add("example");
    byId("example").replaceChildren(stage.element);
    stage.heading.replaceWith(el("h2", {}, "An example"));
    stage.element.querySelector(".badge")?.remove();
    stage.bar.remove();
    for (const button of stage.element.querySelectorAll("button")) button.disabled = true;
    stage.show(shown);
    this.preview = stage;
  }
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
      el(
        "button",
        { type: "button", class: "strong", click: () => window.location.reload() },
        "Load the page again",
      ),
    ),
  ];
}

/**
 * @param {Study} study
 * @returns {Node[]}
 */
function howTo(study) {
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
function withdrawal(token) {
  const link = el(
    "a",
    { href: `withdraw#${token}`, target: "_blank", rel: "noopener" },
    "your link to withdraw",
  );
  return el(
    "p",
    { class: "soft withdrawal" },
    "Keep ",
    link,
    " if you may want your answers deleted, now or later. Nobody else has it.",
  );
}

/**
 * @param {Study} study
 * @param {"no_consent" | "screened_out"} why
 * @returns {Node[]}
 */
function returning(study, why) {
  const url = wayBack(study, why);
  if (url) {
    return [el("p", {}, el("a", { class: "strong button", href: url }, "Back to Prolific"))];
  }
  if (study.platform !== "mturk") return [];
  return [el("p", {}, "Please return the task on Mechanical Turk, so that others can take it.")];
}

/**
 * @param {import("./types.js").Leave | null} leave
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

/** @param {State} state */
function troubleWords({ trouble, task }) {
  const kept = task?.stage === "sending" ? " Your answer is kept and will be sent." : "";
  const what = trouble?.offline ? "There is no network." : "The server does not answer.";
  return `${what}${kept} Trying again …`;
}

/** @param {"welcome-back" | "first-counts"} notice */
function noticeWords(notice) {
  return notice === "welcome-back"
    ? "Welcome back. You go on where you stopped."
    : "The last pictures had been answered already; the first answer counts.";
}

/**
 * @param {HTMLElement} banner
 * @param {string} text
 */
function show(banner, text) {
  if (banner.textContent !== text) banner.textContent = text;
  banner.classList.toggle("empty", text === "");
}

