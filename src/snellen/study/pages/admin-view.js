// What the administration page shows.

import { el } from "./dom.js";

/**
 * @typedef {object} Session
 * @property {string} name
 * @property {string} state
 * @property {boolean} [simulated]
 * @property {number} answered
 * @property {number} total
 * @property {string | null} started
 * @property {string | null} last
 * @property {number | null} median_seconds
 * @property {number} catch_failed
 * @property {number} catch_seen
 * @property {number | null} retest
 * @property {number} blurs
 * @property {string[]} [excluded] why the rule of study.yaml leaves it out
 */

/**
 * @typedef {object} Status
 * @property {string} title
 * @property {"open" | "paused" | "closed"} state
 * @property {number} people
 * @property {number} completed
 * @property {number} active
 * @property {number} expired
 * @property {number} withdrawn
 * @property {{consent: number, screen: number}} refused
 * @property {string | null} frozen
 * @property {string | null} unlocked
 * @property {boolean} simulated
 * @property {Session[]} sessions
 * @property {{at: string, what: string, detail: string}[]} events
 */

/**
 * @typedef {object} Result
 * @property {string[]} models
 * @property {(number | null)[]} mean_ranks
 * @property {(number | null)[]} first_share
 * @property {number} rankings
 */

/**
 * @typedef {object} Actions
 * @property {(state: "open" | "paused" | "closed") => void} setState
 * @property {() => void} unlock
 * @property {() => void} download
 */

/**
 * @param {(secret: string) => void} enter
 * @param {string} wrong
 * @returns {HTMLElement}
 */
export function signIn(enter, wrong) {
  const field = el("input", {
    id: "secret",
    class: "key",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "secret-help",
  });
  return el(
    "form",
    {
      submit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        enter(field.value);
      },
    },
    el("h1", {}, "Administration"),
    el(
      "p",
      { id: "secret-help" },
      el("code", {}, "snellen study serve"),
      " prints a link with the secret in it.",
    ),
    el("p", { class: "wrong", role: "alert" }, wrong),
    el("label", { for: "secret" }, "Secret"),
    field,
    el("div", { class: "actions" }, el("button", { type: "submit", class: "strong" }, "Enter")),
  );
}

export class Panel {
  /** @param {Actions} actions */
  constructor(actions) {
    this.pill = el("span", { class: "pill" });
    this.numbers = el("dl", { class: "numbers" });
    this.bar = el("progress", { "aria-label": "Participants who are done" });
    this.note = el("p", { class: "soft" });
    this.states = {
      open: action("Open", () => actions.setState("open"), "strong"),
      paused: action("Pause", () => actions.setState("paused"), "quiet"),
      closed: action("Close", () => actions.setState("closed"), "quiet"),
    };
    this.unlock = action("See it before the end …", actions.unlock, "quiet");
    this.download = action("Download the export", actions.download, "strong");
    this.result = el("div", {});
    this.locked = el(
      "div",
      { class: "lock" },
      el("p", {}, "The result and the export can be seen when the study is closed."),
      el("div", { class: "actions" }, this.unlock),
    );
    this.rows = el("tbody");
    this.events = el("ul", { class: "events" });
    this.none = el("p", { class: "soft" }, "Nobody has begun yet.");
    this.table = scrolling("Participants", participants(this.rows));
    this.element = el(
      "div",
      {},
      el("div", { class: "lead" }, el("h1", {}, "Progress"), this.pill),
      this.numbers,
      this.bar,
      el("div", { class: "actions" }, this.states.open, this.states.paused, this.states.closed),
      this.note,
      el("h2", {}, "Participants"),
      this.none,
      this.table,
      el("h2", {}, "Result"),
      this.locked,
      this.result,
      el("div", { class: "actions" }, this.download),
      el("h2", {}, "What happened"),
      this.events,
    );
    this.seen = "";
    this.shown = "";
  }

  /** @param {Status} status */
  update(status) {
    // Nothing is drawn anew that says the same, so that focus and selection stay.
    const seen = JSON.stringify(status);
    if (seen === this.seen) return;
    this.seen = seen;
    this.pill.textContent = status.state;
    this.pill.dataset.state = status.state;
    this.numbers.replaceChildren(
      number(`${status.completed} of ${status.people}`, "done"),
      number(`${status.active}`, "at it now"),
      number(`${status.expired}`, "gave up or lost their place"),
      number(`${status.withdrawn}`, "withdrew"),
      number(`${status.refused.consent}`, "did not agree"),
      number(`${status.refused.screen}`, "had too small a window"),
    );
    this.bar.max = Math.max(1, status.people);
    this.bar.value = status.completed;
    this.note.textContent = [
      status.simulated ? "This study holds simulated answers." : "",
      status.frozen ? `study.yaml is frozen since ${time(status.frozen)}.` : "",
      status.unlocked ? `The result was unlocked ${time(status.unlocked)}; the report says so.` : "",
    ]
      .filter((sentence) => sentence !== "")
      .join(" ");
    for (const [state, button] of Object.entries(this.states)) {
      button.hidden = state === status.state || (state === "paused" && status.state === "closed");
    }
    this.none.hidden = status.sessions.length > 0;
    this.table.hidden = status.sessions.length === 0;
    this.rows.replaceChildren(...status.sessions.map(row));
    this.events.replaceChildren(
      ...status.events.map(({ at, what, detail }) =>
        el("li", {}, el("time", { datetime: at }, time(at)), el("span", {}, what, detail && `: ${detail}`)),
      ),
    );
  }

  hideResult() {
    this.locked.hidden = false;
    this.download.hidden = true;
    this.result.replaceChildren();
    this.shown = "";
  }

  /** @param {Result} result */
  showResult(result) {
    this.locked.hidden = true;
    this.download.hidden = false;
    const shown = JSON.stringify(result);
    if (shown === this.shown) return;
    this.shown = shown;
    const rows = result.models.map((model, index) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, model),
        el("td", {}, fixed(result.mean_ranks[index], 2)),
        el("td", {}, percent(result.first_share[index])),
      ),
    );
    const table = el(
      "table",
      {},
      el("caption", { class: "hidden" }, "Result"),
      head(["Model", "Mean rank (1 is best)", "Ranked first"]),
      el("tbody", {}, ...rows),
    );
    this.result.replaceChildren(
      scrolling("Result", table),
      el(
        "p",
        { class: "soft" },
        `Means of ${result.rankings} rankings, practice, catch and repeated trials left out. `,
        el("code", {}, "snellen study analyse"),
        " gives intervals and tests.",
      ),
    );
  }
}

/**
 * @param {string} label
 * @param {() => void} act
 * @param {string} kind
 */
function action(label, act, kind) {
  return el("button", { type: "button", class: kind, click: act }, label);
}

/**
 * @param {string} label
 * @param {HTMLElement} table
 */
function scrolling(label, table) {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: 0 }, table);
}

/** @param {string[]} names */
function head(names) {
  const cells = names.map((name) => el("th", { scope: "col" }, name));
  return el("thead", {}, el("tr", {}, ...cells));
}

/** @param {HTMLElement} rows */
function participants(rows) {
  const names = ["Name", "State", "Answers", "Median time", "Catch trials failed", "Retest τ", "Looked away", "Last answer", "Left out because"];
  return el("table", {}, el("caption", { class: "hidden" }, "Participants"), head(names), rows);
}

/** @param {Session} session */
function row(session) {
  const excluded = session.excluded ?? [];
  const { median_seconds: seconds, last } = session;
  return el(
    "tr",
    { class: excluded.length > 0 ? "out" : null },
    el("th", { scope: "row" }, session.name),
    el("td", {}, session.simulated ? `${session.state} (simulated)` : session.state),
    el("td", {}, `${session.answered} of ${session.total}`),
    el("td", {}, seconds === null ? "–" : `${fixed(seconds, 1)} s`),
    el("td", {}, session.catch_seen ? `${session.catch_failed} of ${session.catch_seen}` : "–"),
    el("td", {}, fixed(session.retest, 2)),
    el("td", {}, `${session.blurs}`),
    el("td", {}, last === null ? "–" : time(last)),
    el("td", { class: "why" }, excluded.join("; ")),
  );
}

/**
 * @param {string} value
 * @param {string} label
 */
function number(value, label) {
  return el("div", {}, el("dt", {}, label), el("dd", {}, value));
}

/**
 * @param {number | null | undefined} value
 * @param {number} digits
 */
function fixed(value, digits) {
  return value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−");
}

/** @param {number | null | undefined} share */
function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}

/** @param {string} iso */
function time(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
