import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createGate, earlyHealth } from "../../src/gateway/gate.ts";
import type { Peer } from "../../src/runtime/runtime.ts";

const peer: Peer = { address: () => "127.0.0.1", keepOpen() {}, limitIdle() {} };
const get = (path: string, host = "localhost:3100") =>
  new Request(`http://localhost:3100${path}`, { headers: { host } });
const gate = () => createGate(earlyHealth([], [3100]));

test("O10 /health is answered before the front is there, everything else waits for it", async () => {
  const { handle, open } = gate();
  expect((await handle(get("/health"), peer)).status).toBe(200);
  const waiting = handle(get("/mcp"), peer);
  open(() => new Response("front", { status: 202 }));
  expect((await waiting).status).toBe(202);
  expect((await handle(get("/health"), peer)).status).toBe(202);
});

test("F2 a foreign Host gets nothing early, not even /health", async () => {
  const { handle, open } = gate();
  const waiting = handle(get("/health", "evil.example"), peer);
  open(() => new Response("", { status: 403 }));
  expect((await waiting).status).toBe(403);
});

test("no more than a bounded number waits", async () => {
  const { handle } = gate();
  for (let n = 0; n < limits.startWaiting; n++) void handle(get("/mcp"), peer);
  expect((await handle(get("/mcp"), peer)).status).toBe(503);
});
