/** `reload.watch`: what counts as a change, and when it is taken (P29). */

import { describe, expect, test } from "bun:test";
import { createFileWatch } from "../../src/gateway/reload-watch.ts";
import { setClock } from "../kit/scripted.ts";

async function world(refuse = false) {
  const clock = setClock();
  const stamps = new Map<string, string | undefined>([
    ["config", "1"],
    ["policy", "1"],
  ]);
  const files = ["config", "policy"];
  let [taken, during] = [0, () => undefined as unknown];
  const watch = createFileWatch({
    clock,
    files: () => files,
    stamp: async (file) => stamps.get(file),
    async changed() {
      taken += 1;
      during();
      if (refuse) throw new Error("bad file");
    },
  });
  watch.set(true);
  // What was written since the start is not known.
  await clock.advance(2_000);
  expect(taken).toBe(1);
  taken = 0;
  return {
    watch,
    files,
    taken: () => taken,
    during: (run: () => unknown) => (during = run),
    write: (file: string, stamp: string | undefined) => stamps.set(file, stamp),
    wait: (ms: number) => clock.advance(ms),
  };
}

describe("files that change", () => {
  test("nothing changed: nothing is loaded", async () => {
    const { taken, wait } = await world();
    await wait(60_000);
    expect(taken()).toBe(0);
  });

  test("a change is loaded once, when it was quiet for a second", async () => {
    const { taken, wait, write } = await world();
    write("policy", "2");
    await wait(1_000);
    expect(taken()).toBe(0);
    await wait(1_000);
    expect(taken()).toBe(1);
    await wait(60_000);
    expect(taken()).toBe(1);
  });

  test("what is being written is left alone, and all of it is one reload", async () => {
    const { taken, wait, write } = await world();
    for (let part = 2; part < 40; part++) {
      write(part % 2 === 0 ? "policy" : "config", String(part));
      await wait(500);
    }
    expect(taken()).toBe(0);
    await wait(2_000);
    expect(taken()).toBe(1);
  });

  test("put back as it was before it was quiet: no reload", async () => {
    const { taken, wait, write } = await world();
    write("config", "2");
    await wait(500);
    write("config", "1");
    await wait(10_000);
    expect(taken()).toBe(0);
  });

  test("a file that an editor takes away for a moment is waited for", async () => {
    const { taken, wait, write } = await world();
    write("config", undefined);
    await wait(3_000);
    expect(taken()).toBe(0);
    write("config", "2");
    await wait(2_000);
    expect(taken()).toBe(1);
  });

  test("one that stays away is told by the reload that it makes fail", async () => {
    const { taken, wait, write } = await world(true);
    write("config", undefined);
    await wait(6_000);
    expect(taken()).toBe(1);
    await wait(60_000);
    expect(taken()).toBe(1);
    write("config", "2");
    await wait(2_000);
    expect(taken()).toBe(2);
  });

  test("written while it was being read: it is read again", async () => {
    const { taken, wait, write, during } = await world();
    write("config", "2");
    during(() => write("config", `${Math.min(taken(), 1) + 2}`));
    await wait(10_000);
    expect(taken()).toBe(2);
  });

  test("a config that names another file watches that one too", async () => {
    const { taken, wait, write, during, files } = await world();
    write("config", "2");
    during(() => files.length < 3 && files.push("more"));
    await wait(10_000);
    const before = taken();
    write("more", "1");
    await wait(10_000);
    expect(taken()).toBe(before + 1);
  });

  test("off is off, at once", async () => {
    const { taken, wait, write, watch } = await world();
    write("config", "2");
    await wait(500);
    watch.set(false);
    await wait(60_000);
    expect(taken()).toBe(0);
  });
});
