import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/system.ts";
import { sealKey } from "../../src/gateway/seal-key.ts";

test("the seal key is made once, for its owner alone, and stays", () => {
  const dir = mkdtempSync(join(tmpdir(), "gw-seal-"));
  const key = sealKey(dir, systemRandom);
  expect(key.length).toBe(32);
  expect(statSync(join(dir, "seal.key")).mode & 0o777).toBe(0o600);
  expect(sealKey(dir, systemRandom)).toEqual(key);
});

test("what is no seal key is refused and left as it is", () => {
  const dir = mkdtempSync(join(tmpdir(), "gw-seal-"));
  const file = join(dir, "seal.key");
  for (const text of ["", "short", "x".repeat(200)]) {
    writeFileSync(file, text);
    expect(() => sealKey(dir, systemRandom)).toThrow("does not hold a seal key");
    expect(readFileSync(file, "utf8")).toBe(text);
  }
});
