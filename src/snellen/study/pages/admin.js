// The page of the study's owner. The secret comes with the link, or is typed; it stays in memory.

/** @import { Reply } from "./transport.js" */
/** @import { Result, Status } from "./admin-view.js" */

import { Panel, signIn } from "./admin-view.js";
import { byId } from "./dom.js";
import { browserOutside, Transport } from "./transport.js";

const EVERY = 5000;

const main = byId("page");
const said = byId("said");
const trouble = byId("trouble");
const refresh = /** @type {HTMLInputElement} */ (byId("refresh"));
const dialog = /** @type {HTMLDialogElement} */ (byId("ask"));
const transport = new Transport(document.baseURI, browserOutside(window), (found) => {
  trouble.textContent = found
    ? `${found.offline ? "There is no network." : "The server does not answer."} Trying again …`
    : "";
  trouble.classList.toggle("empty", found === null);
});

let secret = "";
/** @type {Panel | null} */
let panel = null;
/** @type {Status | null} */
let status = null;
let busy = false;

/**
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {{body?: unknown, blob?: boolean}} [more]
 * @returns {Promise<Reply>}
 */
async function ask(method, path, more = {}) {
  const reply = await transport.ask(method, `api/admin/${path}`, { token: secret, ...more });
  if (reply.status === 401) leave("This is not the study's secret.");
  return reply;
}

/** @param {string} [wrong] */
function leave(wrong) {
  secret = "";
  panel = null;
  status = null;
  byId("tools").hidden = true;
  main.replaceChildren(signIn((typed) => void enter(typed), wrong ?? ""));
  main.querySelector("input")?.focus();
}

/** @param {string} typed */
async function enter(typed) {
  secret = typed.trim();
  await look();
}

async function look() {
  if (busy || secret === "") return;
  busy = true;
  const reply = await ask("GET", "status").finally(() => (busy = false));
  // Somebody signed out while the answer was on its way.
  if (reply.status !== 200 || secret === "") return;
  const found = /** @type {Status} */ (reply.data);
  status = found;
  if (!panel) {
    panel = new Panel({ setState, unlock, download });
    byId("tools").hidden = false;
    main.replaceChildren(panel.element);
  }
  byId("title").textContent = found.title;
  document.title = `${found.title}: administration`;
  panel.update(found);
  await results(found);
}

/** @param {Status} found */
async function results(found) {
  if (found.state !== "closed" && found.unlocked === null) {
    panel?.hideResult();
    return;
  }
  const reply = await ask("GET", "result");
  if (reply.status === 200) panel?.showResult(/** @type {Result} */ (reply.data));
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
function sure(title, text, yes) {
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.showModal();
  });
}

const QUESTIONS = {
  open: {
    title: "Open the study?",
    text: "People can begin again. That it was opened is noted.",
    yes: "Open",
    done: "The study is open.",
  },
  paused: {
    title: "Pause the study?",
    text: "Nobody new can begin; who has begun may go on. You can open it again at any time.",
    yes: "Pause",
    done: "The study is paused.",
  },
  closed: {
    title: "Close the study?",
    text:
      "Nobody new can begin, and the result can be seen. Opening it again after the result was " +
      "seen is noted and reported.",
    yes: "Close",
    done: "The study is closed.",
  },
};

/** @param {"open" | "paused" | "closed"} state */
async function setState(state) {
  const { title, text, yes, done } = QUESTIONS[state];
  if (!(await sure(title, text, yes))) return;
  const reply = await ask("POST", "state", { body: { state } });
  said.textContent = reply.status === 200 ? done : String(reply.data.message ?? "");
  await look();
}

async function unlock() {
  const text =
    "Looking at results while people are still taking part tempts one to stop when they please. " +
    "That you looked, and when, is written down; it cannot be taken back, and the report says it.";
  if (!(await sure("See the result before the end?", text, "Unlock and note it"))) return;
  await ask("POST", "unlock");
  said.textContent = "The result is unlocked. That was noted.";
  await look();
}

async function download() {
  const reply = await ask("GET", "export", { blob: true });
  if (reply.status !== 200) {
    said.textContent = String(reply.data.message ?? "There is no export.");
    return;
  }
  const url = URL.createObjectURL(reply.data);
  const link = document.createElement("a");
  link.href = url;
  link.download = "study-export.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  said.textContent = "The export is downloaded.";
}

byId("leave").addEventListener("click", () => leave());
byId("ask-yes").addEventListener("click", () => dialog.close("yes"));
byId("ask-no").addEventListener("click", () => dialog.close(""));
function again() {
  if (refresh.checked && status && !document.hidden && !dialog.open) void look();
}
setInterval(again, EVERY);
window.addEventListener("focus", again);
document.addEventListener("visibilitychange", again);

const given = window.location.hash.slice(1);
// The secret does not stay in the address, in the history or on a screenshot.
if (given) window.history.replaceState(null, "", window.location.pathname);
leave();
if (given) void enter(given);
