import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/system.ts";
import { decodeSealKey, sealFingerprint, sealKey } from "../../src/gateway/seal-key.ts";

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

test("`seal_key` is 32 bytes or more in hex, base64 or base64url", () => {
  const key = Buffer.from(Array.from({ length: 40 }, (_, at) => 250 - at));
  for (const form of ["hex", "base64", "base64url"] as const) {
    expect(decodeSealKey(` ${key.toString(form)}\n`)).toEqual(key);
  }
  const short = key.subarray(0, 31);
  const wrong = ["", "password", `${key.toString("base64")}!`, "ä".repeat(40)];
  for (const text of [short.toString("hex"), short.toString("base64"), ...wrong]) {
    expect(decodeSealKey(text)).toBe(undefined);
  }
});

test("the fingerprint is the same for the same key, and says nothing of it", () => {
  const key = new Uint8Array(32).fill(7);
  expect(sealFingerprint(key)).toBe(sealFingerprint(new Uint8Array(32).fill(7)));
  expect(sealFingerprint(key)).not.toBe(sealFingerprint(new Uint8Array(32)));
  expect(sealFingerprint(key)).toMatch(/^[0-9a-f]{16}$/);
});
