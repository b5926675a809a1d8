/** U18: progress and log messages over the limit are known by their first bytes and dropped. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JsonObject } from "../../src/base/json.ts";
import { limits } from "../../src/base/limits.ts";
import { inPace, isOver, lossyKind, type Paced, tokenOf } from "../../src/upstream/pace.ts";
import { type Flood, floodCommand, floodServer } from "../kit/flood.ts";
import {
  callTool,
  httpUpstream,
  startCall,
  stdioUpstream,
  testUpstream,
  until,
} from "../kit/upstream.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("as many as the limit at once, and as many a second after that", () => {
  const one: Paced = { pace: undefined };
  let told = 0;
  for (let at = 0; at < 10_000; at++) if (inPace(one, at)) told += 1;
  expect(told).toBeGreaterThanOrEqual(limits.notesPerSecond * 10.9);
  expect(told).toBeLessThanOrEqual(limits.notesPerSecond * 11);
  // A pause gives no more than one burst.
  let burst = 0;
  for (let at = 0; at < 500; at++) if (inPace(one, 100_000)) burst += 1;
  expect(burst).toBe(limits.notesPerSecond);
  expect(isOver(one, 100_000)).toBe(true);
  expect(isOver(one, 100_011)).toBe(false);
});

describe("what the first bytes tell", () => {
  const progress = { progressToken: 7, progress: 1 };
  const cases: readonly (readonly [text: string, lossy: boolean])[] = [
    [JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: progress }), true],
    [JSON.stringify({ method: "notifications/progress", params: progress, jsonrpc: "2.0" }), true],
    [JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: {} }), true],
    ['{"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}', true],
    ['{ "method" : "notifications/progress" }', true],
    [JSON.stringify({ jsonrpc: "2.0", method: "notifications/tools/list_changed" }), false],
    [JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled" }), false],
    [JSON.stringify({ jsonrpc: "2.0", method: "notifications/progressive" }), false],
    [JSON.stringify({ jsonrpc: "2.0", id: 7, result: {} }), false],
    [JSON.stringify({ id: 7, method: "notifications/progress" }), false],
    [JSON.stringify({ result: { method: "notifications/progress" }, id: 7 }), false],
    ['{"jsonrpc":"2.0","me\\u0074hod":"notifications/progress"}', false],
    ["", false],
    ["{", false],
  ];
  for (const [text, lossy] of cases) {
    test(text, () => expect(lossyKind(bytes(text)) !== undefined).toBe(lossy));
  }

  test("an answer is never taken for one, whatever it holds", () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0 }), fc.boolean(), (result, id, first) => {
        const value = JSON.parse(result) as JsonObject;
        const message = first ? { jsonrpc: "2.0", id, result: value } : { result: value, id };
        expect(lossyKind(bytes(JSON.stringify(message)))).toBeUndefined();
      }),
    );
  });

  test("the token of a call, where it is a number of ours", () => {
    expect(tokenOf(bytes(cases[0]![0]))).toBe(7);
    expect(tokenOf(bytes('{"params":{"progressToken":"7"}}'))).toBeUndefined();
    expect(
      tokenOf(bytes('{"params":{"message":"\\"progressToken\\":9","progressToken": 8}}')),
    ).toBe(8);
    expect(tokenOf(bytes("{}"))).toBeUndefined();
  });
});

const floods: readonly (readonly [name: string, flood: Flood])[] = [
  ["progress", { count: 20_000, kind: "progress" }],
  ["log messages", { count: 20_000, kind: "message" }],
  ["progress with spaces", { count: 20_000, kind: "progress", spaced: true }],
  ["progress that has to be read to be known", { count: 5_000, kind: "progress", odd: true }],
];

for (const over of ["stdio", "http"] as const) {
  describe(`U18 over ${over} a call gets at most the limit of`, () => {
    for (const [name, flood] of floods) {
      test(name, async () => {
        const server = over === "http" ? await floodServer() : undefined;
        const config =
          server === undefined ? stdioUpstream(floodCommand) : httpUpstream(server.url);
        const upstream = await testUpstream(config);
        try {
          const began = performance.now();
          const end = await callTool(upstream, "flood", flood);
          const seconds = (performance.now() - began) / 1000;
          expect(end.kind).toBe("response");
          const most = limits.notesPerSecond * (1 + Math.ceil(seconds));
          expect(end.notifications.length).toBeLessThanOrEqual(most);
          expect(end.notifications.length).toBeGreaterThan(0);
          expect(end.notifications.length + end.crowded).toBe(flood.count);
        } finally {
          await upstream.stop();
          await server?.stop();
        }
      });
    }
  });
}

test("U18 over stdio a call that is slow beside a flood keeps all of its progress", async () => {
  const upstream = await testUpstream(stdioUpstream(floodCommand));
  try {
    const flooded = startCall(upstream, "flood", { count: 100_000, kind: "progress" });
    const slow = startCall(upstream, "flood", { count: 5, kind: "progress", everyMs: 20 });
    expect((await slow.end).notifications).toHaveLength(5);
    expect((await flooded.end).kind).toBe("response");
    await until(() => upstream.status().inFlight === 0);
  } finally {
    await upstream.stop();
  }
});
