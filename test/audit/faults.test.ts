import { describe, expect, test } from "bun:test";
import type { Audit } from "../../src/audit/audit.ts";
import { GatewayError } from "../../src/base/errors.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { seeded, simDisk } from "../kit/sim-fs.ts";
import {
  type Acked,
  call,
  checkStore,
  client,
  drive,
  end,
  refusal,
  type Setup,
  simClock,
  start,
  turn,
} from "./world.ts";

function world(seed = 1): Setup {
  const random = seeded(seed);
  return { disk: simDisk(), store: memoryStore(), clock: simClock(), random };
}

async function opened(setup: Setup): Promise<Audit> {
  const audit = await drive(setup, start(setup));
  if (audit === undefined) throw new Error("did not start");
  return audit;
}

/** The GW code that a call throws, "" when it does not. */
function codeOf(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : String(thrown);
  }
}

async function rejection(promise: Promise<unknown> | undefined): Promise<string> {
  return (promise ?? Promise.resolve()).then(
    () => "",
    (thrown: unknown) => (thrown instanceof GatewayError ? thrown.code : String(thrown)),
  );
}

describe("a disk that fails", () => {
  test("A13 after the nth sync fails nothing is acknowledged; a restart has the rest", async () => {
    for (let nth = 3; nth < 40; nth += 1) {
      const setup = world(nth);
      const audit = await opened(setup);
      setup.disk.failSync = setup.disk.syncs + nth;
      const acked: Acked[] = [];
      await drive(setup, Promise.all([1, 2].map(() => client(setup, audit, 12, acked))));
      if (audit.status().broken === undefined) continue;
      const count = acked.length;
      expect(audit.status().broken).toContain("EIO");
      expect(codeOf(() => audit.intent(call("x")))).toBe("GW_AUDIT_UNAVAILABLE");
      expect(codeOf(() => audit.refusal(refusal("x")))).toBe("GW_AUDIT_UNAVAILABLE");
      expect(codeOf(() => audit.admin("keys.create", "k", {}))).toBe("GW_AUDIT_UNAVAILABLE");
      await drive(setup, Promise.all([client(setup, audit, 3, acked)]));
      expect(acked.length).toBe(count);
      const syncs = setup.disk.syncs;
      for (let at = 0; at < 5; at += 1) await turn(setup.clock);
      expect(setup.disk.syncs - syncs).toBeLessThanOrEqual(2);
      setup.disk.restart(setup.random);
      const again = await opened(setup);
      await drive(setup, again.close(1000));
      await checkStore(setup.store, acked);
    }
  });

  test("A13 a record that waits while the sync fails is refused, not left hanging", async () => {
    const setup = world();
    const audit = await opened(setup);
    setup.disk.failSync = setup.disk.syncs + 1;
    const first = rejection(audit.intent(call("a")).durable);
    const second = rejection(audit.intent(call("b")).durable);
    await turn(setup.clock);
    expect(await Promise.all([first, second])).toEqual([
      "GW_AUDIT_UNAVAILABLE",
      "GW_AUDIT_UNAVAILABLE",
    ]);
  });

  test("L4 a short write is a failure and acknowledges nothing", async () => {
    for (const mode of ["strict", "fast"] as const) {
      const setup: Setup = { ...world(), mode };
      const audit = await opened(setup);
      setup.disk.shortWrite = setup.disk.writes + 1;
      const { durable } = audit.intent(call("a"));
      // Mode fast writes some time apart.
      for (let at = 0; at < 40; at += 1) await turn(setup.clock);
      expect(await rejection(durable)).toBe(mode === "fast" ? "" : "GW_AUDIT_UNAVAILABLE");
      expect(codeOf(() => audit.intent(call("b")))).toBe("GW_AUDIT_UNAVAILABLE");
      expect(audit.status().broken).toContain("short write");
    }
  });

  test("A14 full disk: calls refused, outcomes in flight kept, space heals it", async () => {
    const setup: Setup = { ...world(), segmentBytes: 64 * 1024 };
    setup.store.down = true;
    setup.disk.capacity = 64 * 1024 + 100;
    const audit = await opened(setup);
    const inFlight: number[] = [];
    let refused = "";
    while (refused === "") {
      refused = codeOf(() => inFlight.push(audit.intent(call("x")).seq));
      await turn(setup.clock);
      expect(inFlight.length).toBeLessThan(100);
    }
    expect(refused).toBe("GW_AUDIT_UNAVAILABLE");
    expect(audit.status().broken).toContain("ENOSPC");
    expect(inFlight.length).toBeGreaterThan(1);
    for (const of of inFlight)
      await drive(setup, audit.outcome(end(of)).durable ?? Promise.resolve());
    setup.disk.capacity = Number.POSITIVE_INFINITY;
    const begun = setup.clock.mono();
    while (codeOf(() => audit.refusal(refusal("y"))) !== "") await turn(setup.clock, 10);
    expect(setup.clock.mono() - begun).toBeLessThan(1000);
    expect(audit.status().broken).toBeUndefined();
    setup.store.down = false;
    await drive(setup, audit.close(10_000));
    await checkStore(setup.store, []);
  });

  test("A14 no segment at start: GW_AUDIT_UNAVAILABLE, nothing left behind", async () => {
    const setup = world();
    setup.disk.capacity = 100;
    expect(await rejection(start(setup))).toBe("GW_AUDIT_UNAVAILABLE");
    expect(setup.disk.names()).toEqual([]);
  });

  test("quota: GW_AUDIT_FULL for calls, never for outcomes; the store ends it", async () => {
    const setup: Setup = { ...world(), spoolBytesMax: 40_000 };
    setup.store.down = true;
    const audit = await opened(setup);
    const inFlight: number[] = [];
    let refused = "";
    while (refused === "" || refused === "GW_AUDIT_UNAVAILABLE") {
      refused = codeOf(() => inFlight.push(audit.intent(call("x")).seq));
      await turn(setup.clock);
      expect(inFlight.length).toBeLessThan(200);
    }
    expect(refused).toBe("GW_AUDIT_FULL");
    for (const of of inFlight)
      await drive(setup, audit.outcome(end(of)).durable ?? Promise.resolve());
    setup.store.down = false;
    for (let at = 0; at < 200; at += 1) await turn(setup.clock, 1000);
    expect(codeOf(() => audit.intent(call("x")))).toBe("");
    await drive(setup, audit.close(10_000));
    await checkStore(setup.store, []);
  });
});

describe("a store that fails", () => {
  test("A27 O1 store down: calls go on, all arrive after it, once and in order", async () => {
    const setup = world();
    setup.store.down = true;
    const audit = await opened(setup);
    const acked: Acked[] = [];
    await drive(setup, Promise.all([1, 2, 3].map(() => client(setup, audit, 40, acked))));
    expect(audit.status().store.ok).toBe(false);
    expect(audit.status().lagMs).toBeGreaterThan(0);
    expect(audit.status().spoolRecords).toBe(audit.status().nextSeq);
    setup.store.down = false;
    for (let at = 0; at < 100; at += 1) await turn(setup.clock, 1000);
    expect(audit.status().spoolRecords).toBe(0);
    expect(audit.status().lagMs).toBe(0);
    await drive(setup, audit.close(1000));
    await checkStore(setup.store, acked);
  });

  test("L10 a frozen store holds up nobody and is given up after the deadline", async () => {
    const setup = world();
    let thaw = (): void => {};
    setup.store.before = () => new Promise((resolve) => (thaw = resolve));
    const audit = await opened(setup);
    const acked: Acked[] = [];
    await drive(setup, client(setup, audit, 20, acked));
    for (let at = 0; at < 20; at += 1) await turn(setup.clock, 500);
    expect(audit.status().store.error).toContain("GW_DATABASE");
    setup.store.before = undefined;
    thaw();
    for (let at = 0; at < 100; at += 1) await turn(setup.clock, 1000);
    await drive(setup, audit.close(1000));
    await checkStore(setup.store, acked);
  });

  test("A6 A7 another record at the next seq: shipping stops, nothing is overwritten", async () => {
    const setup = world();
    const audit = await opened(setup);
    const { chain } = audit.status();
    const forged = {
      chain,
      seq: 0,
      kind: "open" as const,
      prev: new Uint8Array(32),
      hash: new Uint8Array(32).fill(1),
      body: new Uint8Array(2),
    };
    setup.store.data.set(chain, [forged]);
    await drive(setup, client(setup, audit, 5, []));
    for (let at = 0; at < 50; at += 1) await turn(setup.clock, 1000);
    expect(audit.status().store.error).toContain("GW_AUDIT_FORK");
    const { ships } = setup.store;
    for (let at = 0; at < 50; at += 1) await turn(setup.clock, 10_000);
    expect(setup.store.ships).toBe(ships);
    expect(setup.store.data.get(chain)).toEqual([forged]);
    expect(codeOf(() => audit.intent(call("x")))).toBe("");
  });

  test("A12 a second outcome of one intent is refused", async () => {
    const setup = world();
    const audit = await opened(setup);
    const { seq, id } = audit.intent(call("x"));
    expect(id).toMatch(/^r-[0-9a-f]{12}-1$/);
    expect(audit.outcome(end(seq)).id).toBe(id);
    expect(codeOf(() => audit.outcome(end(seq)))).toBe("GW_INTERNAL");
  });
});

test.each(["strict", "fast"] as const)(
  "A2 %s: nothing stands behind the close record",
  async (mode) => {
    const setup = { ...world(), mode };
    const audit = await opened(setup);
    const { seq } = audit.intent(call("cut"));
    const closing = audit.close(1000);
    const late = [
      () => audit.intent(call("late")),
      () => audit.outcome(end(seq)),
      () => audit.refusal(refusal("late")),
      () => audit.admin("key.create", "k", {}),
    ];
    const [down, over] = ["GW_AUDIT_UNAVAILABLE", "GW_INTERNAL"];
    expect(late.map(codeOf)).toEqual([down, over, down, down]);
    await drive(setup, Promise.all([closing, audit.close(1000)]));
    const kinds = [...setup.store.data.values()].flat().map(({ kind }) => kind);
    expect(kinds).toEqual(["open", "intent", "outcome", "close"]);
  },
);
