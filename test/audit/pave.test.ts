/** Zeros ahead of the writer: they never touch a record, whatever the bursts and power cuts. */

import { expect, test } from "bun:test";
import type { SpoolFile, SpoolFs } from "../../src/audit/fs.ts";
import { append, endSpool, startSpool } from "../../src/audit/spool.ts";
import { memoryStore } from "../kit/memory-store.ts";
import { seeded, simDisk } from "../kit/sim-fs.ts";
import {
  type Acked,
  checkStore,
  drive,
  refusal,
  type Setup,
  simClock,
  start,
  turn,
} from "./world.ts";

const kB = 1024;

test("A11 A16 bursts over the zeros being written, and power cuts: all acknowledged is there", async () => {
  let paved = 0;
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = seeded(seed);
    const setup: Setup = {
      ...{ disk: simDisk(), store: memoryStore(), clock: simClock(), random },
      segmentBytes: 4096 * kB,
    };
    const acked: Acked[] = [];
    for (const crashAt of [20 + Math.floor(random() * 60), 9, 0]) {
      setup.disk.crashAt = crashAt;
      setup.disk.steps = 0;
      const audit = await drive(setup, start(setup));
      if (audit !== undefined) await drive(setup, bursts(setup, audit, acked));
      paved = Math.max(paved, ...setup.disk.names().map((name) => setup.disk.bytes(name).length));
      if (!setup.disk.crashed && audit !== undefined) await drive(setup, audit.close(1000));
      if (setup.disk.crashed) setup.disk.restart(random);
    }
    await checkStore(setup.store, acked);
  }
  expect(paved).toBeGreaterThan(1024 * kB);
}, 60_000);

/** Up to 400 kB at once, which is more than the room that the zeros leave. */
async function bursts(
  setup: Setup,
  audit: Awaited<ReturnType<typeof start>>,
  acked: Acked[],
): Promise<void> {
  const { chain } = audit.status();
  for (let burst = 0; burst < 12; burst += 1) {
    const count = Math.floor(setup.random() * 20);
    const records = Array.from({ length: count }, async (_, at) => {
      const mark = `${burst}-${at}`;
      const rules = ["r".repeat(Math.floor(setup.random() * 20 * kB))];
      try {
        const { seq, durable } = audit.refusal({ ...refusal(mark), rules });
        await durable;
        acked.push({ chain, seq, kind: "refusal", mark });
      } catch {
        // Not acknowledged: the disk is off, or has no room for it now.
      }
    });
    for (let turns = setup.random() * 4; turns > 1; turns -= 1) await turn(setup.clock);
    await Promise.all(records);
  }
}

test("a record that reaches into zeros being written waits for them, and so does the end", async () => {
  const { fs, writes, closed } = heldFs();
  const spool = await startSpool(options(fs), "00".repeat(16), 1, [], -1);
  await land(writes); // the header
  const [zeros] = writes as [Held];
  expect(writes.length).toBe(1);
  expect(zeros.bytes.every((byte) => byte === 0)).toBe(true);
  expect(zeros.at).toBeGreaterThanOrEqual(128 * kB);
  // One in front of them goes out at once.
  append(spool, "refusal", "a".repeat(kB));
  await turnOver();
  expect(writes.length).toBe(2);
  await land(writes, 1);
  // One that reaches into them does not.
  for (let times = 0; times < 4; times += 1) append(spool, "refusal", "b".repeat(50 * kB));
  await turnOver();
  expect(writes.length).toBe(1);
  const ending = endSpool(spool);
  zeros.land();
  writes.shift();
  await turnOver();
  expect(writes.some(({ bytes }) => bytes.includes(98))).toBe(true);
  while (writes.length > 0) await land(writes);
  await ending;
  expect(closed()).toBe(true);
});

test("a full segment is closed when the zeros behind its last record are there", async () => {
  const { fs, writes, closed } = heldFs();
  const spool = await startSpool(options(fs, 200 * kB), "00".repeat(16), 1, [], -1);
  await land(writes);
  const [zeros] = writes as [Held];
  for (let times = 0; times < 2; times += 1) append(spool, "refusal", "a".repeat(60 * kB));
  await turnOver();
  append(spool, "refusal", "b".repeat(100 * kB));
  await land(writes, 1);
  expect([spool.ordinal, closed()]).toEqual([2, false]);
  zeros.land();
  await turnOver();
  expect(closed()).toBe(true);
});

test("a segment that is full while nothing is written is closed too", async () => {
  const { fs, writes, closed } = heldFs();
  const spool = await startSpool(options(fs, 256 * kB), "00".repeat(16), 1, [], -1);
  for (let times = 0; times < 3; times += 1) {
    while (writes.length > 0) await land(writes);
    expect([spool.ordinal, closed()]).toEqual([1, false]);
    append(spool, "refusal", "a".repeat(100 * kB));
    await turnOver();
  }
  expect([spool.ordinal, closed()]).toEqual([2, true]);
});

test("A13 where zeros cannot be written, no record beside them is acknowledged any more", async () => {
  const { fs, writes } = heldFs();
  const spool = await startSpool(options(fs), "00".repeat(16), 1, [], -1);
  await land(writes);
  const [zeros] = writes as [Held];
  const { durable } = append(spool, "refusal", "a".repeat(kB));
  await turnOver();
  const [, record] = writes as [Held, Held];
  // The kernel tells a descriptor once of a failure: each has to have its own.
  expect(zeros.file).not.toBe(record.file);
  let told = "";
  durable?.then(
    () => {
      told = "durable";
    },
    ({ code }) => {
      told = code;
    },
  );
  zeros.fail();
  await land(writes, 1);
  expect(told).toBe("GW_AUDIT_UNAVAILABLE");
});

interface Held {
  readonly file: number;
  readonly bytes: Uint8Array;
  readonly at: number;
  land(): void;
  fail(): void;
}

/** Writes land when the test says so; closing while one is under way is an error. */
function heldFs() {
  const writes: Held[] = [];
  let isClosed = false;
  let files = 0;
  const nothing = async () => {};
  function file(): SpoolFile {
    let open = 0;
    const file = files++;
    return {
      ...{ size: async () => 0, read: async () => 0, sync: nothing, reserve: nothing },
      write(bytes, at) {
        open += 1;
        return new Promise((resolve, reject) => {
          const land = () => {
            open -= 1;
            resolve();
          };
          const fail = () => {
            open -= 1;
            reject(new Error("EIO"));
          };
          writes.push({ file, bytes: bytes.slice(), at, land, fail });
        });
      },
      truncate: async () => expect(open).toBe(0),
      async close() {
        expect(open).toBe(0);
        isClosed = true;
      },
    };
  }
  const fs: SpoolFs = {
    ...{ list: async () => [], create: async () => file(), open: async () => file() },
    ...{ rename: nothing, remove: nothing, syncDir: nothing },
  };
  return { fs, writes, closed: () => isClosed };
}

function options(fs: SpoolFs, segmentBytes = 4096 * kB): Parameters<typeof startSpool>[0] {
  return {
    ...{ fs, clock: simClock(), mode: "strict", segmentBytes },
    ...{ log: () => {}, onDurable: () => {} },
  };
}

async function land(writes: Held[], at = 0): Promise<void> {
  await turnOver();
  writes[at]?.land();
  writes.splice(at, 1);
  await turnOver();
}

async function turnOver(): Promise<void> {
  for (let times = 0; times < 4; times += 1) await new Promise((resolve) => setImmediate(resolve));
}
