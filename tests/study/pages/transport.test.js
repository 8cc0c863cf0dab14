import assert from "node:assert/strict";
import { test } from "node:test";

import { Transport, waitOf } from "../pages/transport.js";

/** A server that answers from a list; an Error is a broken line, a function is called. */
function outside(...answers) {
  const calls = [];
  const waits = [];
  const troubles = [];
  const transport = new Transport(
    "https://study.test/",
    {
      fetch: async (url, options) => {
        calls.push({ url, ...options });
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer instanceof Error) throw answer;
        return typeof answer === "function" ? answer(options) : answer.clone();
      },
      sleep: async (ms) => void waits.push(ms),
      random: () => 0,
      offline: () => false,
    },
    (trouble) => troubles.push(trouble),
  );
  return { transport, calls, waits, troubles };
}
const json = (status, data, headers = {}) => new Response(JSON.stringify(data), { status, headers });
const down = new TypeError("Failed to fetch");

test("a request that arrives is sent once, with its token and no cookie", async () => {
  const { transport, calls, troubles } = outside(json(201, { a: 1 }));
  const reply = await transport.ask("POST", "api/answers/3", { token: "t", body: { ranks: [1] } });
  assert.deepEqual(reply, { status: 201, data: { a: 1 } });
  assert.equal(calls.length, 1);
  assert.equal(calls[0].url, "https://study.test/api/answers/3");
  assert.equal(calls[0].headers.Authorization, "Bearer t");
  assert.equal(calls[0].credentials, "omit");
  assert.equal(calls[0].cache, "no-store");
  assert.deepEqual(troubles, []);
});

test("it is repeated until it arrives, letter by letter the same", async () => {
  const { transport, calls, waits, troubles } = outside(
    down,
    json(503, {}),
    new Response("<html>bad gateway</html>", { status: 502 }),
    new Response("{\"cut o", { status: 200 }),
    json(200, { ok: true }),
  );
  const body = { ranks: [2, 1], environment: { window: [1, 2] } };
  const asked = transport.ask("POST", "api/answers/0", { token: "t", body });
  body.ranks = [9, 9];
  assert.equal((await asked).status, 200);
  assert.equal(calls.length, 5);
  assert.equal(new Set(calls.map((call) => call.body)).size, 1);
  assert.deepEqual(JSON.parse(calls[0].body).ranks, [2, 1]);
  assert.deepEqual(waits, [250, 500, 1000, 2000]);
  assert.deepEqual(troubles.at(0), { offline: false, why: null });
  assert.equal(troubles.at(-1), null);
});

test("what repeating cannot change comes back", async () => {
  for (const status of [400, 401, 403, 404, 409, 410, 413, 422]) {
    const { transport, calls } = outside(json(status, { error: "no" }));
    assert.equal((await transport.ask("GET", "api/trial")).status, status);
    assert.equal(calls.length, 1);
  }
});

test("a server that asks for patience gets it", async () => {
  const { transport, waits } = outside(json(429, {}, { "Retry-After": "7" }), json(200, {}));
  await transport.ask("GET", "api/study");
  assert.deepEqual(waits, [7000]);
});

test("a server that never answers is asked again", async () => {
  const never = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const { transport, calls } = outside(never, json(200, {}));
  await transport.ask("GET", "api/study", { timeout: 20 });
  assert.equal(calls.length, 2);
});

/** A reply whose body comes in parts, each `pause` ms after the one before; then it may stall. */
function slow(parts, pause, stalls = false) {
  return ({ signal }) => {
    const body = new ReadableStream({
      start: (controller) => signal.addEventListener("abort", () => controller.error(signal.reason)),
      pull: async (controller) => {
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (signal.aborted) return;
        if (parts > 0) controller.enqueue(new Uint8Array([parts]));
        else if (!stalls) controller.close();
        else await new Promise(() => undefined);
        parts -= 1;
      },
    });
    return new Response(body, { headers: { "Content-Type": "image/png" } });
  };
}

test("a picture may take longer than the patience, as long as more of it comes", async () => {
  const { transport, calls } = outside(slow(8, 25));
  const { data } = await transport.ask("GET", "api/images/x", { blob: true, timeout: 120 });
  assert.equal(calls.length, 1);
  assert.equal(data.size, 8);
  assert.equal(data.type, "image/png");
});

test("a picture that comes no further is asked for again", async () => {
  const { transport, calls } = outside(slow(2, 1, true), slow(3, 1));
  const { data } = await transport.ask("GET", "api/images/x", { blob: true, timeout: 50 });
  assert.equal(calls.length, 2);
  assert.equal(data.size, 3);
});

test("waits double up to an end, and chance spreads them", () => {
  const most = Array.from({ length: 10 }, (_, failures) => waitOf(failures + 1, 1 - 2 ** -53));
  most.forEach((wait, index) => assert.ok(wait <= Math.min(15_000, 500 * 2 ** index)));
  assert.ok(most[9] > 14_999);
  for (const failures of [1, 3, 40]) {
    assert.equal(waitOf(failures, 0), Math.min(15_000, 500 * 2 ** (failures - 1)) / 2);
  }
});

for (const [status, data, why] of [
  [503, { error: "picture", message: "A picture cannot be shown." }, "picture"],
  [503, { error: "busy", message: "The server is busy." }, "busy"],
  [429, { error: "rate", message: "Too many requests." }, "busy"],
  [507, { error: "storage", message: "The server's disk is full." }, "storage"],
  [500, { error: "broken", message: "Something broke here." }, null],
]) {
  test(`why it is repeated is told: ${status} ${data.error}`, async () => {
    const { transport, calls, troubles } = outside(json(status, data), json(200, { ok: true }));
    assert.equal((await transport.ask("GET", "api/images/x", { blob: true })).status, 200);
    assert.equal(calls.length, 2);
    assert.deepEqual(troubles, [{ offline: false, why }, null]);
  });
}

test("a proxy's own refusal is that of a busy server, and its pause is kept to", async () => {
  const html = new Response("<html>", { status: 503, headers: { "Retry-After": "3" } });
  const { transport, waits, troubles } = outside(html, down, json(200, {}));
  await transport.ask("GET", "api/trial");
  assert.deepEqual(troubles, [
    { offline: false, why: "busy" },
    { offline: false, why: null },
    null,
  ]);
  assert.equal(waits[0], 3000);
});

test("of two troubles the other is told when one is over", async () => {
  const gates = [];
  const { transport, troubles } = outside(async ({ method }) => {
    if (gates.length < 2) {
      gates.push(method);
      return method === "POST" ? json(507, {}) : json(503, { error: "picture" });
    }
    if (method === "POST") return json(201, {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    return json(200, {});
  });
  const answer = transport.ask("POST", "api/answers/0", { body: {} });
  const picture = transport.ask("GET", "api/images/x");
  await answer;
  assert.deepEqual(troubles.at(-1), { offline: false, why: "picture" });
  await picture;
  assert.equal(troubles.at(-1), null);
});

test("trouble is over when the last request in trouble is", async () => {
  let let_go;
  const gate = new Promise((resolve) => (let_go = resolve));
  let turn = 0;
  const { transport, troubles } = outside(async () => {
    turn += 1;
    if (turn <= 2) throw down;
    if (turn === 4) await gate;
    return json(200, {});
  });
  const both = [transport.ask("GET", "a"), transport.ask("GET", "b")];
  await Promise.race(both);
  assert.notEqual(troubles.at(-1), null);
  let_go();
  await Promise.all(both);
  assert.equal(troubles.at(-1), null);
});

test("a picture comes as a blob; its refusal as JSON", async () => {
  const { transport } = outside(new Response(new Uint8Array([1, 2, 3])), json(404, { error: "image" }));
  const first = await transport.ask("GET", "api/images/x", { blob: true });
  assert.equal(first.data.size, 3);
  const second = await transport.ask("GET", "api/images/y", { blob: true });
  assert.deepEqual(second, { status: 404, data: { error: "image" } });
});
