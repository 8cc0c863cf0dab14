// The participant's page: what the state asks for is done here, and what comes of it is an event.

/** @import { Event, State } from "./state.js" */
/** @import { Answer, Trial } from "./types.js" */
/** @import { Reply } from "./transport.js" */

import { Memory } from "./memory.js";
import { decoded, Pictures } from "./pictures.js";
import { identityOf, readVisitor } from "./platform.js";
import { begin, reduce, tooSmall, underWay } from "./state.js";
import { Tabs } from "./tabs.js";
import { browserOutside, Transport } from "./transport.js";
import { View } from "./view.js";
import { measureScreen, painted, Watch } from "./watch.js";

const visitor = readVisitor(window.location.search);
const identity = identityOf(visitor);
const memory = new Memory(() => window.sessionStorage, identity);
const watch = new Watch(window);
const transport = new Transport(document.baseURI, browserOutside(window), (trouble) =>
  dispatch({ type: "trouble", trouble }),
);
const tabs = new Tabs(
  `snellen-study ${new URL(".", document.baseURI).href}`,
  identity,
  () => (underWay(state) && memory.kept ? memory.kept : null),
  () => {
    memory.forget();
    dispatch({ type: "elsewhere" });
  },
);
const pictures = new Pictures(async (id) => {
  const token = memory.kept?.token ?? "";
  const reply = await transport.ask("GET", `api/images/${id}`, { token, blob: true });
  if (reply.status === 200) return reply.data;
  throw reply;
});

let state = begin(visitor);
const view = new View({ dispatch, environment: () => watch.read() });

/** @param {Event} event */
function dispatch(event) {
  const before = state;
  state = reduce(state, event);
  if (state === before) return;
  view.render(state);
  follow(before, state);
}

/**
 * What a step of the state sets going.
 *
 * @param {State} before
 * @param {State} after
 */
function follow(before, after) {
  const entered = before.phase !== after.phase ? after.phase : null;
  if (entered === "starting") run(start());
  if (entered === "finishing") run(finish());
  if (entered === "preview") run(showPreview());
  if (entered === "loading" && before.phase === "elsewhere") run(takeOver());
  if (after.task && before.task?.trial !== after.task.trial) load(after.task.trial);
  const shows = after.phase === "trial" && after.task?.stage === "loading";
  if (after.task && shows && (entered || before.task?.trial !== after.task.trial)) {
    run(show(after.task.trial));
  }
  if (after.task?.answer && before.task?.stage === "judging") {
    run(send(after.task.trial.number, after.task.answer));
  }
}

/**
 * An error that nobody expects ends on the page that offers to load again.
 *
 * @param {Promise<void>} work
 */
function run(work) {
  work.catch((/** @type {unknown} */ error) => {
    if (isReply(error)) refused(error);
    else dispatch({ type: "failed", why: String(error) });
  });
}

/**
 * @param {unknown} error
 * @returns {error is Reply}
 */
function isReply(error) {
  return typeof error === "object" && error !== null && "status" in error;
}

async function open() {
  const reply = await transport.ask("GET", "api/study");
  if (reply.status !== 200) throw reply;
  const elsewhere = !visitor.preview && (await tabs.someoneElse());
  dispatch({ type: "opened", study: reply.data, known: elsewhere || memory.kept !== null });
  if (elsewhere) dispatch({ type: "elsewhere" });
  else if (!visitor.preview && memory.kept) await resume();
}

/** Go on with the token that the tab kept; an answer that may be lost is sent first. */
async function resume() {
  const { kept } = memory;
  if (!kept) return;
  dispatch({ type: "session", withdraw: kept.withdraw });
  if (kept.pending) await send(kept.pending.number, kept.pending.answer);
  else await ask();
}

async function ask() {
  const reply = await transport.ask("GET", "api/trial", { token: memory.kept?.token ?? "" });
  if (reply.status !== 200) throw reply;
  dispatch({ type: "trial", reply: reply.data });
}

async function start() {
  // Another tab may have begun while this one was reading.
  if (await tabs.someoneElse()) {
    dispatch({ type: "elsewhere" });
    return;
  }
  const { platform, invitation } = visitor;
  const body = {
    consent: true,
    screen: state.screen ?? measureScreen(window),
    platform,
    request: memory.request(),
    ...(invitation === null ? {} : { invitation }),
  };
  const reply = await transport.ask("POST", "api/sessions", { body });
  if (reply.status !== 200 && reply.status !== 201) throw reply;
  const withdraw = reply.data.withdraw ?? memory.kept?.withdraw ?? null;
  // Another tab took the session while an answer of this one was on the way: it is sent again.
  const pending = reply.status === 200 ? (memory.kept?.pending ?? null) : null;
  memory.keep({ token: reply.data.token, withdraw, pending });
  await resume();
}

async function takeOver() {
  const held = await tabs.takeOver();
  if (held) {
    memory.keep({ ...held });
    await resume();
  } else if (identity !== "") {
    await start();
  } else if (memory.kept) {
    await resume();
  } else {
    dispatch({ type: "forgotten" });
  }
}

/**
 * Fetch and decode a trial's pictures, and those of the one after it.
 *
 * @param {Trial} trial
 */
function load(trial) {
  pictures.keep([trial.original, trial.next?.original]);
  const ahead = pictures.get(trial);
  // What goes wrong here goes wrong again, and is said, when the pictures are to be shown.
  ahead.then(() => trial.next && pictures.get(trial.next)).catch(() => undefined);
}

/** @param {Trial} trial */
async function show(trial) {
  const shown = await pictures.get(trial);
  if (state.task?.trial !== trial || state.phase !== "trial") return;
  view.showPictures(shown);
  watch.reset();
  const at = await painted(window);
  if (state.task?.trial === trial) dispatch({ type: "shown", at });
}

/**
 * @param {number} number
 * @param {Answer} answer
 */
async function send(number, answer) {
  memory.setPending({ number, answer });
  const token = memory.kept?.token ?? "";
  const reply = await transport.ask("POST", `api/answers/${number}`, { token, body: answer });
  if (![200, 201, 409].includes(reply.status)) throw reply;
  memory.setPending(null);
  const conflict = reply.status === 409 && reply.data.error !== "order";
  if (reply.data.next) dispatch({ type: "trial", reply: reply.data.next, conflict });
  else await ask();
}

async function finish() {
  const reply = await transport.ask("POST", "api/complete", { token: memory.kept?.token ?? "" });
  if (reply.status === 409) {
    await ask();
    return;
  }
  if (reply.status !== 200 && reply.status !== 201) throw reply;
  dispatch({ type: "completed", completion: reply.data });
}

/** @type {Set<string>} */
const counted = new Set();

/**
 * Tell, once, that somebody does not take part: a number grows, and nothing else is said. There is
 * no second try, and the page may be going away.
 *
 * @param {"consent" | "screen"} why
 */
function countRefusal(why) {
  if (counted.has(why)) return;
  counted.add(why);
  window
    .fetch(new URL("api/refused", document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ why }),
      keepalive: true,
      credentials: "omit",
      referrerPolicy: "no-referrer",
    })
    .catch(() => undefined);
}

/** Minds change, and windows: only who leaves the page so does not take part. */
function left() {
  if (state.phase === "declined") countRefusal("consent");
  if (state.phase === "screen" && tooSmall(state)) countRefusal("screen");
}

async function showPreview() {
  const reply = await transport.ask("GET", "api/preview");
  if (reply.status !== 200) throw reply;
  const { original, options, width, height } = reply.data;
  const images = [original, ...options].map((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return decoded(new Blob([bytes], { type: "image/png" }), width, height);
  });
  const [first, ...others] = await Promise.all(images);
  if (first) view.showPreview(state, { original: first, options: others });
}

/**
 * What the server says no to.
 *
 * @param {Reply} reply
 */
function refused({ status, data }) {
  const word = String(data?.error ?? "");
  const message = String(data?.message ?? "");
  if (status === 401 && word === "moved") {
    dispatch({ type: "elsewhere" });
  } else if (status === 401 && memory.kept) {
    memory.forget();
    dispatch({ type: "forgotten" });
  } else if ([403, 409, 410].includes(status) || word === "platform") {
    // What was begun waits, with an answer that was on the way: the study may be opened again.
    const begun = word === "closed" && memory.kept !== null;
    if (!begun) memory.forget();
    dispatch({ type: "stopped", why: word, message, begun });
  } else {
    dispatch({ type: "failed", why: message || `The server answered ${status}.` });
  }
}

/** The window or the zoom may have changed. */
function measured() {
  view.layOut();
  dispatch({ type: "measured", screen: measureScreen(window) });
}

function watchZoom() {
  const query = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  query.addEventListener("change", () => (measured(), watchZoom()), { once: true });
}

window.addEventListener("resize", measured);
window.addEventListener("pagehide", left);
document.addEventListener("visibilitychange", () => document.hidden && left());
// A page that comes back from the browser's cache may be behind the server.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

watchZoom();
view.render(state);
dispatch({ type: "measured", screen: measureScreen(window) });
run(open());
