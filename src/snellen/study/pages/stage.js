// One trial on the page: the original, the pictures beside it, and all the ways to rank them.

/** @import { Event, State } from "./state.js" */
/** @import { Study, Trial } from "./types.js" */
/** @import { Shown } from "./pictures.js" */

import { el } from "./dom.js";
import { Drag } from "./drag.js";
import { commandOf } from "./keys.js";
import { arrange, cssSize, snap } from "./pixels.js";
import { isComplete, unranked } from "./ranking.js";
import { letter, pictureLabel, pictureName, placeOf } from "./words.js";

export class Stage {
  /**
   * @param {Study} study
   * @param {Trial} trial
   * @param {(event: Event) => void} dispatch
   * @param {() => Record<string, unknown>} environment
   */
  constructor(study, trial, dispatch, environment) {
    this.study = study;
    this.trial = trial;
    this.dispatch = dispatch;
    this.environment = environment;
    this.magnify = 1;
    this.exact = false;
    this.ranks = unranked(trial.options.length);
    /** @type {HTMLElement[]} */
    this.boxes = [];
    /** @type {HTMLImageElement[]} */
    this.images = [];

    this.heading = el("h1", { tabindex: -1, class: "place" }, placeOf(trial, study));
    this.cards = trial.options.map((_, place) => this.card(place));
    const original = el("div", { class: "picture" });
    this.boxes.unshift(original);
    this.slots = trial.options.map((_, place) => this.slot(place + 1));
    this.undo = el("button", { type: "button", class: "quiet", click: () => this.undone() }, "Undo");
    this.next = el(
      "button",
      { type: "button", class: "strong next", click: () => this.submit() },
      "Next",
    );
    this.hint = el("p", { class: "hint" });
    this.pictures = el(
      "div",
      { class: "pictures" },
      el(
        "figure",
        { class: "card original" },
        el("figcaption", { class: "plate" }, "Original"),
        original,
      ),
      el("ul", { class: "options", "aria-label": "Pictures to rank" }, ...this.cards),
    );
    this.bar = el(
      "div",
      { class: "bar" },
      el(
        "div",
        { class: "ranking" },
        el("span", { class: "end", "aria-hidden": "true" }, "best"),
        el("ol", { class: "slots", "aria-label": "Your ranking, the best first" }, ...this.slots),
      ),
      el("div", { class: "actions" }, this.hint, this.undo, this.next),
    );
    this.element = el("div", { class: "trial" }, this.head(), this.pictures, this.bar);
    this.drag = new Drag(this.element, {
      onDrop: (place, rank) => this.dropped(place, rank),
    });
  }

  head() {
    const { study } = this;
    const practice = this.trial.kind === "training";
    return el(
      "div",
      { class: "head" },
      this.heading,
      el("p", { class: "task", lang: study.language }, study.title),
      practice && el("p", { class: "badge" }, "does not count yet"),
    );
  }

  /** @param {number} place */
  card(place) {
    const picture = el("button", {
      type: "button",
      class: "picture",
      "aria-label": pictureLabel(place, null),
      click: () => {
        if (!this.drag.justDropped) this.dispatch({ type: "pick", place, at: performance.now() });
      },
    });
    this.boxes.push(picture);
    const ranks = this.trial.options.map((_, index) =>
      el(
        "button",
        {
          type: "button",
          class: "rank",
          "aria-pressed": "false",
          "aria-label": `Rank ${index + 1} for picture ${letter(place)}`,
          click: (/** @type {MouseEvent} */ event) => this.ranked(event, place, index + 1),
        },
        `${index + 1}`,
      ),
    );
    return el(
      "li",
      { class: "card option", "data-place": place },
      el(
        "div",
        { class: "plate handle", "data-drag": place },
        el("span", { class: "grip", "aria-hidden": "true" }),
        letter(place),
      ),
      picture,
      el(
        "div",
        { class: "ranks", role: "group", "aria-label": `Rank of ${pictureName(place)}` },
        ...ranks,
      ),
    );
  }

  /** @param {number} rank */
  slot(rank) {
    return el(
      "li",
      { class: "slot", "data-rank": rank },
      el("span", { class: "number" }, `${rank}`),
      el("span", { class: "chips" }),
    );
  }

  /**
   * @param {MouseEvent} event
   * @param {number} place
   * @param {number} rank
   */
  ranked(event, place, rank) {
    const pressed = /** @type {HTMLElement} */ (event.currentTarget).ariaPressed === "true";
    const at = performance.now();
    this.dispatch(pressed ? { type: "take", place, at } : { type: "rank", place, rank, at });
  }

  /**
   * @param {number} place
   * @param {number | null} rank
   */
  dropped(place, rank) {
    const at = performance.now();
    this.dispatch(rank === null ? { type: "take", place, at } : { type: "rank", place, rank, at });
  }

  undone() {
    this.dispatch({ type: "undo" });
  }

  submit() {
    const around = this.environment();
    // Two fingers magnify what is on the screen, by any factor.
    const exact = this.exact && (around.pinch ?? 1) === 1;
    const environment = { ...around, magnify: this.magnify, exact };
    this.dispatch({ type: "submit", at: performance.now(), environment });
  }

  /**
   * A key anywhere in the trial.
   *
   * @param {KeyboardEvent} event
   */
  key(event) {
    // A button that is held down would be pressed again and again.
    if (event.repeat && event.key === "Enter") event.preventDefault();
    const command = commandOf(event, this.study.models);
    if (!command) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    const card = target?.closest("[data-place]");
    const place = card instanceof HTMLElement ? Number(card.dataset.place) : -1;
    switch (command.type) {
      case "submit":
        // Enter presses the button it is at; a picture's, only while ranks are missing.
        if (!isComplete(this.ranks) || (target?.closest("button, a") && !card)) return;
        this.submit();
        break;
      case "pick":
        this.focus(command.place);
        this.dispatch({ type: "pick", place: command.place, at: performance.now() });
        break;
      case "rank": {
        // With the focus on no picture, numbers go from left to right: 2 1 3.
        const ranked = place < 0 ? this.ranks.indexOf(null) : place;
        if (ranked < 0) return;
        this.dispatch({ type: "rank", place: ranked, rank: command.rank, at: performance.now() });
        break;
      }
      case "undo":
        this.undone();
        break;
      case "move": {
        const start = place < 0 && command.by < 0 ? this.cards.length : place;
        this.focus(Math.min(this.cards.length - 1, Math.max(0, start + command.by)));
      }
    }
    event.preventDefault();
  }

  /** @param {number} place */
  focus(place) {
    this.cards[place]?.querySelector("button")?.focus();
  }

  /** @param {Shown} shown decoded */
  show({ original, options }) {
    this.images = [original, ...options];
    original.alt = "The original";
    this.boxes.forEach((box, index) => box.replaceChildren(this.images[index] ?? ""));
    this.layOut();
    // Whatever moves the pictures, larger letters for instance: they go back to device pixels.
    new ResizeObserver(() => this.layOut()).observe(this.pictures);
  }

  /** Sizes and places for the window and the zoom as they are now. */
  layOut() {
    const { study, trial } = this;
    const ratio = window.devicePixelRatio;
    // Of the page, not of what is seen of it: that changes when a phone hides its address bar.
    const { clientWidth, clientHeight } = document.documentElement;
    const { k, layout } = arrange({
      magnify: study.magnify,
      widest: study.widest,
      models: study.models,
      ratio,
      window: [clientWidth, clientHeight],
    });
    this.magnify = k;
    const width = `${cssSize(trial.width, this.magnify, ratio)}px`;
    const height = `${cssSize(trial.height, this.magnify, ratio)}px`;
    this.pictures.dataset.layout = layout;
    for (const element of [...this.boxes, ...this.images]) {
      element.style.width = width;
      element.style.height = height;
    }
    // On a phone the original stays in sight while the pictures pass by.
    const tall = cssSize(trial.height, k, ratio) > 0.4 * clientHeight;
    this.pictures.classList.toggle("sticky", layout === "column" && !tall);
    this.exact = this.images.length > 0 && snap(this.images, ratio);
  }

  /** @param {State} state */
  update({ task }) {
    if (!task) return;
    const { ranks, stage, history } = task;
    this.ranks = ranks;
    const complete = isComplete(ranks);
    this.element.dataset.stage = stage;
    ranks.forEach((rank, place) => {
      const card = this.cards[place];
      card?.classList.toggle("ranked", rank !== null);
      card?.querySelector(".picture")?.setAttribute("aria-label", pictureLabel(place, rank));
      card?.querySelectorAll(".rank").forEach((button, index) => {
        button.setAttribute("aria-pressed", String(rank === index + 1));
      });
    });
    this.slots.forEach((slot, index) => {
      const chips = ranks.flatMap((rank, place) =>
        rank === index + 1
          ? [el("span", { class: "chip", "data-drag": place }, letter(place))]
          : [],
      );
      slot.classList.toggle("filled", chips.length > 0);
      slot.querySelector(".chips")?.replaceChildren(...chips);
    });
    disable(this.undo, history.length === 0 || stage !== "judging");
    disable(this.next, !complete || stage !== "judging");
    const given = ranks.filter((rank) => rank !== null).length;
    this.hint.textContent = complete ? "" : `${given} of ${ranks.length} ranked`;
    this.next.textContent = stage === "sending" ? "Saving…" : "Next";
  }
}

/**
 * A button that cannot be used now but keeps its place for the keyboard.
 *
 * @param {HTMLElement} button
 * @param {boolean} off
 */
function disable(button, off) {
  if (off) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}
