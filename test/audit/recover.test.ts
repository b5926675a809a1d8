import { describe, expect, test } from "bun:test";
import { recover } from "../../src/audit/recover.ts";
import { GatewayError } from "../../src/base/errors.ts";
import { putFrame, readFrame } from "../../src/base/frame.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { type SimDisk, seeded, simDisk } from "../kit/sim-fs.ts";
import { admitted, call, drive, end, refusal, type Setup, simClock, start } from "./world.ts";

const segment = "0000000001.seg";

interface Left {
  readonly disk: SimDisk;
  /** Offsets of the frames (header first) and of the end. */
  readonly frames: readonly number[];
}

/** What a kill -9 leaves: each record its own write, the last intent without an outcome. */
async function killed(): Promise<Left> {
  const random = seeded(7);
  const setup: Setup = { disk: simDisk(), store: memoryStore(), clock: simClock(), random };
  setup.store.down = true;
  const audit = await drive(setup, start({ ...setup, segmentBytes: 16 * 1024 }));
  if (audit === undefined) throw new Error("did not start");
  for (const tool of ["a", "b", "c"]) {
    const intent = audit.intent(call(tool));
    await drive(setup, intent.durable ?? Promise.resolve());
    if (tool !== "c")
      await drive(setup, audit.outcome(end(intent.seq)).durable ?? Promise.resolve());
    if (tool === "b") await drive(setup, audit.refusal(refusal("d")).durable ?? Promise.resolve());
  }
  const disk = setup.disk.copy();
  const bytes = Buffer.from(disk.bytes(segment));
  const frames: number[] = [];
  for (let at = 0; ; ) {
    frames.push(at);
    const frame = readFrame(bytes, at);
    if (typeof frame === "string") break;
    at = frame.end;
  }
  return { disk, frames };
}

/** "ok" and lost bytes and outcomes added, or the seq that is damaged. */
async function outcomeOf(disk: SimDisk): Promise<string> {
  try {
    const found = await recover(disk.mount(), () => 0);
    const { sealed } = found;
    const lost = (sealed?.lostBytes ?? 0) + found.lostBytes;
    return `lost ${lost} open ${sealed?.openIntents ?? 0} last ${found.last?.seq ?? -1}`;
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "GW_SPOOL_DAMAGED") {
      return `damaged ${String(thrown.data["seq"])} at ${String(thrown.data["offset"])}`;
    }
    throw thrown;
  }
}

describe("recovery", () => {
  test("A12 a killed gateway's open intent is ended as unknown, in its own chain", async () => {
    const { disk, frames } = await killed();
    expect(frames.length).toBe(9);
    // open, three intents, two outcomes, a refusal: seq 0 to 6; then recovery, outcome, close.
    expect(await outcomeOf(disk)).toBe("lost 0 open 1 last 9");
    expect(await outcomeOf(disk)).toBe("lost 0 open 0 last 9");
  });

  test("A15 the last three frames cut at every byte: the tail goes, and is recorded", async () => {
    const { disk, frames } = await killed();
    const stop = frames.at(-1) ?? 0;
    const from = frames.at(-4) ?? 0;
    for (let cut = from; cut < stop; cut += 1) {
      const torn = disk.copy();
      torn.bytes(segment).fill(0, cut);
      const whole = Math.max(...frames.filter((at) => at <= cut));
      const found = await outcomeOf(torn);
      const lost = Number(found.split(" ")[1]);
      const next = frames.find((at) => at > cut) ?? stop;
      const padding = disk
        .bytes(segment)
        .subarray(cut, next)
        .every((byte) => byte === 0);
      expect(lost === 0).toBe(cut === whole || padding);
      expect(lost).toBeLessThanOrEqual(cut - whole);
      expect(found.startsWith("lost")).toBe(true);
      expect(await outcomeOf(torn)).toMatch(/^lost 0 open 0/);
    }
  });

  test("A15 each bit of the last frame flipped is a torn tail", async () => {
    const { disk, frames } = await killed();
    const [from = 0, stop = 0] = frames.slice(-2);
    for (let bit = from * 8; bit < stop * 8; bit += 1) {
      const flipped = disk.copy();
      flip(flipped.bytes(segment), bit);
      const found = await outcomeOf(flipped);
      expect(found).toStartWith("lost ");
      expect(found).not.toStartWith("lost 0 ");
    }
  });

  test("A15 each bit of a middle frame flipped refuses the start", async () => {
    const { disk, frames } = await killed();
    const [from = 0, stop = 0] = frames.slice(3, 5);
    for (let bit = from * 8; bit < stop * 8; bit += 1) {
      const flipped = disk.copy();
      flip(flipped.bytes(segment), bit);
      expect(await outcomeOf(flipped)).toBe(`damaged 2 at ${from}`);
    }
  });

  test("A15 each bit of the header flipped refuses the start", async () => {
    const { disk, frames } = await killed();
    for (let bit = 0; bit < (frames[1] ?? 0) * 8; bit += 1) {
      const flipped = disk.copy();
      flip(flipped.bytes(segment), bit);
      expect(await outcomeOf(flipped)).toBe("damaged -1 at 0");
    }
  });

  test("A15 a middle frame filled with zeros refuses the start", async () => {
    const { disk, frames } = await killed();
    const holed = disk.copy();
    holed.bytes(segment).fill(0, frames[3], frames[4]);
    expect(await outcomeOf(holed)).toBe(`damaged 2 at ${frames[3]}`);
  });

  test("A15 records that the store has are not dropped as a torn tail", async () => {
    const { disk, frames } = await killed();
    const bytes = Buffer.from(disk.bytes(segment));
    const header = readFrame(bytes, 0);
    if (typeof header === "string") throw new Error(header);
    const { chain } = JSON.parse(header.payload.toString()) as { chain: string };
    disk.put("ledger.json", Buffer.from(JSON.stringify({ v: 1, chain, seq: 6, hash: "00" })));
    disk.bytes(segment).fill(0, frames.at(-2));
    expect(await outcomeOf(disk)).toBe(`damaged 6 at ${frames.at(-2)}`);
  });

  test("A15 a hole inside one unsynced write is torn, not damage", async () => {
    const bytes = Buffer.alloc(4096);
    const { disk, frames } = await killed();
    const stop = frames.at(-1) ?? 0;
    // Two frames of one write; the power cut kept only the second.
    const second = putFrame(bytes, 0, "refusal", 7, 0, new Uint8Array(100));
    const size = putFrame(bytes, second, "refusal", 8, 1, Buffer.alloc(99, 1));
    disk.bytes(segment).set(bytes.subarray(second, size), stop + second);
    expect(await outcomeOf(disk)).toBe(`lost ${stop + 24 + 99 + second - stop} open 1 last 9`);
  });
});

describe("a full segment that an earlier run left", () => {
  /** Refusals until there are several segments; then the power goes. */
  async function left(segmentBytes: number): Promise<SimDisk> {
    const setup = { disk: simDisk(), store: memoryStore(), clock: simClock(), random: seeded(7) };
    setup.store.down = true;
    const audit = await drive(setup, start({ ...setup, segmentBytes }));
    if (audit === undefined) throw new Error("did not start");
    for (let at = 0; at < 20; at += 1) {
      const { durable } = await admitted(setup, () => audit.refusal(refusal("d")));
      await drive(setup, durable ?? Promise.resolve());
    }
    return setup.disk.copy();
  }

  function usedOf(disk: SimDisk): number {
    const bytes = Buffer.from(disk.bytes(segment));
    for (let at = 0; ; ) {
      const frame = readFrame(bytes, at);
      if (typeof frame === "string") return at;
      at = frame.end;
    }
  }

  test.each([0, 8, 16, 24, 32])("A16 with %d bytes free at its end, it ships", async (free) => {
    const used = usedOf(await left(8192));
    const disk = await left(used + free);
    expect([usedOf(disk), disk.bytes(segment).length]).toEqual([used, used + free]);
    const setup = { disk, store: memoryStore(), clock: simClock(), random: seeded(8) };
    const audit = await drive(setup, start({ ...setup, segmentBytes: used + free }));
    await drive(setup, audit?.close(1000) ?? Promise.resolve());
    expect([...setup.store.data.values()].map((chain) => chain.length)).toEqual([23, 2]);
    expect(disk.names()).toEqual(["ledger.json"]);
  });
});

function flip(bytes: Uint8Array, bit: number): void {
  const at = bit >> 3;
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
}
