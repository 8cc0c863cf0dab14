// Requests that are repeated until the server has answered. The body of each repetition is the
// same, letter by letter, so that the server can tell a repetition from a second answer.

/** @import { Trouble } from "./types.js" */

/**
 * @typedef {object} Reply
 * @property {number} status
 * @property {any} data JSON, or a Blob
 */

/**
 * @typedef {object} Outside what a transport needs from the browser; tests bring their own
 * @property {(url: string, options: RequestInit) => Promise<Response>} fetch
 * @property {(ms: number) => Promise<void>} sleep ends early when the network comes back
 * @property {() => number} random in [0, 1)
 * @property {() => boolean} offline
 */

/**
 * @typedef {object} Request
 * @property {string} [token]
 * @property {unknown} [body]
 * @property {boolean} [blob] whether a picture is asked for
 * @property {number} [timeout] in ms, until a reply begins and between two parts of a picture
 */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const TIMEOUT = 20_000;
// The server is overloaded, restarts or has no room: it may be otherwise the next time.
const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504, 507]);

/**
 * How long to wait before a repetition: twice as long each time, spread by chance over the upper
 * half so that many pages do not come back at once.
 *
 * @param {number} failures so far, 1 or more
 * @param {number} random in [0, 1)
 * @returns {number} in ms
 */
export function waitOf(failures, random) {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1));
  return most * (0.5 + random / 2);
}

export class Transport {
  /**
   * @param {string} base what addresses are relative to
   * @param {Outside} outside
   * @param {(trouble: Trouble | null) => void} onTrouble told when a request has to be repeated,
   *   and when none has to be any more
   */
  constructor(base, outside, onTrouble) {
    this.base = base;
    this.outside = outside;
    this.onTrouble = onTrouble;
    /** @type {Map<symbol, Trouble>} of the requests that are repeated, the last one at the end */
    this.troubles = new Map();
  }

  /**
   * @param {symbol} asked the request
   * @param {Trouble | null} trouble null: it has its answer
   */
  tell(asked, trouble) {
    if (!this.troubles.delete(asked) && !trouble) return;
    if (trouble) this.troubles.set(asked, trouble);
    this.onTrouble([...this.troubles.values()].at(-1) ?? null);
  }

  /**
   * Ask until there is an answer. Statuses that repeating cannot change are answers.
   *
   * @param {"GET" | "POST"} method
   * @param {string} path relative to the base
   * @param {Request} [request]
   * @returns {Promise<Reply>}
   */
  async ask(method, path, request = {}) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (request.token) headers.Authorization = `Bearer ${request.token}`;
    if (request.body !== undefined) headers["Content-Type"] = "application/json";
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const url = new URL(path, this.base).href;
    const asked = Symbol(path);
    let failures = 0;
    try {
      for (;;) {
        const tried = await this.once(url, { method, headers, body }, request);
        if (!("wait" in tried)) return tried;
        failures += 1;
        this.tell(asked, { offline: this.outside.offline(), why: tried.why });
        const backoff = waitOf(failures, this.outside.random());
        await this.outside.sleep(Math.max(tried.wait, backoff));
      }
    } finally {
      this.tell(asked, null);
    }
  }

  /**
   * @param {string} url
   * @param {RequestInit} options
   * @param {Request} request
   * @returns {Promise<Reply | {wait: number, why: Trouble["why"]}>} in ms, what the server asks to
   *   wait
   */
  async once(url, options, request) {
    const abort = new AbortController();
    const patience = () => setTimeout(() => abort.abort(), request.timeout ?? TIMEOUT);
    let timer = patience();
    try {
      const response = await this.outside.fetch(url, {
        ...options,
        signal: abort.signal,
        cache: "no-store",
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      if (AGAIN.has(response.status)) {
        const seconds = Number(response.headers.get("Retry-After"));
        const wait = Math.min(60_000, (seconds > 0 ? seconds : 0) * 1000);
        return { wait, why: await reason(response) };
      }
      // A body that breaks off throws as the network does.
      const picture = request.blob && response.ok;
      // A large picture may take long on a slow line: only silence is waited for no longer.
      const data = picture
        ? await whole(response, () => {
            clearTimeout(timer);
            timer = patience();
          })
        : await response.json();
      return { status: response.status, data };
    } catch {
      return { wait: 0, why: null };
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * @param {Response} response one after which the request is repeated
 * @returns {Promise<Trouble["why"]>}
 */
async function reason(response) {
  if (response.status === 507) return "storage";
  if (response.status === 429) return "busy";
  if (response.status !== 503) return null;
  // A proxy's own refusal is no JSON of ours.
  const data = await response.json().catch(() => null);
  return data?.error === "picture" ? "picture" : "busy";
}

/**
 * @param {Response} response
 * @param {() => void} onPart
 * @returns {Promise<Blob>}
 */
async function whole(response, onPart) {
  const reader = response.body?.getReader();
  if (!reader) return response.blob();
  const parts = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    onPart();
    parts.push(value);
  }
  return new Blob(parts, { type: response.headers.get("Content-Type") ?? "" });
}

/**
 * What a transport needs, from this browser.
 *
 * @param {Window} window
 * @returns {Outside}
 */
export function browserOutside(window) {
  return {
    fetch: (url, options) => window.fetch(url, options),
    sleep: (ms) =>
      new Promise((resolve) => {
        const done = () => {
          window.clearTimeout(timer);
          window.removeEventListener("online", done);
          resolve();
        };
        const timer = window.setTimeout(done, ms);
        window.addEventListener("online", done);
      }),
    random: Math.random,
    offline: () => !window.navigator.onLine,
  };
}
