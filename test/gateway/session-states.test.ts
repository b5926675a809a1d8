import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { SessionState } from "../../src/front/ports.ts";
import { openSessionStates } from "../../src/gateway/session-states.ts";
import { setClock } from "../kit/scripted.ts";
import { type MemoryStore, memoryStore } from "../store/memory.ts";

const change = (digest: string, patch = {}, more = {}) => ({
  ...{ digest, keyId: "k1", endsMs: 2_000_000_000_000, ended: false, patch },
  ...more,
});

function world(store: MemoryStore = memoryStore(), kind: "postgres" | "sqlite" = "postgres") {
  const clock = setClock();
  const warned: string[] = [];
  const log = { warn: (message: string) => void warned.push(message), info: () => {} };
  const shared = Object.assign(Object.create(store), { kind }) as MemoryStore;
  const states = openSessionStates({ store: shared, clock, log, refreshMs: limits.keyRefreshMs });
  const told: SessionState[] = [];
  states.onChange((state) => void told.push(state));
  return { store, clock, states, told, warned };
}

describe("what the store keeps of sessions", () => {
  test("changes are written together, and read with what is not written yet", async () => {
    const { store, clock, states } = world();
    states.write(change("d", { level: "info", "u:a": 1 }));
    states.write(change("d", { "u:a": null, "u:b": 1 }));
    expect(await states.read("d")).toMatchObject({ state: { level: "info", "u:b": 1 } });
    await clock.advance(limits.sessionWriteMs);
    expect(JSON.parse((await store.session("d"))!.state)).toEqual({ level: "info", "u:b": 1 });
    states.write(change("d", { level: "error" }, { ended: true }));
    expect(await states.read("d")).toMatchObject({ ended: true, state: { level: "error" } });
    await states.close();
    expect((await store.session("d"))?.endedMs).toBe(clock.now());
    expect(await states.read("none")).toBe(undefined);
  });
  test("another gateway's are told within a second, with one's own laid over", async () => {
    const store = memoryStore();
    const [one, two] = [world(store), world(store)];
    await one.clock.advance(600);
    await two.clock.advance(600);
    one.states.write(change("d", { level: "info" }));
    await one.clock.advance(600);
    await two.clock.advance(600);
    expect(two.told).toMatchObject([{ digest: "d", state: { level: "info" }, ended: false }]);
    // What waits here is laid over what the other one says.
    two.states.write(change("d", { "u:mine": 1 }));
    one.states.write(change("d", { "u:theirs": 1 }, { ended: true }));
    await one.clock.advance(600);
    await two.clock.advance(600);
    const all = { level: "info", "u:theirs": 1, "u:mine": 1 };
    expect(two.told.at(-1)).toMatchObject({ ended: true, state: all });
    await one.clock.advance(600);
    expect(one.told.at(-1)?.state).toEqual(all);
    const count = one.told.length;
    await one.clock.advance(5_000);
    expect(one.told).toHaveLength(count);
  });
  test("a store that is away holds up nobody: reads say so, writes wait", async () => {
    const { store, clock, states, warned } = world();
    store.down = true;
    states.write(change("d", { level: "info" }));
    await clock.advance(limits.sessionWriteMs);
    expect(await states.read("d")).toBe("away");
    const { calls } = store;
    expect(await states.read("other")).toBe("away");
    expect(store.calls).toBe(calls);
    await clock.advance(10_000);
    expect(warned).toHaveLength(1);
    store.down = false;
    await clock.advance(2_000);
    expect(await states.read("d")).toMatchObject({ state: { level: "info" } });
    expect((await store.session("d"))?.state).toBe('{"level":"info"}');
  });
  test("a store that says nothing is away after a while", async () => {
    const store = memoryStore();
    const { clock, states } = world(Object.assign(store, { session: () => new Promise(() => {}) }));
    const reading = states.read("d");
    await clock.advance(limits.sessionReadMs);
    expect(await reading).toBe("away");
  });
  test("R16 one key fills neither queue nor table", async () => {
    const { store, clock, states } = world();
    for (let at = 0; at < limits.sessionRowsPerKey + 10; at++) states.write(change(`d${at}`));
    states.write(change("other", {}, { keyId: "k2" }));
    await clock.advance(60_000);
    const { rows } = await store.sessionsSince(0);
    const own = rows.filter(({ keyId }) => keyId === "k1").length;
    expect([own, rows.length]).toEqual([limits.sessionRowsPerKey, limits.sessionRowsPerKey + 1]);
  });
  test("the embedded store is not asked while there is nothing to say", async () => {
    const { store, clock } = world(memoryStore(), "sqlite");
    await clock.advance(60_000);
    expect(store.calls).toBe(0);
  });
  test("rows of sessions whose time is over go", async () => {
    const { store, clock, states } = world();
    states.write(change("d", {}, { endsMs: clock.now() + 1_000 }));
    await clock.advance(2_000);
    expect(await store.session("d")).toBeDefined();
    await clock.advance(limits.sessionForgetMs + 2_000);
    expect(await store.session("d")).toBe(undefined);
  });
});
