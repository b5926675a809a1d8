import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Audit } from "../../src/audit/audit.ts";
import { openAudit } from "../../src/audit/open.ts";
import { createLog } from "../../src/base/log.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import type { Config } from "../../src/gateway/config-model.ts";
import { knownRepeats } from "../../src/gateway/known-repeats.ts";
import { intentFields, outcomeFields } from "../kit/records.ts";
import { memoryStore } from "../store/memory.ts";

const log = createLog({ level: "error" });
const dataDir = () => mkdtempSync(join(tmpdir(), "known-repeats-"));

/** Calls that ended so, in a spool whose store is down or takes all; what a start then knows. */
async function known(mode: "strict" | "fast", isStored: boolean): Promise<readonly unknown[]> {
  const dir = dataDir();
  const store = memoryStore();
  store.down = !isStored;
  const spoolBytesMax = 64 * 1024 * 1024;
  const ports = { clock: systemClock, random: systemRandom, sys: { fallocate: () => false } };
  const options = { dir: join(dir, "spool"), mode, spoolBytesMax, store, build: "test", ...ports };
  try {
    const audit = await openAudit({ ...options, segmentBytes: 64 * 1024, log: () => {} });
    const ids = ["ok", "unknown", "timeout"].map((end) => made(audit, end as "ok"));
    await audit.close(isStored ? 1000 : 1);
    store.down = false;
    const config = { dataDir: dir, servers: [] } as unknown as Config;
    const repeats = knownRepeats({ config: () => config, store, audit, log, clock: systemClock });
    await repeats.loading;
    return ["ok", "unknown", "timeout"].map((end, at) => {
      const refused = repeats.refuse(intentFields({ argsHash: end }), "t");
      return refused === undefined ? undefined : refused.data["earlier"] === ids[at];
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function made(audit: Audit, end: "ok" | "unknown" | "timeout"): string {
  const intent = audit.intent(intentFields({ argsHash: end }));
  audit.outcome(outcomeFields(intent.seq, { outcome: end }));
  return intent.id;
}

describe("U27 what may have run before a start is known", () => {
  for (const mode of ["strict", "fast"] as const) {
    for (const isStored of [true, false]) {
      test(`${mode}, ${isStored ? "in the store" : "in the spool"}`, async () => {
        expect(await known(mode, isStored)).toEqual([undefined, true, true]);
      });
    }
  }
});
