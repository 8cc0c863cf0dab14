// Two tabs of one browser: one of them has the study, and hands it over when the other asks.

/** @import { Kept } from "./memory.js" */

/** @typedef {Omit<Kept, "identity">} Held */

/**
 * @typedef {{identity: string, from: string,
 *   say: "who?" | "give" | "I" | "take", held?: Held}} Message
 */

const PATIENCE = 250;

export class Tabs {
  /**
   * @param {string} name of the channel
   * @param {string} identity only tabs of the same person speak with each other
   * @param {() => Held | null} held what this tab has while a participant is on the way
   * @param {() => void} onTaken another tab goes on
   */
  constructor(name, identity, held, onTaken) {
    this.identity = identity;
    this.held = held;
    this.onTaken = onTaken;
    this.id = String(Math.random());
    /** @type {((message: Message) => void) | null} */
    this.waiting = null;
    /** @type {BroadcastChannel | null} */
    this.channel = null;
    try {
      this.channel = new BroadcastChannel(name);
      this.channel.onmessage = ({ data }) => this.hear(data);
    } catch {
      // No channel: then the server tells when a token was replaced.
    }
  }

  /** @param {Message} message */
  hear(message) {
    if (message.identity !== this.identity || message.from === this.id) return;
    if (message.say === "I" || message.say === "take") {
      this.waiting?.(message);
      return;
    }
    const held = this.held();
    if (!held) return;
    if (message.say === "who?") this.send("I");
    if (message.say === "give") {
      this.send("take", held);
      this.onTaken();
    }
  }

  /**
   * @param {Message["say"]} say
   * @param {Held} [held]
   */
  send(say, held) {
    const { identity, id: from } = this;
    this.channel?.postMessage({ identity, from, say, ...(held ? { held } : {}) });
  }

  /** Whether another tab has the study. */
  async someoneElse() {
    return (await this.question("who?", "I")) !== null;
  }

  /** What the other tab had; null where none answers. */
  async takeOver() {
    return (await this.question("give", "take"))?.held ?? null;
  }

  /**
   * @param {Message["say"]} say
   * @param {Message["say"]} hope
   * @returns {Promise<Message | null>}
   */
  async question(say, hope) {
    if (!this.channel) return null;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), PATIENCE);
      this.waiting = (message) => {
        if (message.say !== hope) return;
        clearTimeout(timer);
        this.waiting = null;
        resolve(message);
      };
      this.send(say);
    });
  }
}
