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
    try {
      this.storage = storage();
      const kept = JSON.parse(this.storage.getItem(NAME) ?? "null");
      if (kept?.identity === identity && typeof kept.token === "string") this.kept = kept;
    } catch {
      this.storage = null;
    }
  }

  /** @param {Omit<Kept, "identity">} kept */
  keep(kept) {
    this.kept = { identity: this.identity, ...kept };
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
      if (this.kept) this.storage?.setItem(NAME, JSON.stringify(this.kept));
      else this.storage?.removeItem(NAME);
    } catch {
      this.storage = null;
    }
  }
}
