/** A disk that hangs: no error, and no write comes back. */

import { expect, test } from "bun:test";
import type { SpoolFile } from "../../src/audit/fs.ts";
import { openAudit } from "../../src/audit/open.ts";
import { GatewayError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { seeded, simDisk } from "../kit/sim-fs.ts";
import { call, end, refusal, type Setup, simClock, turn } from "./world.ts";

/** Its writes do not return from `hang` on, until `goOn`. */
async function hangingAudit() {
  const random = seeded(1);
  const setup: Setup = { disk: simDisk(), store: memoryStore(), clock: simClock(), random };
  let gate: PromiseWithResolvers<void> | undefined;
  const mounted = setup.disk.mount();
  const slow = (file: SpoolFile): SpoolFile => ({
    ...file,
    async write(bytes, at) {
      await gate?.promise;
      await file.write(bytes, at);
    },
  });
  const fs = {
    ...mounted,
    create: async (name: string, bytes: number) => slow(await mounted.create(name, bytes)),
    open: async (name: string) => slow(await mounted.open(name)),
  };
  const audit = await openAudit({
    ...{ dir: "/sim/spool", mode: "strict", spoolBytesMax: 2 ** 30, segmentBytes: 2 ** 20, fs },
    ...{ store: setup.store, clock: setup.clock, sys: { fallocate: () => true }, build: "test" },
    ...{ random: { bytes: (count) => new Uint8Array(count) }, log: () => {} },
  });
  return {
    ...{ audit, setup },
    hang() {
      gate = Promise.withResolvers();
    },
    breakDown: () => gate?.reject(new Error("EIO: i/o error")),
    goOn() {
      gate?.resolve();
      gate = undefined;
    },
    pass: async (ms: number) => {
      await turn(setup.clock, 0);
      await turn(setup.clock, ms);
      await turn(setup.clock, 0);
    },
  };
}

test("A14 no call is taken while the disk hangs, and all are again when it is back", async () => {
  const { audit, hang, goOn, pass } = await hangingAudit();
  hang();
  const first = audit.intent(call("first"));
  await pass(limits.writeStuckMs);
  expect(audit.status().broken).toBeUndefined();
  const second = audit.intent(call("second"));
  await pass(1);
  expect(audit.status().broken).toBe("the disk has not taken a write for 5 s");
  for (const late of [() => audit.intent(call("x")), () => audit.refusal(refusal("x"))]) {
    expect(refused(late).code).toBe("GW_AUDIT_UNAVAILABLE");
  }
  expect(audit.status().fix).toContain("when it is back");
  // What ran already must be recorded all the same.
  const outcome = audit.outcome(end(first.seq));
  goOn();
  for (let turns = 0; turns < 20; turns += 1) await pass(1);
  await Promise.all([first.durable, second.durable, outcome.durable]);
  expect(audit.status().broken).toBeUndefined();
  expect(refused(() => audit.intent(call("third"))).code).toBe("");
});

test("A14 a stop does not hang with the disk", async () => {
  const { audit, hang, pass } = await hangingAudit();
  hang();
  audit.intent(call("first"));
  await pass(1);
  let error: GatewayError | undefined;
  audit.close(100).catch((thrown: GatewayError) => {
    error = thrown;
  });
  for (let ms = 0; error === undefined && ms < limits.endSpoolMs * 3; ms += 100) await pass(100);
  expect(error?.why).toContain("did not take what was last within 5");
  // A6: what hangs may still be written, so nobody else may have data_dir.
  expect(error?.data["pending"]).toBe(true);
});

test("A13 a write that failed is told as that, however long ago it was", async () => {
  const { audit, hang, breakDown, pass } = await hangingAudit();
  hang();
  audit.intent(call("first"));
  await pass(1);
  breakDown();
  for (const ms of [1, limits.writeStuckMs * 3]) {
    await pass(ms);
    expect(audit.status().broken).toContain("EIO");
    expect(refused(() => audit.intent(call("x"))).why).toContain("EIO");
  }
});

function refused(run: () => unknown): { code: string; why: string } {
  try {
    run();
    return { code: "", why: "" };
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
}
