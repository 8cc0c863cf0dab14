import assert from "node:assert/strict";
import { test } from "node:test";

import { commandOf } from "../pages/keys.js";

const plain = { code: "", ctrlKey: false, altKey: false, metaKey: false, repeat: false };
const of = (key, more = {}, models = 3) => commandOf({ ...plain, key, ...more }, models);

test("letters are pictures", () => {
  assert.deepEqual(of("a"), { type: "pick", place: 0 });
  assert.deepEqual(of("C"), { type: "pick", place: 2 });
  assert.equal(of("d"), null);
  assert.deepEqual(of("d", {}, 4), { type: "pick", place: 3 });
});

test("numbers are ranks", () => {
  assert.deepEqual(of("1"), { type: "rank", rank: 1 });
  assert.deepEqual(of("3", { code: "Numpad3" }), { type: "rank", rank: 3 });
  assert.equal(of("4"), null);
  assert.equal(of("0"), null);
});

test("an A is an A on every Latin keyboard, wherever it lies", () => {
  assert.deepEqual(of("a", { code: "KeyQ" }), { type: "pick", place: 0 });
  assert.equal(of("q", { code: "KeyA" }), null);
});

test("where letters are others, the place on the keyboard counts", () => {
  assert.deepEqual(of("ф", { code: "KeyA" }), { type: "pick", place: 0 });
  assert.deepEqual(of("&", { code: "Digit1" }), { type: "rank", rank: 1 });
});

test("undo, move and submit", () => {
  for (const key of ["u", "Backspace", "Delete"]) assert.deepEqual(of(key), { type: "undo" });
  assert.deepEqual(of("z", { ctrlKey: true }), { type: "undo" });
  assert.deepEqual(of("z", { metaKey: true }), { type: "undo" });
  assert.deepEqual(of("ArrowLeft"), { type: "move", by: -1 });
  assert.deepEqual(of("ArrowRight"), { type: "move", by: 1 });
  assert.deepEqual(of("Enter"), { type: "submit" });
});

test("the browser's and the screen reader's keys stay theirs", () => {
  for (const key of ["Tab", " ", "Escape", "ArrowUp", "ArrowDown", "PageDown", "F5", "x"]) {
    assert.equal(of(key), null, key);
  }
  assert.equal(of("a", { ctrlKey: true }), null);
  assert.equal(of("1", { altKey: true }), null);
  assert.equal(of("c", { metaKey: true }), null);
});

test("a key that is held down acts once", () => {
  assert.equal(of("Enter", { repeat: true }), null);
  assert.equal(of("a", { repeat: true }), null);
});
