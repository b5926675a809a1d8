/** R14: what is over a server's max_in_flight waits, in turns, and costs nobody else. */

import { afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import { fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { createLoad } from "../../src/upstream/load.ts";
import { createQueue } from "../../src/upstream/queue.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamSink } from "../../src/upstream/upstream.ts";
import { originOf } from "../kit/upstream.ts";

interface Made {
  readonly name: string;
  readonly call: UpstreamCall;
}

let ended: string[] = [];
afterEach(() => {
  ended = [];
});

/** A server whose calls end when the test says so. */
function world(
  maxInFlight: number,
  maxQueued: number,
  fails: (name: string) => boolean = () => false,
) {
  const config = { id: "s", maxInFlight, maxQueued };
  const load = createLoad(config, undefined, () => queue.freed());
  const running: string[] = [];
  const over = (name: string) => {
    running.splice(running.indexOf(name), 1);
    load.end();
  };
  const queue = createQueue({
    config,
    load,
    send(request) {
      const name = request.name ?? "";
      if (fails(name)) throw fault("GW_UPSTREAM_DOWN", { message: "away" });
      load.begin();
      running.push(name);
      request.params(1, "legacy");
      return { era: "legacy", cancel: () => over(name) };
    },
  });
  function call(name: string, keyId: string, bytes = 1): Made {
    const request: UpstreamRequest = {
      ...{ method: "tools/call", name, headers: [], bytes, origin: originOf(keyId, {}) },
      params: () => [],
    };
    const sink: UpstreamSink = {
      notification: () => undefined,
      request: () => undefined,
      response: () => undefined,
      failed: (error, mayHaveRun) => ended.push(`${name} ${error.code} ${mayHaveRun}`),
    };
    return { name, call: queue.add(request, sink) };
  }
  return { load, queue, running, over, call };
}

const soon = () => new Promise<void>((resolve) => queueMicrotask(resolve));

test("R14 each key in turn, whoever came first with many", async () => {
  const { queue, running, over, call } = world(2, 100);
  for (let at = 0; at < 5; at++) call(`a${at}`, "a");
  call("b0", "b");
  call("b1", "b");
  const order: string[] = [];
  queue.freed();
  while (queue.size > 0 || running.length > 0) {
    await soon();
    await soon();
    expect(running.length).toBeLessThanOrEqual(2);
    const next = running[0];
    if (next === undefined) break;
    order.push(next);
    over(next);
  }
  expect(order).toEqual(["a0", "b0", "a1", "b1", "a2", "a3", "a4"]);
});

test("R14 a full queue refuses at once, names the setting and its value; nothing was sent", () => {
  const { load, call } = world(1, 2);
  load.begin();
  call("1", "a");
  call("2", "a");
  expect(() => call("3", "a")).toThrow('"s" has 1 calls in flight, and 2 wait for their turn');
  try {
    call("3", "a");
  } catch (error) {
    expect(error).toMatchObject({
      code: "GW_UPSTREAM_BUSY",
      why: "servers.s.max_in_flight is 1, servers.s.max_queued is 2; nothing was sent",
      data: { setting: "servers.s.max_queued", limit: 2 },
    });
  }
});

test("R14 one key cannot keep another out of the queue: the last of the longest gives way", () => {
  const { load, queue, call } = world(1, 4);
  load.begin();
  for (const name of ["1", "2", "3", "4"]) call(name, "greedy");
  call("m1", "modest");
  expect(ended).toEqual(["4 GW_UPSTREAM_BUSY false"]);
  call("m2", "modest");
  expect(ended).toEqual(["4 GW_UPSTREAM_BUSY false", "3 GW_UPSTREAM_BUSY false"]);
  // Both have two now.
  expect(() => call("m3", "modest")).toThrow();
  expect(() => call("5", "greedy")).toThrow();
  expect(queue.size).toBe(4);
});

test("U14 the bytes that wait are bounded; one call of any size may wait", () => {
  const { load, call } = world(1, 1_000);
  load.begin();
  call("large", "a", 2 * limits.queuedBytesPerServer);
  expect(() => call("small", "a", 1)).toThrow();
  try {
    call("small", "a", 1);
  } catch (error) {
    expect(error).toMatchObject({ why: expect.stringContaining("bytes together") });
  }
});

test("a call that is taken back leaves the queue and is never sent; a second cancel does nothing", async () => {
  const { load, queue, running, call } = world(1, 10);
  load.begin();
  const made = call("1", "a");
  expect(made.call.waitsFor).toBe("servers.s.max_in_flight is 1");
  made.call.cancel("enough");
  made.call.cancel("enough");
  expect(queue.size).toBe(0);
  load.end();
  await soon();
  await soon();
  expect(running).toEqual([]);
  expect(load.inFlight).toBe(0);
});

test("a server that goes away fails what waits, once each, and keeps no place", async () => {
  const { load, queue, call } = world(1, 10, () => true);
  load.begin();
  for (const name of ["1", "2", "3"]) call(name, name);
  load.end();
  await soon();
  await soon();
  expect(ended).toEqual(["1", "2", "3"].map((name) => `${name} GW_UPSTREAM_DOWN false`));
  expect([queue.size, load.inFlight]).toEqual([0, 0]);
});

test("under any order of calls, ends and cancels nothing is lost, twice sent, or over a limit", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("call" as const), key: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constantFrom("end" as const, "cancel" as const), at: fc.nat(20) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      ended = [];
      const { load, queue, running, over, call } = world(2, 3);
      const waiting = new Map<string, UpstreamCall>();
      let [made, refused, cancelled, done, no] = [0, 0, 0, 0, 0];
      for (const one of steps) {
        if (one.do === "call") {
          no += 1;
          try {
            const { name, call: queued } = call(`${no}`, one.key);
            waiting.set(name, queued);
            made += 1;
            if (load.inFlight < 2) queue.freed();
          } catch {
            refused += 1;
          }
        } else if (one.do === "end" && running.length > 0) {
          over(running[one.at % running.length]!);
          done += 1;
        } else if (one.do === "cancel") {
          const open = [...waiting].filter(([, queued]) => queued.waitsFor !== undefined);
          const chosen = open[one.at % Math.max(1, open.length)];
          const isOpen =
            chosen !== undefined && !ended.some((text) => text.startsWith(`${chosen[0]} `));
          if (isOpen) {
            waiting.delete(chosen[0]);
            chosen[1].cancel("enough");
            cancelled += 1;
          }
        }
        await soon();
        await soon();
        expect(load.inFlight).toBe(running.length);
        expect(running.length).toBeLessThanOrEqual(2);
        expect(queue.size).toBeLessThanOrEqual(3);
        expect(new Set(running).size).toBe(running.length);
        expect(made).toBe(done + cancelled + ended.length + running.length + queue.size);
      }
      expect(made + refused).toBe(no);
    }),
    { numRuns: 200 },
  );
});
