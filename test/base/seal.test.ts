import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { createSealer } from "../../src/base/seal.ts";
import { systemRandom } from "../../src/base/system.ts";

const sealer = createSealer(randomBytes(32), systemRandom);

describe("seal", () => {
  test("what was sealed is opened by its owner for its purpose", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (payload, owner) => {
        const sealed = sealer.seal("session", owner, payload);
        expect(sealer.open("session", owner, sealed)).toBe(payload);
      }),
    );
  });

  test("F14 another owner, purpose or seal key opens nothing", () => {
    const sealed = sealer.seal("session", "k-a", "secret");
    expect(sealer.open("session", "k-b", sealed)).toBeUndefined();
    expect(sealer.open("cursor", "k-a", sealed)).toBeUndefined();
    const other = createSealer(randomBytes(32), systemRandom);
    expect(other.open("session", "k-a", sealed)).toBeUndefined();
  });

  test("F14 one changed character opens nothing, nor does another spelling", () => {
    const sealed = sealer.seal("cursor", "k-a", "page 2");
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed[at] === "A" ? "B" : "A";
      const forged = sealed.slice(0, at) + changed + sealed.slice(at + 1);
      expect(sealer.open("cursor", "k-a", forged)).toBeUndefined();
    }
    for (const odd of ["", "A", "=", `${sealed}=`, `${sealed} `, ` ${sealed}`, "é".repeat(60)]) {
      expect(sealer.open("cursor", "k-a", odd)).toBeUndefined();
    }
  });

  test("the same payload is never sealed the same", () => {
    const sealed = new Set(Array.from({ length: 100 }, () => sealer.seal("task", "k", "t")));
    expect(sealed.size).toBe(100);
  });

  test("a short key is refused", () => {
    expect(() => createSealer(randomBytes(31), systemRandom)).toThrow("32 bytes");
  });
});
