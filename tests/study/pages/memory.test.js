import assert from "node:assert/strict";
import { test } from "node:test";

import { Memory } from "../pages/memory.js";
import { Tabs } from "../pages/tabs.js";

function storage() {
  const held = new Map();
  return {
    getItem: (name) => held.get(name) ?? null,
    setItem: (name, value) => held.set(name, value),
    removeItem: (name) => held.delete(name),
    held,
  };
}
const kept = { token: "t", withdraw: "w", pending: null };
const answer = { ranks: [1, 2], shown_ms: 1, first_ms: 2, submit_ms: 3, environment: {} };

test("a reload finds the token and the answer that was on its way", () => {
  const place = storage();
  const memory = new Memory(() => place, "");
  memory.keep(kept);
  memory.setPending({ number: 4, answer });
  const again = new Memory(() => place, "");
  assert.equal(again.kept.token, "t");
  assert.deepEqual(again.kept.pending, { number: 4, answer });
  again.setPending(null);
  assert.equal(new Memory(() => place, "").kept.pending, null);
  again.forget();
  assert.equal(new Memory(() => place, "").kept, null);
  assert.equal(place.held.size, 0);
});

test("a request keeps its name until there is a session, also over a reload", () => {
  const place = storage();
  const name = new Memory(() => place, "").request();
  assert.match(name, /^[0-9a-f]{32}$/);
  const again = new Memory(() => place, "");
  assert.equal(again.request(), name);
  assert.notEqual(new Memory(() => storage(), "").request(), name);
  assert.notEqual(new Memory(() => place, "W1").request(), name);
  again.keep(kept);
  assert.notEqual(again.request(), name);
  again.keep(kept);
  again.forget();
  assert.equal(place.held.size, 0);
});

test("one person's session is not another's", () => {
  const place = storage();
  new Memory(() => place, "W1").keep(kept);
  assert.equal(new Memory(() => place, "W2").kept, null);
  assert.equal(new Memory(() => place, "W1").kept.token, "t");
});

test("where storage is denied, the page goes on without", () => {
  const memory = new Memory(() => {
    throw new Error("SecurityError");
  }, "");
  memory.keep(kept);
  assert.equal(memory.kept.token, "t");
});

test("where storage is full or broken, too", () => {
  const full = { ...storage(), setItem: () => { throw new Error("QuotaExceededError"); } };
  const memory = new Memory(() => full, "");
  memory.keep(kept);
  assert.equal(memory.kept.token, "t");
  const broken = { ...storage(), getItem: () => "{not JSON" };
  assert.equal(new Memory(() => broken, "").kept, null);
});

test("a second tab is told of the first, and takes over", async () => {
  const held = { ...kept };
  let taken = false;
  const first = new Tabs("test", "", () => (taken ? null : held), () => (taken = true));
  const second = new Tabs("test", "", () => null, () => assert.fail("has nothing to give"));
  const stranger = new Tabs("test", "W9", () => null, () => assert.fail("is another person"));
  try {
    assert.equal(await stranger.someoneElse(), false);
    assert.equal(await second.someoneElse(), true);
    assert.equal(await first.someoneElse(), false);
    assert.deepEqual(await second.takeOver(), held);
    assert.ok(taken);
    assert.equal(await second.takeOver(), null);
  } finally {
    for (const tabs of [first, second, stranger]) tabs.channel.close();
  }
});
