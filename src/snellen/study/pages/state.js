// The whole way of a participant as one function: a state and an event give the next state.
// Nothing here waits, draws or sends; what the outside tells comes in as an event.

/** @import { Answer, Leave, Screen, Study, Trial } from "./types.js" */
/** @import { TrialReply, Trouble, Visitor } from "./types.js" */
/** @import { Ranks } from "./ranking.js" */

import { identityOf } from "./platform.js";
import { dense, give, isComplete, pick, take, unranked } from "./ranking.js";

/**
 * loading: the server is asked. preview: Mechanical Turk's example. unavailable: `why` says it.
 * consent, declined, screen: before anything is kept. starting: the session is asked for.
 * ready: instructions before the first trial. trial. between: practice is over. finishing: the
 * code is asked for. end. elsewhere: another tab has the study. failed: `why` says it.
 *
 * @typedef {"loading" | "preview" | "unavailable" | "consent" | "declined" | "screen" | "starting"
 *   | "ready" | "trial" | "between" | "finishing" | "end" | "elsewhere" | "failed"} Phase
 */

/**
 * A trial on the page. loading: its pictures are on the way. judging: they were painted.
 * sending: its answer is on the way.
 *
 * @typedef {object} Task
 * @property {Trial} trial
 * @property {"loading" | "judging" | "sending"} stage
 * @property {Ranks} ranks
 * @property {readonly Ranks[]} history what undo goes back to, the last at the end
 * @property {number | null} shown milliseconds on the page's clock
 * @property {number | null} first
 * @property {number} actions
 * @property {Answer | null} answer
 */

/**
 * What a screen reader is told; `turn` counts, so that the same sentence is said again.
 *
 * @typedef {{turn: number, what: "ranked" | "taken" | "undone" | "incomplete" | "sent",
 *   changed: readonly {place: number, rank: number | null}[], complete: boolean}} Said
 */

/** @typedef {"welcome-back" | "first-counts"} Notice */

/** @typedef {{code: string, leave: Leave | null}} Completion */

/**
 * @typedef {object} State
 * @property {Phase} phase
 * @property {Visitor} visitor
 * @property {Study | null} study
 * @property {Screen | null} screen
 * @property {string | null} withdraw the token of the link that takes everything back
 * @property {string | null} why a machine's word: paused, closed, full, gone, moved, …
 * @property {string} message the server's sentence to that, if it gave one
 * @property {boolean} begun whether this tab holds a session that may go on later
 * @property {Task | null} task
 * @property {Notice | null} notice
 * @property {Trouble | null} trouble
 * @property {Completion | null} completion
 * @property {Said | null} said
 */

/**
 * @typedef {{type: "opened", study: Study, known: boolean}
 *   | {type: "agree"} | {type: "decline"} | {type: "reconsider"}
 *   | {type: "measured", screen: Screen} | {type: "continue"}
 *   | {type: "session", withdraw: string | null}
 *   | {type: "trial", reply: TrialReply, conflict?: boolean}
 *   | {type: "begin"} | {type: "shown", at: number}
 *   | {type: "pick", place: number, at: number} | {type: "take", place: number, at: number}
 *   | {type: "rank", place: number, rank: number, at: number}
 *   | {type: "undo"} | {type: "submit", at: number, environment: Record<string, unknown>}
 *   | {type: "completed", completion: Completion}
 *   | {type: "stopped", why: string, message: string, begun: boolean} | {type: "failed", why: string}
 *   | {type: "forgotten"} | {type: "elsewhere"} | {type: "take over"}
 *   | {type: "trouble", trouble: Trouble | null}} Event
 */

/** @typedef {(event: Event) => void} Dispatch */

/**
 * @param {Visitor} visitor
 * @returns {State}
 */
export function begin(visitor) {
  return {
    phase: "loading",
    visitor,
    study: null,
    screen: null,
    withdraw: null,
    why: null,
    message: "",
    begun: false,
    task: null,
    notice: null,
    trouble: null,
    completion: null,
    said: null,
  };
}

/**
 * Whether the window is too small for a study that refuses small ones.
 *
 * @param {State} state
 * @returns {boolean}
 */
export function tooSmall({ study, screen }) {
  if (!study || !screen || study.small_screens !== "refuse") return false;
  return screen.width < study.smallest_window;
}

/**
 * Whether a participant is on the way: what another tab must know.
 *
 * @param {State} state
 * @returns {boolean}
 */
export function underWay({ phase }) {
  return ["starting", "ready", "trial", "between", "finishing"].includes(phase);
}

/**
 * Events that do not fit the state change nothing: the same object comes back.
 *
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
export function reduce(state, event) {
  switch (event.type) {
    case "opened":
      return opened({ ...state, study: event.study }, event.known);
    case "agree":
      return state.phase === "consent" ? { ...state, phase: "screen" } : state;
    case "decline":
      return state.phase === "consent" ? { ...state, phase: "declined" } : state;
    case "reconsider":
      return ["declined", "unavailable"].includes(state.phase)
        ? { ...state, phase: "consent", why: null }
        : state;
    case "measured":
      return { ...state, screen: event.screen };
    case "continue":
      return state.phase === "screen" && !tooSmall(state) ? { ...state, phase: "starting" } : state;
    case "session":
      return { ...state, withdraw: event.withdraw ?? state.withdraw };
    case "trial":
      return ["loading", "starting", "trial", "finishing"].includes(state.phase)
        ? nextTrial(state, event.reply, event.conflict ?? false)
        : state;
    case "begin":
      return ["ready", "between"].includes(state.phase) ? { ...state, phase: "trial" } : state;
    case "completed":
      return state.phase === "finishing"
        ? { ...state, phase: "end", notice: null, completion: event.completion }
        : state;
    case "stopped":
      return {
        ...state,
        phase: "unavailable",
        task: null,
        notice: null,
        why: event.why,
        message: event.message,
        begun: event.begun,
      };
    case "failed":
      return { ...state, phase: "failed", why: event.why };
    case "forgotten":
      return opened({ ...state, task: null, notice: null, withdraw: null }, false);
    case "elsewhere":
      return { ...state, phase: "elsewhere", task: null, notice: null };
    case "take over":
      return state.phase === "elsewhere" ? { ...state, phase: "loading" } : state;
    case "trouble":
      return { ...state, trouble: event.trouble };
    default:
      return judge(state, event);
  }
}

/**
 * @param {State} state
 * @param {boolean} known whether this tab holds a session's token
 * @returns {State}
 */
function opened(state, known) {
  if (state.visitor.preview) return { ...state, phase: "preview" };
  if (known) return { ...state, phase: "loading" };
  if (state.study?.invitations && state.visitor.invitation === null) {
    return { ...state, phase: "unavailable", why: "invitation" };
  }
  if (state.study?.simulated) return { ...state, phase: "unavailable", why: "simulated" };
  const open = state.study?.state === "open";
  return open
    ? { ...state, phase: "consent" }
    : { ...state, phase: "unavailable", why: state.study?.state ?? "closed" };
}

/**
 * Whether somebody turned away may have a session all the same, which only the server can tell.
 *
 * @param {State} state
 * @returns {boolean}
 */
export function mayHaveBegun({ phase, why, visitor }) {
  const asked = phase === "unavailable" && ["paused", "closed", "full"].includes(why ?? "");
  return asked && identityOf(visitor) !== "";
}

/**
 * @param {State} state
 * @param {TrialReply} reply
 * @param {boolean} conflict an answer came for a trial that had one
 * @returns {State}
 */
function nextTrial(state, reply, conflict) {
  if (reply.state === "done") return { ...state, phase: "finishing", task: null, notice: null };
  /** @type {Task} */
  const task = {
    trial: reply,
    stage: "loading",
    ranks: unranked(reply.options.length),
    history: [],
    shown: null,
    first: null,
    actions: 0,
    answer: null,
  };
  const before = state.task?.trial.kind;
  /** @type {Notice | null} */
  let notice = null;
  /** @type {Phase} */
  let phase = "trial";
  if (conflict) notice = "first-counts";
  else if (!before && reply.answered > 0) notice = "welcome-back";
  else if (!before) phase = "ready";
  else if (before === "training" && reply.kind === "judging") phase = "between";
  return { ...state, phase, task, notice };
}

/**
 * What happens within a trial.
 *
 * @param {State} state
 * @param {Event} event
 * @returns {State}
 */
function judge(state, event) {
  const { task } = state;
  if (state.phase !== "trial" || !task) return state;
  if (event.type === "shown") {
    return task.stage === "loading"
      ? { ...state, task: { ...task, stage: "judging", shown: event.at } }
      : state;
  }
  if (task.stage !== "judging") return state;
  switch (event.type) {
    case "pick": {
      const ranks = pick(task.ranks, event.place);
      return changed(state, task, ranks, ranks[event.place] === null ? "taken" : "ranked", event.at);
    }
    case "take":
      return changed(state, task, take(task.ranks, event.place), "taken", event.at);
    case "rank": {
      const ties = state.study?.ties ?? false;
      const ranks = give(task.ranks, event.place, event.rank, ties);
      return changed(state, task, ranks, "ranked", event.at);
    }
    case "undo": {
      const ranks = task.history.at(-1);
      if (!ranks) return state;
      const next = { ...task, ranks, history: task.history.slice(0, -1), actions: task.actions + 1 };
      return { ...state, task: next, said: say(state, "undone", task.ranks, ranks) };
    }
    case "submit":
      return submit(state, task, event);
    default:
      return state;
  }
}

/**
 * @param {State} state
 * @param {Task} task
 * @param {Ranks} ranks
 * @param {Said["what"]} what
 * @param {number} at
 * @returns {State}
 */
function changed(state, task, ranks, what, at) {
  if (ranks === task.ranks) return state;
  /** @type {Task} */
  const next = {
    ...task,
    ranks,
    history: [...task.history, task.ranks],
    first: task.first ?? at,
    actions: task.actions + 1,
  };
  return { ...state, task: next, notice: null, said: say(state, what, task.ranks, ranks) };
}

/**
 * @param {State} state
 * @param {Task} task
 * @param {{at: number, environment: Record<string, unknown>}} event
 * @returns {State}
 */
function submit(state, task, { at, environment }) {
  if (!isComplete(task.ranks) || task.shown === null) {
    return { ...state, said: say(state, "incomplete", task.ranks, task.ranks) };
  }
  /** @type {Answer} */
  const answer = {
    ranks: dense(task.ranks),
    shown_ms: task.shown,
    first_ms: task.first ?? at,
    submit_ms: at,
    environment: { ...environment, actions: task.actions },
  };
  const said = say(state, "sent", task.ranks, task.ranks);
  return { ...state, task: { ...task, stage: "sending", answer }, notice: null, said };
}

/**
 * @param {State} state
 * @param {Said["what"]} what
 * @param {Ranks} before
 * @param {Ranks} after
 * @returns {Said}
 */
function say(state, what, before, after) {
  const differ = after.flatMap((rank, place) => (rank === before[place] ? [] : [{ place, rank }]));
  return { turn: (state.said?.turn ?? 0) + 1, what, changed: differ, complete: isComplete(after) };
}
