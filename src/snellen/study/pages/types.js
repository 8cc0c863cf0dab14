// The types that several modules share. Nothing here runs, and no page loads it.

/**
 * What GET /api/study says.
 *
 * @typedef {object} Study
 * @property {string} title
 * @property {string} instructions plain text; a blank line ends a paragraph
 * @property {string} consent plain text
 * @property {string} contact
 * @property {string} language of the texts above (BCP 47)
 * @property {number} models how many pictures are ranked in a trial
 * @property {boolean} ties
 * @property {number} trials of one person, training included
 * @property {number} training
 * @property {"auto" | number} magnify
 * @property {"allow" | "refuse"} small_screens
 * @property {number} smallest_window CSS pixels
 * @property {"open" | "prolific" | "mturk"} platform
 * @property {boolean} [invitations] whether each link is personal
 * @property {"open" | "paused" | "closed" | "full"} state
 * @property {number} retention_days
 * @property {[number, number]} widest width and height of the largest picture
 * @property {number} minutes
 * @property {boolean} simulated
 * @property {{no_consent: string, screened_out: string} | null} [codes]
 */

/**
 * The pictures of one trial: opaque ids, and the size they share.
 *
 * @typedef {object} PictureIds
 * @property {string} original
 * @property {string[]} options left to right
 * @property {number} width
 * @property {number} height
 */

/**
 * A trial as GET /api/trial and the answer to an answer give it.
 *
 * @typedef {PictureIds & {
 *   state: "trial",
 *   number: number,
 *   kind: "training" | "judging",
 *   total: number,
 *   answered: number,
 *   next: PictureIds | null,
 * }} Trial
 */

/** @typedef {Trial | {state: "done"}} TrialReply */

/**
 * What is sent as an answer. The same object is sent again until the server has it.
 *
 * @typedef {object} Answer
 * @property {number[]} ranks left to right, 1 is best, dense
 * @property {number} shown_ms after the first paint, on the clock of the page
 * @property {number} first_ms the first action
 * @property {number} submit_ms
 * @property {Record<string, unknown>} environment
 */

/**
 * Where the study sends people when they are done.
 *
 * @typedef {{url: string} | {form: {action: string, fields: Record<string, string>}}} Leave
 */

/**
 * Who comes: read from the address.
 *
 * @typedef {object} Visitor
 * @property {Record<string, string>} platform the parameters of Prolific or Mechanical Turk
 * @property {string | null} invitation
 * @property {boolean} preview Mechanical Turk shows the task to somebody who has not accepted it
 */

/**
 * What the screen check found; stored with the session.
 *
 * @typedef {object} Screen
 * @property {number} width of the window, CSS pixels
 * @property {number} height
 * @property {number} pixel_ratio device pixels in a CSS pixel, the browser's zoom included
 * @property {number} screen_width
 * @property {number} screen_height
 * @property {number} color_depth
 * @property {number | null} zoom as far as a page can tell; null where it cannot
 * @property {boolean} touch
 */

/**
 * A request is being tried again. `why` is what the server answered: it is busy, it cannot keep
 * answers now (its disk is full), or a picture cannot be had; null where it did not answer, or
 * nothing that one could tell. What was answered before is safe in any case.
 *
 * @typedef {{offline: boolean, why: "busy" | "storage" | "picture" | null}} Trouble
 */

export {};
