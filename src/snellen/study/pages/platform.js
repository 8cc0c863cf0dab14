// Who comes, from the address; and the way back. Nothing here touches the page.

/** @import { Study, Visitor } from "./types.js" */

const PROLIFIC = ["PROLIFIC_PID", "STUDY_ID", "SESSION_ID"];
const MTURK = ["workerId", "assignmentId", "hitId", "turkSubmitTo"];
const NOT_ACCEPTED = "ASSIGNMENT_ID_NOT_AVAILABLE";

/**
 * @param {string} search of the address, with its question mark
 * @returns {Visitor}
 */
export function readVisitor(search) {
  const query = new URLSearchParams(search);
  /** @type {Record<string, string>} */
  const platform = {};
  for (const name of query.get("PROLIFIC_PID") ? PROLIFIC : MTURK) {
    const value = query.get(name);
    if (value) platform[name] = value;
  }
  const preview = query.get("assignmentId") === NOT_ACCEPTED;
  return { platform: preview ? {} : platform, invitation: query.get("invitation"), preview };
}

/**
 * What tells this person from others of the same browser, and this visit from an earlier one that
 * the platform pays for separately; empty for a link that anyone may open.
 *
 * @param {Visitor} visitor
 * @returns {string}
 */
export function identityOf(visitor) {
  const { PROLIFIC_PID, SESSION_ID, workerId, assignmentId } = visitor.platform;
  if (PROLIFIC_PID) return `${PROLIFIC_PID} ${SESSION_ID ?? ""}`;
  if (workerId) return `${workerId} ${assignmentId ?? ""}`;
  return visitor.invitation ?? "";
}

/**
 * The way back for somebody who does not take part; null where the platform has none.
 *
 * @param {Study} study
 * @param {"no_consent" | "screened_out"} why
 * @returns {string | null}
 */
export function wayBack(study, why) {
  const code = study.platform === "prolific" ? study.codes?.[why] : undefined;
  if (!code) return null;
  return `https://app.prolific.com/submissions/complete?cc=${encodeURIComponent(code)}`;
}
