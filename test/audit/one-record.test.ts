import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Audit } from "../../src/audit/audit.ts";
import { type Decoded, decodeBody } from "../../src/receipt/decode.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { seeded, simDisk } from "../kit/sim-fs.ts";
import {
  admitted,
  call,
  checkStore,
  drive,
  end,
  refusal,
  type Setup,
  simClock,
  start,
  turn,
} from "./world.ts";

type Step =
  | { readonly do: "intent" | "refusal" | "admin" | "turn" | "flush" }
  | { readonly do: "outcome"; readonly which: number; readonly asked: boolean };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant({ do: "intent" } as const) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("outcome" as const),
        which: fc.nat(9),
        asked: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      }),
    },
    fc.record({ do: fc.constantFrom("refusal", "admin", "turn", "flush") }),
  ),
  { maxLength: 60, size: "max" },
);

/** What the audit was told of a call, by chain and seq of its intent. */
type Told = Map<string, { readonly mark: string; ended: boolean }>;

const asked = [{ method: "elicitation/create", paramsHash: "", end: "accept" }] as const;

/** One life of a gateway, which ends in order or with the power. */
async function life(setup: Setup, todo: readonly Step[], told: Told): Promise<void> {
  const before = setup.disk.names();
  const audit = await drive(setup, start(setup));
  if (audit === undefined) return;
  const { chain } = audit.status();
  const open: number[] = [];
  for (const [at, step] of todo.entries()) {
    const mark = `${chain} ${at}`;
    try {
      if (step.do === "outcome") {
        const [of] = open.splice(step.which, 1);
        if (of === undefined) continue;
        const { mark: hash = "" } = told.get(`${chain} ${of}`) ?? {};
        const id = audit.outcome(step.asked ? { ...end(of, hash), asked } : end(of, hash)).id;
        told.set(`${chain} ${of}`, { mark: hash, ended: true });
        expect(id).toEndWith(`-${of}`);
      } else if (step.do === "intent") {
        const { seq } = await admitted(setup, () => audit.intent(call(mark)));
        told.set(`${chain} ${seq}`, { mark, ended: false });
        open.push(seq);
      } else await other(setup, audit, step.do);
    } catch (thrown) {
      if (!setup.disk.crashed) throw thrown;
    }
    if (setup.disk.crashed) return;
  }
  for (const name of setup.disk.names()) {
    if (before.includes(name) || !name.endsWith(".seg")) continue;
    expect(setup.disk.bytes(name).length).toBeLessThanOrEqual(setup.segmentBytes ?? 0);
  }
  await drive(setup, audit.close(5000));
}

async function other(setup: Setup, audit: Audit, what: Step["do"]): Promise<void> {
  if (what === "refusal") await admitted(setup, () => audit.refusal(refusal("no")));
  else if (what === "admin") await admitted(setup, () => audit.admin("reload", "k", {}));
  else for (let turns = what === "turn" ? 1 : 30; turns > 0; turns -= 1) await turn(setup.clock, 1);
}

function world(seed: number, mode: "strict" | "fast"): Setup {
  const random = seeded(seed);
  const store = memoryStore(seed % 2 === 0);
  const segmentBytes = seed % 3 === 0 ? 8192 : 64 * 1024;
  return { disk: simDisk(), store, clock: simClock(), random, mode, segmentBytes };
}

function chainsOf({ store }: Setup): Map<string, Decoded[]> {
  const chains = new Map<string, Decoded[]>();
  for (const [chain, records] of store.data) {
    const bodies = records.map(({ body }) => {
      const decoded = decodeBody(body);
      if (!decoded.ok) throw new Error(decoded.error);
      return decoded.value;
    });
    chains.set(chain, bodies);
  }
  return chains;
}

/** Each call that is there is what was told, with its one end; a crash may have lost some. */
function checkTold(setup: Setup, told: Told, lost: boolean): void {
  const begun = new Set<string>();
  for (const [chain, bodies] of chainsOf(setup)) {
    for (const [seq, body] of bodies.entries()) {
      if (body.kind !== "intent" && body.kind !== "call") continue;
      const name = `${chain} ${seq}`;
      begun.add(name);
      const known = told.get(name);
      expect(body.fields.tool).toBe(known?.mark ?? "not told");
      const ends = bodies.flatMap((one) =>
        one.kind === "outcome" && one.fields.of === seq ? [one.fields] : [],
      );
      if (body.kind === "call") ends.push({ of: seq, ...body.end });
      expect(ends).toHaveLength(1);
      const cut = ends[0]?.code === "GW_INTERRUPTED";
      if (!lost) expect(cut).toBe(known?.ended === false);
      if (!cut) expect([ends[0]?.resultHash, known?.ended]).toEqual([known?.mark, true]);
    }
  }
  if (!lost) expect(begun).toEqual(new Set(told.keys()));
}

/** A recovery record counts the intents before it without an outcome, and ends just these. */
function checkRecovered(setup: Setup): number {
  let recovered = 0;
  for (const bodies of chainsOf(setup).values()) {
    const at = bodies.findIndex(({ kind }) => kind === "recovery");
    const found = bodies[at];
    if (found?.kind !== "recovery" || bodies[at + 1] === undefined) continue;
    const open = new Set<number>();
    for (const [seq, body] of bodies.slice(0, at).entries()) {
      if (body.kind === "intent") open.add(seq);
      if (body.kind === "outcome") open.delete(body.fields.of);
    }
    if (found.fields.openIntents > 0) recovered += 1;
    expect(found.fields.openIntents).toBe(open.size);
    const ended = bodies
      .slice(at)
      .flatMap((one) => (one.kind === "outcome" ? [one.fields.of] : []));
    expect(new Set(ended)).toEqual(open);
  }
  return recovered;
}

/** Crashed while their ends are written at the stop, behind the header of a second segment. */
const twoSegmentsOfOpen: readonly Step[] = [
  { do: "refusal" },
  ...Array.from({ length: 9 }, () => ({ do: "intent" }) as const),
];

const kinds = (setup: Setup) => [...setup.store.data.values()].flat().map(({ kind }) => kind);

describe("a call of one record", () => {
  test("A12 fast: whatever comes in between, each call is there once, with its outcome", async () => {
    const seen = { calls: 0, outcomes: 0 };
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (todo, seed) => {
        const setup = world(seed, "fast");
        const told: Told = new Map();
        await life(setup, todo, told);
        await checkStore(setup.store, []);
        checkTold(setup, told, false);
        seen.calls += kinds(setup).filter((kind) => kind === "call").length;
        seen.outcomes += kinds(setup).filter((kind) => kind === "outcome").length;
      }),
      { numRuns: 300 },
    );
    expect(seen.calls).toBeGreaterThan(300);
    expect(seen.outcomes).toBeGreaterThan(300);
  }, 60_000);

  test("A12 A16 fast: after a crash at any write, what has no outcome is open, and only that", async () => {
    let recovered = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), fc.nat(40), async (todo, seed, crashAt) => {
        const setup = world(seed, "fast");
        const told: Told = new Map();
        setup.disk.crashAt = crashAt;
        setup.store.down = seed % 3 !== 0;
        await life(setup, todo, told);
        setup.disk.restart(setup.random);
        setup.store.down = false;
        await life(setup, [], told);
        await checkStore(setup.store, []);
        checkTold(setup, told, true);
        recovered += checkRecovered(setup);
      }),
      { numRuns: 600, examples: [[twoSegmentsOfOpen, 0, 15]] },
    );
    expect(recovered).toBeGreaterThan(5);
  }, 60_000);

  test("strict never writes one, though a call ends before its intent is on disk", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (todo, seed) => {
        const setup = world(seed, "strict");
        const told: Told = new Map();
        await life(setup, todo, told);
        checkTold(setup, told, false);
        expect(kinds(setup)).not.toContain("call");
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test("what would be longer together than a record may be stays two", async () => {
    for (const [more, expected] of [
      ["", ["open", "call", "close"]],
      ["\u0001".repeat(1024), ["open", "intent", "outcome", "close"]],
    ] as const) {
      const setup = { ...world(1, "fast"), segmentBytes: 1024 * 1024 };
      const audit = await drive(setup, start(setup));
      if (audit === undefined) throw new Error("did not start");
      const rules = Array.from({ length: 20 }, () => "\u0001".repeat(1024));
      const { seq } = audit.intent({ ...call("t"), rules });
      audit.outcome({ ...end(seq, more), code: more });
      await drive(setup, audit.close(1000));
      expect(kinds(setup)).toEqual([...expected]);
      await checkStore(setup.store, []);
    }
  });
});
