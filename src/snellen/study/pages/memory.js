// What a tab remembers over a reload: in sessionStorage where that is allowed, else not at all.
// The server's answer to a platform's id then finds the session again.

/** @import { Answer } from "./types.js" */

/**
 * @typedef {object} Kept
 * @property {string} identity whose session it is
 * @property {string} token
 * @property {string | null} withdraw
 * @property {{number: number, answer: Answer} | null} pending an answer the server may not have
 */

const NAME = "snellen-study";
const REQUEST = "snellen-study-request";

/** @returns {string} 128 random bits as 32 hexadecimal digits */
function drawn() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Memory {
  /**
   * @param {() => Storage} storage may throw: a browser that blocks third parties' data does
   * @param {string} identity
   */
  constructor(storage, identity) {
    this.identity = identity;
    /** @type {Storage | null} */
    this.storage = null;
    /** @type {Kept | null} */
    this.kept = null;
    /** @type {string | null} */
    this.asked = null;
    try {
      this.storage = storage();
      const kept = JSON.parse(this.storage.getItem(NAME) ?? "null");
      if (kept?.identity === identity && typeof kept.token === "string") this.kept = kept;
      const asked = JSON.parse(this.storage.getItem(REQUEST) ?? "null");
      if (asked?.identity === identity && typeof asked.request === "string") {
        this.asked = asked.request;
      }
    } catch {
      this.storage = null;
    }
  }

  /**
   * The name of a request for a session: it stays the same until there is one, also over a reload,
   * so that a reply that was lost takes no second place.
   *
   * @returns {string}
   */
  request() {
    this.asked ??= drawn();
    this.write();
    return this.asked;
  }

  /** @param {Omit<Kept, "identity">} kept */
  keep(kept) {
    this.kept = { identity: this.identity, ...kept };
    this.asked = null;
    this.write();
  }

  /** @param {Kept["pending"]} pending */
  setPending(pending) {
    if (!this.kept) return;
    this.kept = { ...this.kept, pending };
    this.write();
  }

  forget() {
    this.kept = null;
    this.write();
  }

  write() {
    try {
      const { identity, asked: request } = this;
      if (this.kept) this.storage?.setItem(NAME, JSON.stringify(this.kept));
      else this.storage?.removeItem(NAME);
      if (request) this.storage?.setItem(REQUEST, JSON.stringify({ identity, request }));
      else this.storage?.removeItem(REQUEST);
    } catch {
      this.storage = null;
    }
  }
}
