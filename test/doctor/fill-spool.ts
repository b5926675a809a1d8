/** A spool that is full before the gateway starts. */

import { openAudit } from "../../src/audit/open.ts";
import { systemClock, systemRandom } from "../../src/base/system.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { memoryStore } from "../kit/memory-store.ts";

/** As many receipts as a database that is away for long leaves behind, with the gateway's code. */
export async function fillSpool(dir: string, spoolBytesMax: number): Promise<void> {
  const store = memoryStore();
  store.down = true;
  const audit = await openAudit({
    ...{ dir, mode: "fast", spoolBytesMax, store, build: "test" },
    ...{ clock: systemClock, random: systemRandom, sys: (await currentRuntime()).sys },
    log: () => undefined,
  });
  const { spoolMaxBytes } = audit.status();
  const note = "x".repeat(8_000);
  while (audit.status().spoolBytes <= spoolMaxBytes) {
    for (let count = 0; count < 100 && audit.status().spoolBytes <= spoolMaxBytes; count++) {
      try {
        audit.admin("test", "k-test", { note });
      } catch (thrown) {
        // The next segment is being made, ahead of need, and this is faster.
        if ((thrown as { code?: string }).code !== "GW_AUDIT_UNAVAILABLE") throw thrown;
        break;
      }
    }
    await Bun.sleep(2);
  }
  await audit.close(0);
}
