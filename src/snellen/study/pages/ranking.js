// A ranking in the making: for each picture, left to right, its rank or null. Nothing here changes
// its arguments.

/** @typedef {readonly (number | null)[]} Ranks */

/**
 * @param {number} count
 * @returns {Ranks}
 */
export function unranked(count) {
  return Array.from({ length: count }, () => null);
}

/**
 * The best rank that no picture has; null where there is none.
 *
 * @param {Ranks} ranks
 * @returns {number | null}
 */
export function nextRank(ranks) {
  for (let rank = 1; rank <= ranks.length; rank += 1) {
    if (!ranks.includes(rank)) return rank;
  }
  return null;
}

/**
 * Give a picture the next rank, or take away the rank it has: what a click does.
 *
 * @param {Ranks} ranks
 * @param {number} place
 * @returns {Ranks}
 */
export function pick(ranks, place) {
  if (!(place in ranks)) return ranks;
  return put(ranks, place, ranks[place] === null ? nextRank(ranks) : null);
}

/**
 * Give a picture a certain rank. Who had it gets this picture's former one, unless they may share.
 *
 * @param {Ranks} ranks
 * @param {number} place
 * @param {number} rank
 * @param {boolean} ties
 * @returns {Ranks}
 */
export function give(ranks, place, rank, ties) {
  if (!(place in ranks) || !Number.isInteger(rank) || rank < 1 || rank > ranks.length) return ranks;
  if (ranks[place] === rank) return ranks;
  const holder = ties ? -1 : ranks.indexOf(rank);
  const swapped = holder < 0 ? ranks : put(ranks, holder, ranks[place] ?? null);
  return put(swapped, place, rank);
}

/**
 * @param {Ranks} ranks
 * @param {number} place
 * @returns {Ranks}
 */
export function take(ranks, place) {
  return (ranks[place] ?? null) === null ? ranks : put(ranks, place, null);
}

/**
 * @param {Ranks} ranks
 * @returns {boolean}
 */
export function isComplete(ranks) {
  return ranks.length > 0 && !ranks.includes(null);
}

/**
 * The ranks as they are sent, without gaps: 1 1 3 becomes 1 1 2.
 *
 * @param {Ranks} ranks complete
 * @returns {number[]}
 */
export function dense(ranks) {
  const used = [...new Set(ranks)].sort((a, b) => Number(a) - Number(b));
  return ranks.map((rank) => used.indexOf(rank) + 1);
}

/**
 * @param {Ranks} ranks
 * @param {number} place
 * @param {number | null} rank
 * @returns {Ranks}
 */
function put(ranks, place, rank) {
  return ranks.map((old, index) => (index === place ? rank : old));
}
