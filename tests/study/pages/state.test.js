import assert from "node:assert/strict";
import { test } from "node:test";

import { begin, mayHaveBegun, reduce, tooSmall, underWay } from "../pages/state.js";

const nobody = { platform: {}, invitation: null, preview: false };
const study = {
  title: "Which is closest?",
  instructions: "Rank.",
  consent: "Do you agree?",
  contact: "a@example.org",
  language: "en",
  models: 3,
  ties: false,
  trials: 3,
  training: 1,
  magnify: "auto",
  small_screens: "refuse",
  smallest_window: 600,
  platform: "open",
  state: "open",
  retention_days: 365,
  widest: [64, 64],
  minutes: 2,
  simulated: false,
  codes: null,
};
const screen = { width: 1280, height: 800, pixel_ratio: 1, zoom: 1, touch: false };
const trial = (number, more = {}) => ({
  state: "trial",
  number,
  kind: number === 0 ? "training" : "judging",
  total: 3,
  answered: number,
  original: `o${number}`,
  options: [`a${number}`, `b${number}`, `c${number}`],
  width: 64,
  height: 64,
  next: null,
  ...more,
});

/** Freeze all the way down: a reducer that changes its state throws. */
function frozen(value) {
  if (value && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

const run = (state, ...events) =>
  events.reduce((before, event) => frozen(reduce(before, event)), frozen(state));
const opened = (more = {}, visitor = nobody) =>
  run(begin(visitor), { type: "measured", screen }, {
    type: "opened",
    study: { ...study, ...more },
    known: false,
  });
const judging = (more = {}, first = trial(1)) =>
  run(
    opened(more),
    { type: "agree" },
    { type: "continue" },
    { type: "session", withdraw: "w" },
    { type: "trial", reply: first },
    { type: "begin" },
    { type: "shown", at: 100 },
  );
const picked = (state, ...places) =>
  run(state, ...places.map((place, index) => ({ type: "pick", place, at: 200 + index })));

test("the whole way", () => {
  let state = opened();
  assert.equal(state.phase, "consent");
  state = run(state, { type: "agree" });
  assert.equal(state.phase, "screen");
  state = run(state, { type: "continue" });
  assert.equal(state.phase, "starting");
  state = run(state, { type: "session", withdraw: "w" }, { type: "trial", reply: trial(0) });
  assert.equal(state.phase, "ready");
  assert.equal(state.withdraw, "w");
  state = run(state, { type: "begin" });
  assert.equal(state.phase, "trial");
  assert.equal(state.task.stage, "loading");
  state = picked(run(state, { type: "shown", at: 5 }), 0, 1, 2);
  state = run(state, { type: "submit", at: 900, environment: { blurs: 0 } });
  assert.equal(state.task.stage, "sending");
  assert.deepEqual(state.task.answer, {
    ranks: [1, 2, 3],
    shown_ms: 5,
    first_ms: 200,
    submit_ms: 900,
    environment: { blurs: 0, actions: 3 },
  });
  state = run(state, { type: "trial", reply: trial(1) });
  assert.equal(state.phase, "between");
  state = run(state, { type: "begin" }, { type: "shown", at: 1000 });
  state = run(picked(state, 2, 0, 1), { type: "submit", at: 2000, environment: {} });
  assert.deepEqual(state.task.answer.ranks, [2, 3, 1]);
  state = run(state, { type: "trial", reply: trial(2) });
  assert.equal(state.phase, "trial");
  assert.deepEqual(state.task.ranks, [null, null, null]);
  state = run(state, { type: "trial", reply: { state: "done" } });
  assert.equal(state.phase, "finishing");
  state = run(state, { type: "completed", completion: { code: "C", leave: null } });
  assert.equal(state.phase, "end");
  assert.equal(state.completion.code, "C");
});

test("nothing is asked for before consent and a look at the screen", () => {
  const state = opened();
  assert.equal(run(state, { type: "continue" }), state);
  assert.equal(run(state, { type: "begin" }), state);
  assert.equal(run(state, { type: "trial", reply: trial(0) }), state);
  assert.equal(run(state, { type: "decline" }).phase, "declined");
  assert.equal(run(state, { type: "decline" }, { type: "reconsider" }).phase, "consent");
});

test("a small window is refused as long as it is small", () => {
  const small = { type: "measured", screen: { ...screen, width: 500 } };
  let state = run(opened(), { type: "agree" }, small);
  assert.ok(tooSmall(state));
  assert.equal(run(state, { type: "continue" }), state);
  state = run(state, { type: "measured", screen });
  assert.equal(run(state, { type: "continue" }).phase, "starting");
  assert.ok(!tooSmall(run(opened({ small_screens: "allow" }), small)));
});

test("nobody answers pictures that were not painted", () => {
  const state = run(
    opened(),
    { type: "agree" },
    { type: "continue" },
    { type: "trial", reply: trial(0) },
    { type: "begin" },
  );
  assert.equal(picked(state, 0), state);
  assert.equal(run(state, { type: "submit", at: 1, environment: {} }), state);
});

test("an answer is whole or it is not sent", () => {
  const state = picked(judging(), 1, 0);
  const next = run(state, { type: "submit", at: 300, environment: {} });
  assert.equal(next.task, state.task);
  assert.equal(next.said.what, "incomplete");
});

test("an answer that is on its way is not changed", () => {
  const state = run(picked(judging(), 1, 0, 2), { type: "submit", at: 400, environment: {} });
  for (const event of [
    { type: "pick", place: 0, at: 500 },
    { type: "rank", place: 0, rank: 3, at: 500 },
    { type: "undo" },
    { type: "submit", at: 600, environment: { other: 1 } },
    { type: "shown", at: 700 },
  ]) {
    assert.equal(run(state, event), state, event.type);
  }
});

test("the first action stays the first", () => {
  let state = picked(judging(), 0);
  assert.equal(state.task.first, 200);
  state = run(state, { type: "undo" }, { type: "pick", place: 1, at: 999 });
  assert.equal(state.task.first, 200);
  assert.equal(state.task.actions, 3);
});

test("undo goes back all the way, and no further", () => {
  let state = judging();
  const start = state.task.ranks;
  state = picked(state, 0, 1, 2);
  state = run(state, { type: "rank", place: 2, rank: 1, at: 300 });
  assert.deepEqual(state.task.ranks, [3, 2, 1]);
  state = run(state, { type: "undo" });
  assert.deepEqual(state.task.ranks, [1, 2, 3]);
  assert.deepEqual(state.said.changed, [
    { place: 0, rank: 1 },
    { place: 2, rank: 3 },
  ]);
  state = run(state, { type: "undo" }, { type: "undo" }, { type: "undo" });
  assert.deepEqual(state.task.ranks, start);
  assert.equal(run(state, { type: "undo" }), state);
});

test("pictures share a rank only where the study allows it", () => {
  const share = { type: "rank", place: 1, rank: 1, at: 300 };
  assert.deepEqual(run(picked(judging(), 0), share).task.ranks, [null, 1, null]);
  const tied = run(picked(judging({ ties: true }), 0), share, { type: "pick", place: 2, at: 301 });
  assert.deepEqual(tied.task.ranks, [1, 1, 2]);
});

test("every action is said, the same one twice, too", () => {
  const state = picked(judging(), 0);
  assert.deepEqual(state.said.changed, [{ place: 0, rank: 1 }]);
  const again = run(state, { type: "take", place: 0, at: 300 }, { type: "pick", place: 0, at: 301 });
  assert.deepEqual(again.said.changed, state.said.changed);
  assert.ok(again.said.turn > state.said.turn);
  assert.ok(picked(judging(), 0, 1, 2).said.complete);
});

test("who comes back goes on without the instructions", () => {
  const known = run(begin(nobody), { type: "opened", study, known: true });
  assert.equal(known.phase, "loading");
  const state = run(known, { type: "trial", reply: trial(2) });
  assert.equal(state.phase, "trial");
  assert.equal(state.notice, "welcome-back");
  assert.equal(run(known, { type: "trial", reply: trial(0) }).phase, "ready");
});

test("a trial that had an answer is left behind, and that is said", () => {
  const sending = run(picked(judging(), 0, 1, 2), { type: "submit", at: 1, environment: {} });
  const state = run(sending, { type: "trial", reply: trial(2), conflict: true });
  assert.equal(state.notice, "first-counts");
  assert.equal(state.task.trial.number, 2);
});

test("a tab that gave the study away stays away, whatever still comes", () => {
  const away = run(judging(), { type: "elsewhere" });
  assert.equal(away.phase, "elsewhere");
  assert.equal(run(away, { type: "trial", reply: trial(2) }), away);
  assert.equal(run(away, { type: "completed", completion: { code: "C", leave: null } }), away);
  assert.equal(picked(away, 0), away);
  assert.equal(run(away, { type: "take over" }).phase, "loading");
  assert.ok(underWay(judging()));
  assert.ok(!underWay(away));
});

test("a study that is not open turns people away; who may have begun is asked", () => {
  for (const what of ["paused", "closed", "full"]) {
    const state = opened({ state: what });
    assert.equal(state.phase, "unavailable");
    assert.equal(state.why, what);
    assert.ok(!mayHaveBegun(state));
    const known = opened({ state: what }, { ...nobody, invitation: "i" });
    assert.ok(mayHaveBegun(known));
    assert.equal(run(known, { type: "reconsider" }).phase, "consent");
  }
});

test("a study by invitation wants one", () => {
  assert.equal(opened({ invitations: true }).why, "invitation");
  const visitor = { ...nobody, invitation: "i" };
  assert.equal(opened({ invitations: true }, visitor).phase, "consent");
});

test("a study that holds simulated answers takes none of people", () => {
  const state = opened({ simulated: true });
  assert.equal(state.phase, "unavailable");
  assert.equal(state.why, "simulated");
  assert.equal(mayHaveBegun(state), false);
});

test("a preview shows an example, and nothing begins", () => {
  const state = opened({ platform: "mturk" }, { ...nobody, preview: true });
  assert.equal(state.phase, "preview");
  for (const type of ["agree", "continue", "begin"]) assert.equal(run(state, { type }), state);
});

test("trouble comes and goes, and changes nothing else", () => {
  const state = judging();
  const troubled = run(state, { type: "trouble", trouble: { offline: true, why: null } });
  assert.equal(troubled.task, state.task);
  assert.deepEqual(run(troubled, { type: "trouble", trouble: null }), state);
});
