import process from "node:process";

/**
 * node:crypto, loaded at its first use: with the streams behind it that takes 3 ms of a start, and
 * what a start itself needs of it the global `crypto` has.
 */
export function nodeCrypto() {
  return process.getBuiltinModule("node:crypto");
}

/** Random, as lower case hex. */
export function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
