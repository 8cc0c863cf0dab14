import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, correction, cssSize } from "../pages/pixels.js";

const room = (more) => ({
  magnify: "auto",
  widest: [128, 128],
  models: 3,
  ratio: 1,
  window: [1280, 800],
  ...more,
});

test("a size in CSS pixels is a whole number of device pixels", () => {
  assert.equal(cssSize(256, 1, 1.25), 204.8);
  for (const ratio of [1, 1.1, 1.25, 1.5, 1.75, 2, 2.625, 3]) {
    for (const k of [1, 2, 3]) {
      const device = cssSize(97, k, ratio) * ratio;
      assert.ok(Math.abs(device - 97 * k) < 1e-9);
    }
  }
});

test("a correction is less than half a device pixel, and ends on one", () => {
  for (const ratio of [1, 1.25, 1.5, 2, 2.625]) {
    for (const position of [0, 0.3, 10.2, 33.337, 205.8, -7.7]) {
      const by = correction(position, ratio);
      const there = (position + by) * ratio;
      assert.ok(Math.abs(there - Math.round(there)) < 1e-9);
      assert.ok(Math.abs(by * ratio) <= 0.5 + 1e-9);
    }
  }
});

test("auto shows all at once, as large as the window allows", () => {
  assert.deepEqual(arrange(room()), { k: 2, layout: "row" });
  assert.deepEqual(arrange(room({ window: [1800, 1000] })), { k: 2, layout: "row" });
  assert.deepEqual(arrange(room({ ratio: 2 })), { k: 4, layout: "row" });
  assert.deepEqual(arrange(room({ widest: [96, 96] })), { k: 2, layout: "row" });
});

test("on a phone pictures stand in two columns", () => {
  const phone = { window: [390, 844], ratio: 3 };
  assert.deepEqual(arrange(room(phone)), { k: 4, layout: "grid" });
});

test("pictures larger than half a phone stand one below the other", () => {
  const found = arrange(room({ window: [390, 844], widest: [256, 256] }));
  assert.deepEqual(found, { k: 1, layout: "column" });
});

test("what is too small together on a phone is seen two at a time", () => {
  const phone = { window: [390, 844], ratio: 2, widest: [256, 256] };
  assert.deepEqual(arrange(room(phone)), { k: 2, layout: "column" });
});

test("a picture is never shrunk", () => {
  assert.deepEqual(arrange(room({ window: [390, 600], widest: [1024, 1024] })).k, 1);
  assert.deepEqual(arrange(room({ window: [200, 200] })).k, 1);
});

test("what study.yaml says is done in every window", () => {
  for (const window of [[320, 500], [1280, 800], [4000, 2000]]) {
    assert.equal(arrange(room({ magnify: 3, window })).k, 3);
  }
  assert.equal(arrange(room({ magnify: 1, window: [1280, 800] })).layout, "row");
  assert.equal(arrange(room({ magnify: 1, window: [500, 800] })).layout, "stacked");
  assert.equal(arrange(room({ magnify: 3, window: [500, 800] })).layout, "column");
});

test("a larger window never shows smaller pictures", () => {
  for (const models of [2, 3, 4, 6]) {
    for (const ratio of [1, 1.25, 2]) {
      let before = 0;
      for (let width = 900; width <= 3000; width += 10) {
        const { k } = arrange(room({ models, ratio, window: [width, width * 0.65] }));
        assert.ok(k >= before, `${models} models, ${ratio}, ${width}: ${k} after ${before}`);
        before = k;
      }
    }
  }
});
