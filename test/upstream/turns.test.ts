/** Turns under any order of calls, ends and cancels: one at a time, nobody forgotten. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { fault } from "../../src/base/errors.ts";
import { createLoad } from "../../src/upstream/load.ts";
import { createTurns } from "../../src/upstream/turns.ts";
import type { UpstreamCall, UpstreamRequest, UpstreamSink } from "../../src/upstream/upstream.ts";
import { originOf } from "../kit/upstream.ts";

type Step =
  | { readonly kind: "call"; readonly client: number; readonly throws: boolean; late: boolean }
  | { readonly kind: "answer" | "fail" }
  | { readonly kind: "cancel"; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("call" as const),
    client: fc.nat(2),
    throws: fc.boolean(),
    late: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("answer" as const, "fail" as const) }),
  fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(30) }),
);

test("F14 whatever happens, one call is at the server, and each ends once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const load = createLoad({ id: "s", maxInFlight: 1_000 });
      const atServer: UpstreamSink[] = [];
      const plans = new Map<UpstreamRequest, Extract<Step, { kind: "call" }>>();
      let most = 0;
      const turns = createTurns({
        load,
        between: () => expect(atServer.length).toBe(0),
        send(request, sink) {
          const plan = plans.get(request);
          if (plan?.throws === true) throw fault("GW_UPSTREAM_DOWN", { message: "no" });
          load.begin();
          atServer.push(sink);
          most = Math.max(most, atServer.length);
          const call: UpstreamCall = { era: "legacy", cancel: () => leave(sink) };
          return plan?.late === true ? Promise.resolve(call) : call;
        },
      });
      function leave(sink: UpstreamSink): boolean {
        const at = atServer.indexOf(sink);
        if (at < 0) return false;
        atServer.splice(at, 1);
        load.end();
        return true;
      }
      const ends: number[] = [];
      const calls: { call: UpstreamCall; at: number }[] = [];
      for (const one of steps) {
        if (one.kind === "call") {
          const at = ends.push(0) - 1;
          const end = () => {
            ends[at] = (ends[at] ?? 0) + 1;
          };
          const request: UpstreamRequest = {
            ...{ method: "tools/call", params: () => [], name: "t", headers: [] },
            origin: originOf(`k${one.client}`, {}),
          };
          plans.set(request, one);
          const sink = { notification: end, request: end, response: end, failed: end };
          try {
            calls.push({ call: turns.send(request, sink), at });
          } catch {
            end();
          }
        } else if (one.kind === "cancel") {
          const found = calls[one.which];
          if (found !== undefined && ends[found.at] === 0) {
            found.call.cancel("enough");
            ends[found.at] = 1;
          }
        } else {
          const sink = atServer[0];
          if (sink !== undefined && leave(sink)) {
            if (one.kind === "answer") sink.response({} as never);
            else sink.failed(fault("GW_UPSTREAM_LOST", { message: "gone" }), true);
          }
        }
        await Promise.resolve();
      }
      for (let left = 0; left < 100; left += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        const sink = atServer[0];
        if (sink !== undefined && leave(sink)) sink.response({} as never);
      }
      expect(most).toBeLessThanOrEqual(1);
      expect(ends.filter((count) => count !== 1)).toEqual([]);
      expect([load.inFlight, turns.waiting()]).toEqual([0, 0]);
    }),
    { numRuns: 800 },
  );
});
