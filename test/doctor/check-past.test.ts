/** What is over: the setting that is named is the one that was in force. */

import { expect, test } from "bun:test";
import { checkPast } from "../../src/doctor/check-past.ts";
import type { World } from "../../src/doctor/world.ts";
import type { HistoryEntry } from "../../src/gateway/history.ts";

async function fixFor(why: string): Promise<string | undefined> {
  const trouble: HistoryEntry = {
    ...{ kind: "trouble", at: 2_000, firstAt: 1_000, count: 1, receipts: [] },
    ...{ link: "server", code: "GW_TIMEOUT_IDLE", what: "every", why },
  };
  const world = { history: [trouble], nowMs: 3_000, sinceMs: 0, server: undefined };
  const [found] = await checkPast(world as unknown as World);
  return found?.fix;
}

test("a tool's own time limit, and the server's", async () => {
  const own = "servers.every.tools.slow.timeout";
  expect(await fixFor(`every/slow: ${own}.idle is 2 s; the call may have run`)).toEndWith(own);
  const all = "servers.every.timeout";
  expect(await fixFor(`every/slow: ${all}.max is 2 s; the call may have run`)).toEndWith(all);
  expect(await fixFor("every/slow: nothing was said")).toEndWith(all);
});

test("one server: what agents with other keys were refused is not told", async () => {
  const refused: HistoryEntry = {
    ...{ kind: "trouble", at: 2_000, firstAt: 1_000, count: 1, receipts: [] },
    ...{ link: "agent", code: "GW_KEY_BUSY", what: "", why: "1 refused" },
  };
  const world = { history: [refused], nowMs: 3_000, sinceMs: 0 } as unknown as World;
  expect(await checkPast(world)).toHaveLength(1);
  expect(await checkPast({ ...world, server: "every" })).toEqual([]);
  expect(await checkPast({ ...world, server: "every", key: "a" })).toHaveLength(1);
});
