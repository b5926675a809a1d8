/** Memory that goes from one answer to the next shows nothing of the first to those who had it. */

import { describe, expect, test } from "bun:test";
import { freeMemory } from "../../src/base/free-memory.ts";
import { limits } from "../../src/base/limits.ts";
import { dropUnused, giveBytes, giveMemory, takeMemory } from "../../src/base/spare-memory.ts";

const mega = 1024 * 1024;

describe("spare memory", () => {
  test("what is given is taken again, and the old view is empty", () => {
    const first = takeMemory(mega);
    first.fill(7);
    const part = first.subarray(10, 20);
    giveMemory(first.buffer);
    expect([first.length, part.length]).toEqual([0, 0]);
    const next = takeMemory(mega - 5);
    expect(next).toHaveLength(mega - 5);
    expect(next[0]).toBe(7);
    expect(next.byteOffset).toBeGreaterThan(512);
    expect(next.buffer.byteLength - next.byteOffset - next.length).toBeGreaterThan(512);
    next.fill(8);
    expect([first[0], part[0]]).toEqual([undefined, undefined]);
    giveMemory(next.buffer);
  });

  test("bytes are given back whole, whether they were taken or not", () => {
    const taken = takeMemory(mega);
    const { buffer } = taken;
    taken[0] = 6;
    giveBytes(taken);
    expect([taken.length, buffer.detached]).toEqual([0, true]);
    expect(takeMemory(mega)[0]).toBe(6);
    // One call of a batch ends before the others.
    const batch = takeMemory(mega);
    giveBytes(batch.subarray(1, mega - 1));
    giveBytes(batch.subarray(0, mega - 1));
    giveBytes(batch.subarray(1));
    expect(batch).toHaveLength(mega);
    giveBytes(batch);
    expect(batch).toHaveLength(0);
    // Of a chunk that holds more than them nobody knows who reads the rest.
    const chunk = Buffer.allocUnsafeSlow(2 * mega);
    giveBytes(chunk.subarray(1024, mega));
    expect(chunk).toHaveLength(2 * mega);
    giveBytes(chunk);
    expect(chunk).toHaveLength(0);
  });

  test("two that are out at once never share", () => {
    giveMemory(takeMemory(mega).buffer);
    const taken = Array.from({ length: 6 }, () => takeMemory(mega));
    for (const [at, one] of taken.entries()) one.fill(at);
    expect(taken.map((one) => [one[0], one[mega - 1]])).toEqual(taken.map((_, at) => [at, at]));
    for (const one of taken) giveMemory(one.buffer);
    const again = Array.from({ length: 6 }, () => takeMemory(mega));
    expect(new Set(again.map((one) => one.buffer)).size).toBe(6);
    for (const one of again) giveMemory(one.buffer);
  });

  test("no more is kept than the limit; giving twice changes nothing", () => {
    const large = takeMemory(limits.upstreamSpareBytes + 1);
    large[0] = 9;
    giveMemory(large.buffer);
    giveMemory(large.buffer);
    expect(large).toHaveLength(0);
    expect(takeMemory(limits.upstreamSpareBytes + 1).buffer.byteLength).toBeGreaterThan(
      limits.upstreamSpareBytes,
    );
  });

  test("R7 much larger memory is not taken: a slow reader is counted for its own bytes", () => {
    giveMemory(takeMemory(4 * mega).buffer);
    const taken = takeMemory(mega);
    expect(taken.buffer.byteLength).toBeLessThan(1.3 * mega);
    giveMemory(taken.buffer);
  });

  test("what was not used for a while is freed, what was is kept", () => {
    dropUnused();
    expect(dropUnused()).toBe(0);
    const two = [takeMemory(mega), takeMemory(mega)] as const;
    for (const one of two) one.fill(5);
    for (const one of two) giveMemory(one.buffer);
    const both = dropUnused();
    const used = takeMemory(mega);
    expect(used[0]).toBe(5);
    giveMemory(used.buffer);
    expect(dropUnused()).toBe(both / 2);
    expect(dropUnused()).toBe(0);
  });

  test("a whole chunk is freed, a part of one or a small one is not", () => {
    const [whole, part, small] = [mega, mega, 1000].map((size) => Buffer.allocUnsafeSlow(size));
    freeMemory(whole!);
    freeMemory(part!.subarray(1));
    freeMemory(small!);
    expect([whole!.length, part!.length, small!.length]).toEqual([0, mega, 1000]);
    freeMemory(part!.subarray(1, mega - 1), 1);
    expect(part!).toHaveLength(mega);
    freeMemory(part!.subarray(1), 1);
    expect(part!).toHaveLength(0);
  });

  test("small answers have memory of their own", () => {
    const small = takeMemory(1000);
    small.fill(3);
    giveMemory(small.buffer);
    expect(small).toHaveLength(0);
    expect(takeMemory(1000).buffer.byteLength).toBe(1000);
  });
});
