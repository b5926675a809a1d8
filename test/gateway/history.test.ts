/** The ring of what happened: its bounds, what a crash leaves of it, and who may read it. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/limits.ts";
import { type HistoryEntry, openHistory, readHistory } from "../../src/gateway/history.ts";
import { createRation } from "../../src/gateway/watch-history.ts";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "gw-history-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const never = (cause: string) => {
  throw new Error(cause);
};
const state = (at: number, why: string): HistoryEntry => {
  return { kind: "state", at, of: "server", id: "files", state: "backoff", ok: false, why };
};
const bytes = () =>
  fs
    .readdirSync(join(folder, "history"))
    .reduce((sum, name) => sum + fs.statSync(join(folder, "history", name)).size, 0);

describe("the history ring", () => {
  test("gives back what was added, oldest first, from a time on; the last entry is on disk", () => {
    const now = Date.now();
    const writer = openHistory(folder, never);
    for (const at of [now - 3_000, now - 2_000, now - 1_000]) writer.add(state(at, `at ${at}`));
    writer.close({ kind: "stop", at: now });
    const entries = readHistory(folder, now - 2_500);
    expect(entries.map((entry) => entry.at)).toEqual([now - 2_000, now - 1_000, now]);
  });

  test("is at most 16 MiB, its newest entries stay", async () => {
    const writer = openHistory(folder, never);
    const now = Date.now();
    const big = "x".repeat(60_000);
    for (let round = 0; round < 90; round++) {
      for (let i = 0; i < 4; i++) writer.add(state(now + round * 4 + i, big));
      // Each flush is a turn of the loop and a write.
      while (pendingOf(now + round * 4 + 3) === undefined) await Bun.sleep(1);
    }
    writer.close({ kind: "stop", at: now + 1_000_000 });
    expect(bytes()).toBeLessThanOrEqual(limits.historySegments * limits.historySegmentBytes);
    expect(bytes()).toBeGreaterThan(10 * 1024 * 1024);
    expect(readHistory(folder, 0).at(-1)?.kind).toBe("stop");
  });

  test("a gateway that starts 100 times forgets nothing, nor what is after a torn line", () => {
    const now = Date.now();
    for (let run = 0; run < 100; run++) {
      const writer = openHistory(folder, never);
      writer.close({ kind: "stop", at: now + run });
      const [name = ""] = fs.readdirSync(join(folder, "history"));
      if (run % 7 === 0) fs.appendFileSync(join(folder, "history", name), '{"kind":"sta');
    }
    expect(readHistory(folder, 0).map(({ at }) => at - now)).toEqual([...Array(100).keys()]);
  });

  test("a segment of a clock that was far ahead is not written to for ever", () => {
    const now = Date.now();
    openHistory(folder, never).close({ kind: "stop", at: now + 2 * limits.historySegmentMs });
    openHistory(folder, never).close({ kind: "stop", at: now });
    expect(fs.readdirSync(join(folder, "history"))).toHaveLength(2);
  });

  test("a torn line is left out, what is before and after it stays", () => {
    const writer = openHistory(folder, never);
    writer.close({ kind: "stop", at: 5 });
    const [name = ""] = fs.readdirSync(join(folder, "history"));
    fs.appendFileSync(join(folder, "history", name), '{"kind":"state","at":6,"wh\n{"at":7}\n');
    fs.appendFileSync(join(folder, "history", name), '{"kind":"stop","at":8}\n');
    expect(readHistory(folder, 0).map((entry) => entry.at)).toEqual([5, 8]);
  });

  test("a folder that cannot be written costs nothing but the history, told once", () => {
    fs.writeFileSync(join(folder, "history"), "in the way");
    const told: string[] = [];
    const writer = openHistory(folder, (cause) => told.push(cause));
    writer.add(state(1, ""));
    writer.close({ kind: "stop", at: 2 });
    expect(told).toHaveLength(1);
  });

  test("others may not read it, and no history is an empty one", () => {
    expect(readHistory(folder, 0)).toEqual([]);
    openHistory(folder, never).close({ kind: "stop", at: 1 });
    expect(fs.statSync(join(folder, "history")).mode & 0o077).toBe(0);
    const [name = ""] = fs.readdirSync(join(folder, "history"));
    expect(fs.statSync(join(folder, "history", name)).mode & 0o077).toBe(0);
  });
});

test("a trouble of every second leaves room for a day in the ring", () => {
  const mayWrite = createRation(limits.historyTroubleBurst, limits.historyGaugesMs);
  const day = 24 * 60 * 60;
  const written = [...Array(day).keys()].filter((second) => mayWrite("a", second * 1_000));
  expect(written.slice(0, 60)).toEqual([...Array(60).keys()]);
  const entry = JSON.stringify(state(Date.now(), "x".repeat(200))).length + 100;
  expect(written.length * entry).toBeLessThan(4 * 1024 * 1024);
  expect(written.length).toBeGreaterThan(day / 11);
  expect(mayWrite("b", day * 1_000)).toBe(true);
});

function pendingOf(at: number): HistoryEntry | undefined {
  return lastOf(join(folder, "history"), at);
}

function lastOf(path: string, at: number): HistoryEntry | undefined {
  const name = fs.readdirSync(path).sort().at(-1) ?? "";
  const text = name === "" ? "" : fs.readFileSync(join(path, name), "utf8");
  return text.includes(`"at":${at},`) ? state(at, "") : undefined;
}
