/** L10: names that nobody resolves hold up nothing but the connections that need them. */

import { expect, test } from "bun:test";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/limits.ts";
import type { Lookup } from "../../src/base/ports.ts";
import { createLookup, lookup } from "../../src/runtime/lookup.ts";

const codeOf = (looked: Promise<unknown>) =>
  looked.then(
    () => "found",
    (thrown) => thrown.code,
  );
const fails = (code: string) => Object.assign(new Error(code), { code });
const never: Lookup = () => new Promise(() => undefined);

/** Asks by `answers`, which may change, on a clock of its own. */
function world(first: Lookup) {
  const state = { now: 0, answer: first, asked: [] as string[] };
  const lookup = createLookup({
    mono: () => state.now,
    ask(host) {
      state.asked.push(host);
      return state.answer(host);
    },
  });
  return { lookup, state };
}

test("this machine's own names are found", async () => {
  expect(await lookup("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(await codeOf(lookup("no-such-name.invalid"))).toBeString();
});

test("each use asks anew; who asks for the same name meanwhile shares the answer", async () => {
  const { lookup, state } = world(async (host) => [host, "::1"]);
  const both = await Promise.all([lookup("a"), lookup("a"), lookup("b")]);
  expect(both).toEqual([
    ["a", "::1"],
    ["a", "::1"],
    ["b", "::1"],
  ]);
  expect(state.asked).toEqual(["a", "b"]);
  await lookup("a");
  expect(state.asked).toEqual(["a", "b", "a"]);
});

test("L10 one name at a time, whatever became of the last", async () => {
  const open: ((thrown?: Error) => void)[] = [];
  const { lookup, state } = world(
    (host) =>
      new Promise((resolve, reject) => {
        open.push((thrown) => (thrown === undefined ? resolve([host]) : reject(thrown)));
      }),
  );
  const looked = ["a", "b", "c"].map((host) => codeOf(lookup(host)));
  for (let count = 1; count <= 3; count += 1) {
    await Bun.sleep(5);
    expect(state.asked.length).toBe(count);
    open[count - 1]?.(count === 1 ? fails("EAI_AGAIN") : undefined);
  }
  expect(await Promise.all(looked)).toEqual(["EAI_AGAIN", "found", "found"]);
});

test("L10 no answer fails within limits.lookupMs; one that comes later is given to the next", async () => {
  let late: (found: string[]) => void = () => undefined;
  const { lookup } = world(
    () =>
      new Promise((resolve) => {
        late = resolve;
      }),
  );
  const began = performance.now();
  const waiting = [codeOf(lookup("a")), codeOf(lookup("b"))];
  expect(await Promise.all(waiting)).toEqual(["ETIMEOUT", "ETIMEOUT"]);
  expect(performance.now() - began).toBeWithin(limits.lookupMs - 50, limits.lookupMs + 2_000);
  late(["10.0.0.1"]);
  await Bun.sleep(1);
  const soon = performance.now();
  late(["10.0.0.2"]);
  expect(await lookup("b")).toEqual(["10.0.0.2"]);
  expect(await lookup("a")).toEqual(["10.0.0.1"]);
  expect(performance.now() - soon).toBeLessThan(2_000);
}, 20_000);

test("L10 a name that was late comes behind those that were not; known ones do not wait", async () => {
  const open = new Map<string, () => void>();
  const { lookup, state } = world(
    (host) =>
      new Promise((resolve) => {
        open.set(host, () => resolve([host]));
      }),
  );
  const end = async (host: string, tookMs: number) => {
    state.now += tookMs;
    open.get(host)?.();
    await Bun.sleep(1);
  };
  const slow = lookup("slow");
  await end("slow", limits.lookupMs + 1);
  await slow;
  const known = lookup("known");
  await end("known", 1);
  await known;
  const others = [lookup("first"), lookup("slow"), lookup("last")];
  state.now += limits.lookupSoonMs;
  const began = performance.now();
  expect(await lookup("known")).toEqual(["known"]);
  expect(performance.now() - began).toBeLessThan(limits.lookupSoonMs / 2);
  for (const host of ["first", "last", "known", "slow"]) await end(host, 1);
  await Promise.all(others);
  expect(state.asked).toEqual(["slow", "known", "first", "last", "known", "slow"]);
});

const known: [string, Lookup, number, string[] | string][] = [
  ["silent: what it had", never, 0, ["10.0.0.1"]],
  ["failing: what it had", async () => Promise.reject(fails("EAI_AGAIN")), 0, ["10.0.0.1"]],
  ["gone: that", async () => Promise.reject(fails("ENOTFOUND")), 0, "ENOTFOUND"],
  ["without any: that", async () => Promise.reject(fails("ENODATA")), 0, "ENODATA"],
  [
    "failing for long: that",
    async () => Promise.reject(fails("EAI_AGAIN")),
    limits.lookupStaleMs,
    "EAI_AGAIN",
  ],
  ["moved: where to", async () => ["10.0.0.2"], 0, ["10.0.0.2"]],
];

test.each(known)("a name that was found before, by now %s", async (_, then, passedMs, told) => {
  const { lookup, state } = world(async () => ["10.0.0.1"]);
  await lookup("a");
  state.answer = then;
  state.now += passedMs;
  const began = performance.now();
  if (typeof told === "string") expect(await codeOf(lookup("a"))).toBe(told);
  else expect(await lookup("a")).toEqual(told);
  expect(performance.now() - began).toBeLessThan(limits.lookupSoonMs + 1_000);
});

test("a name that is gone stays so: its old addresses are not given again", async () => {
  const { lookup, state } = world(async () => ["10.0.0.1"]);
  await lookup("a");
  state.answer = async () => Promise.reject(fails("ENOTFOUND"));
  await codeOf(lookup("a"));
  state.answer = async () => Promise.reject(fails("EAI_AGAIN"));
  expect(await codeOf(lookup("a"))).toBe("EAI_AGAIN");
});

test("R14 names are not kept without end", async () => {
  const { lookup, state } = world(async (host) => [host]);
  for (let at = 0; at <= limits.lookupNames; at += 1) await lookup(`name${at}`);
  state.answer = async () => Promise.reject(fails("EAI_AGAIN"));
  expect(await codeOf(lookup("name0"))).toBe("EAI_AGAIN");
  expect(await codeOf(lookup(`name${limits.lookupNames}`))).toBe("found");
});

test("L10 writes go on while 64 names are stuck on the threads that write", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-names-"));
  const fifo = join(folder, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const file = fs.openSync(join(folder, "written"), "w");
  // As the C library does: it holds its thread until somebody opens the other end.
  const { lookup } = world(async (host) => {
    await (await fs.promises.open(fifo, "r")).close();
    return [host];
  });
  const looks = Array.from({ length: 64 }, (_, at) => lookup(`name${at}`));
  let worst = 0;
  for (const until = performance.now() + 1_000; performance.now() < until; ) {
    const began = performance.now();
    const wrote = new Promise<void>((resolve) => {
      fs.write(file, Buffer.alloc(16), 0, 16, 0, () => resolve());
    });
    await Promise.race([wrote, Bun.sleep(3_000)]);
    worst = Math.max(worst, performance.now() - began);
  }
  const other = fs.openSync(fifo, "r+");
  expect((await Promise.all(looks)).length).toBe(64);
  for (const open of [other, file]) fs.closeSync(open);
  rmSync(folder, { recursive: true });
  expect(worst).toBeLessThan(1_000);
}, 20_000);
