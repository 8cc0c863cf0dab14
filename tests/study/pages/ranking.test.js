import assert from "node:assert/strict";
import { test } from "node:test";

import { dense, give, isComplete, nextRank, pick, take, unranked } from "../pages/ranking.js";

test("clicks give ranks in their order", () => {
  let ranks = unranked(3);
  for (const place of [1, 2, 0]) ranks = pick(ranks, place);
  assert.deepEqual(ranks, [3, 1, 2]);
  assert.ok(isComplete(ranks));
});

test("a second click takes the rank away, and the next click gives it again", () => {
  let ranks = pick(pick(pick(unranked(3), 0), 1), 2);
  ranks = pick(ranks, 0);
  assert.deepEqual(ranks, [null, 2, 3]);
  assert.equal(nextRank(ranks), 1);
  assert.deepEqual(pick(ranks, 0), [1, 2, 3]);
});

test("who has a rank gets the other's, where none may share", () => {
  assert.deepEqual(give([1, 2, 3], 2, 1, false), [3, 2, 1]);
  assert.deepEqual(give([1, null, null], 2, 1, false), [null, null, 1]);
});

test("where they may share, nobody else is touched", () => {
  assert.deepEqual(give([1, 2, null], 2, 1, true), [1, 2, 1]);
});

test("ranks are sent without gaps", () => {
  assert.deepEqual(dense([1, 1, 3]), [1, 1, 2]);
  assert.deepEqual(dense([4, 2, 2, 4]), [2, 1, 1, 2]);
  assert.deepEqual(dense([3, 1, 2]), [3, 1, 2]);
});

test("what cannot be changes nothing, and gives the same object back", () => {
  const ranks = Object.freeze([1, null, 2]);
  assert.equal(pick(ranks, 3), ranks);
  assert.equal(pick(ranks, -1), ranks);
  assert.equal(give(ranks, 0, 1, false), ranks);
  for (const rank of [0, 4, 1.5, NaN]) assert.equal(give(ranks, 0, rank, true), ranks);
  assert.equal(take(ranks, 1), ranks);
  assert.equal(take(ranks, 9), ranks);
});

test("without ties no two pictures ever share a rank, whatever is pressed", () => {
  let seed = 1;
  const draw = (below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (const models of [2, 3, 4, 5, 6]) {
    let ranks = unranked(models);
    for (let step = 0; step < 500; step += 1) {
      const place = draw(models);
      const what = draw(3);
      if (what === 0) ranks = pick(ranks, place);
      else if (what === 1) ranks = give(ranks, place, 1 + draw(models), false);
      else ranks = take(ranks, place);
      const given = ranks.filter((rank) => rank !== null);
      assert.equal(new Set(given).size, given.length);
      assert.ok(given.every((rank) => rank >= 1 && rank <= models));
      assert.equal(nextRank(ranks) === null, isComplete(ranks));
      if (isComplete(ranks)) assert.deepEqual(dense(ranks), ranks);
    }
  }
});
