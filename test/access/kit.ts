/** A clock that moves when told, and what else openAccess needs, with a seed instead of chance. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AccessOptions, type KeyAccess, openAccess } from "../../src/access/keys.ts";
import { GatewayError } from "../../src/base/errors.ts";
import type { Clock, Random } from "../../src/base/ports.ts";
import { type MemoryStore, memoryStore } from "../store/memory.ts";

export interface ManualClock extends Clock {
  /** Moves time and runs what is due, then lets promises settle. */
  pass(ms: number): Promise<void>;
}

export function manualClock(startMs = 1_800_000_000_000): ManualClock {
  let now = startMs;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    mono: () => now - startMs,
    after(ms, run) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async pass(ms) {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now);
      timers = timers.filter((timer) => timer.at > now);
      for (const timer of due) timer.run();
      // Snapshots are real files: give them their time.
      await Bun.sleep(30);
    },
  };
}

export function seededRandom(seed = 1): Random {
  let state = seed;
  return {
    bytes: (count) =>
      Uint8Array.from({ length: count }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      }),
  };
}

export interface World {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly dataDir: string;
  readonly logged: string[];
  open(options?: Partial<AccessOptions>): Promise<KeyAccess>;
}

export function world(): World {
  const clock = manualClock();
  const store = memoryStore();
  const dataDir = mkdtempSync(join(tmpdir(), "gw-access-"));
  const logged: string[] = [];
  const note = (message: string, fields?: Record<string, unknown>) => {
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const log = { debug: note, info: note, warn: note, error: note };
  const random = seededRandom();
  return {
    ...{ clock, store, dataDir, logged },
    open: (options) =>
      openAccess({ store, dataDir, clock, random, refreshMs: 500, log, ...options }),
  };
}

export const executor = { name: "agent", roles: ["executor"], expiresMs: null };

export function answer(access: KeyAccess, header: string | null): string {
  const result = access.authenticate(header);
  return result.ok ? result.value.keyName : result.error.code;
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "nothing refused it";
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : String(thrown);
  }
}
