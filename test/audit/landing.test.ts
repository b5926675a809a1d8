import { describe, expect, test } from "bun:test";
import { Landing } from "../../src/audit/landing.ts";

function waiters(...names: string[]) {
  const told: string[] = [];
  const landing = new Landing();
  const waiter = (name: string) => ({
    onDisk: (failed: Error | undefined) => void told.push(`${name} ${failed?.message ?? "landed"}`),
  });
  for (const name of names) landing.add(waiter(name));
  return { landing, told, waiter };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("who waits for a batch", () => {
  test("is told once, in order", async () => {
    const { landing, told } = waiters("a", "b", "c");
    landing.landed();
    expect(told).toEqual(["a landed", "b landed", "c landed"]);
    await turn();
    expect(told.length).toBe(3);
  });

  test("A13 is told why it failed, but not in the midst of the turn that found out", async () => {
    const { landing, told } = waiters("a", "b");
    const promise = landing.promise();
    landing.failed(new Error("EIO"));
    expect(told).toEqual([]);
    expect(promise).rejects.toThrow("EIO");
    await turn();
    expect(told).toEqual(["a EIO", "b EIO"]);
  });

  test("is told though one before it throws", async () => {
    const { landing, told, waiter } = waiters("a");
    landing.add({
      onDisk() {
        throw new Error("of one call");
      },
    });
    landing.add(waiter("b"));
    expect(() => landing.landed()).toThrow("of one call");
    await turn();
    expect(told).toEqual(["a landed", "b landed"]);
  });

  test("is told also where it comes late, or while others are told", async () => {
    const { landing, told, waiter } = waiters();
    landing.add({ onDisk: () => landing.add(waiter("within")) });
    landing.landed();
    landing.add(waiter("late"));
    expect(told).toEqual(["within landed"]);
    await turn();
    expect(told).toEqual(["within landed", "late landed"]);
    await landing.promise();
  });
});
