// What is seen. A page is built when the phase or the trial changes, and after that only brought
// up to date, so that focus stays where it is.

/** @import { Dispatch, State } from "./state.js" */
/** @import { Shown } from "./pictures.js" */

import { byId, el, prose } from "./dom.js";
import { howTo, withdrawal } from "./how-to.js";
import { updateScreen } from "./screen-check.js";
import { sheet } from "./sheets.js";
import { Stage } from "./stage.js";
import { LANGUAGE, sentenceOf } from "./words.js";

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
      this.main.replaceChildren(...sheet(state, { dispatch: this.dispatch, say: (sentence) => this.say(sentence) }));
    }
    if (phase !== "trial") this.say("");
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
    if (state.phase === "screen") updateScreen(state);
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

/** @type {Record<NonNullable<import("./types.js").Trouble["why"]>, string>} */
const TROUBLES = {
  busy: "The server is busy just now.",
  storage: "The server has no room for answers just now.",
  picture: "A picture cannot be had just now. What you answered is safe.",
};

/** @param {State} state */
function troubleWords({ trouble, task }) {
  const kept = task?.stage === "sending" ? " Your answer is kept and will be sent." : "";
  const told = trouble?.why ? TROUBLES[trouble.why] : "The server does not answer.";
  const what = trouble?.offline ? "There is no network." : told;
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

