import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fault } from "../../src/base/errors.ts";
import type { Log } from "../../src/base/log.ts";
import type { Config } from "../../src/gateway/config-model.ts";
import { checkPin } from "../../src/gateway/open-store.ts";
import { reachStore } from "../../src/gateway/reach-store.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../kit/memory-store.ts";

let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "reach-"));
});
afterAll(() => rmSync(home, { recursive: true }));

/** A Postgres that is down until it is told otherwise, and a clock that is moved by hand. */
function world(place: string, requiredAtStart = false) {
  const dataDir = mkdtempSync(join(home, "data-"));
  const waiting: (() => void)[] = [];
  const lines: { message: string; cause?: unknown }[] = [];
  const note = (message: string, fields?: object) => lines.push({ message, ...fields });
  const state = { down: true, dataDir };
  const store: Store = {
    ...memoryStore(),
    kind: "postgres",
    place,
    async migrate() {
      if (!state.down) return;
      const cause = "connect ECONNREFUSED";
      throw fault("GW_DATABASE", { message: "Cannot make the tables", cause });
    },
    ping: async () => {},
    warnings: () => (state.down ? [] : ["fsync is off"]),
  };
  const config = {
    dataDir,
    database: { kind: "postgres", requiredAtStart },
  } as Config;
  const clock = {
    now: () => 0,
    mono: () => 0,
    after(_: number, run: () => void) {
      waiting.push(run);
      return () => waiting.splice(waiting.indexOf(run), 1);
    },
  };
  const log = { info: note, warn: note, error: note } as unknown as Log;
  const pinned = () => existsSync(join(dataDir, "store.json"));
  return { state, waiting, lines, pinned, store, reach: { config, store, clock, log }, config };
}

describe("reachStore", () => {
  test("a store that never answered is not pinned, whether the start fails or goes on", async () => {
    const required = world("postgres://a/typo", true);
    // Nothing runs then, so nothing waits.
    const fix = expect.not.stringContaining("wait");
    await expect(reachStore(required.reach)).rejects.toMatchObject({ code: "GW_DATABASE", fix });
    expect(required.pinned()).toBe(false);
    const optional = world("postgres://a/typo");
    await reachStore(optional.reach);
    expect(optional.pinned()).toBe(false);
    expect(optional.lines).toMatchObject([
      { error: "Cannot make the tables", cause: "connect ECONNREFUSED" },
    ]);
    checkPin(optional.config, { kind: "sqlite", place: "" });
  });

  test("it is tried again until it answers, then pinned; its settings are told", async () => {
    const { state, waiting, lines, pinned, reach, config, store } = world("postgres://a/b");
    await reachStore(reach);
    waiting.shift()?.();
    await Bun.sleep(1);
    expect([waiting.length, pinned()]).toEqual([1, false]);
    state.down = false;
    waiting.shift()?.();
    await Bun.sleep(1);
    expect([waiting.length, pinned()]).toEqual([0, true]);
    expect(lines.map(({ message }) => message)).toContain("database is reachable");
    checkPin(config, store);
    expect(() => checkPin(config, { kind: "sqlite", place: "" })).toThrow("Cannot use the sqlite");
  });

  test("a pinned store that is down at the next start leaves the pin as it is", async () => {
    const { state, reach, config } = world("postgres://a/b");
    state.down = false;
    await reachStore(reach);
    const pin = readFileSync(join(config.dataDir, "store.json"), "utf8");
    state.down = true;
    (await reachStore(reach))();
    expect(readFileSync(join(config.dataDir, "store.json"), "utf8")).toBe(pin);
  });

  test.each([true, false])("busy with its tables, needed to start: %p", async (needed) => {
    const made = Promise.withResolvers<void>();
    const { waiting, lines, pinned, reach } = world("postgres://a/b", needed);
    reach.store.migrate = () => made.promise;
    let started = false;
    const start = reachStore(reach).then(() => {
      started = true;
    });
    waiting.shift()?.();
    await Bun.sleep(1);
    expect(started).toBe(!needed);
    made.resolve();
    await start;
    await Bun.sleep(1);
    expect([waiting.length, pinned()]).toEqual([0, true]);
    const [late, ...others] = lines.map(({ message }) => message);
    expect(late).toContain(needed ? "the start waits" : "serving from data_dir");
    expect(others).toEqual(["database is reachable"]);
  });

  test("what ends the trying ends it", async () => {
    const { waiting, reach } = world("postgres://a/b");
    const stop = await reachStore(reach);
    stop();
    expect(waiting).toEqual([]);
  });
});
