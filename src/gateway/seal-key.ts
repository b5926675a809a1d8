/** The key that session ids, cursors and requestState are sealed with: made once, in data_dir. */

import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../base/errors.ts";
import { nodeCrypto } from "../base/node-crypto.ts";
import type { Random } from "../base/ports.ts";

/** 32 bytes. Throws GW_DATA_DIR when the file is there and is no key, or cannot be made. */
export function sealKey(dataDir: string, random: Random): Uint8Array {
  const file = join(dataDir, "seal.key");
  try {
    if (!existsSync(file)) make(file, random);
    const key = Buffer.from(readFileSync(file, "utf8").trim(), "base64url");
    if (key.length === keyBytes) return key;
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.message : String(thrown);
    throw fault("GW_DATA_DIR", { message: `Cannot read or make "${file}"`, cause });
  }
  throw fault("GW_DATA_DIR", {
    message: `"${file}" does not hold a seal key`,
    cause: "remove it and start again: sessions that were open have to be initialized again",
  });
}

const keyBytes = 32;

/** `seal_key` of the config; undefined when it is no key. Hex is taken for hex. */
export function decodeSealKey(text: string): Uint8Array | undefined {
  for (const form of ["hex", "base64url", "base64"] as const) {
    const key = Buffer.from(text.trim(), form);
    // Buffer skips what does not belong: only the spelling that comes back was meant.
    const spelt = key.toString(form);
    const meant = form === "hex" ? text.trim().toLowerCase() : withoutPadding(text.trim());
    if (key.length >= keyBytes && withoutPadding(spelt) === meant) return key;
  }
  return undefined;
}

/** For people who compare two gateways: says nothing of the key itself. */
export function sealFingerprint(key: Uint8Array): string {
  const hash = nodeCrypto().createHash("sha256").update("authensor-gw seal key").update(key);
  return hash.digest("hex").slice(0, 16);
}

function withoutPadding(text: string): string {
  let end = text.length;
  while (text[end - 1] === "=") end -= 1;
  return text.slice(0, end);
}

/** Whole or not at all, and never over one that is there. */
function make(file: string, random: Random): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  const text = Buffer.from(random.bytes(keyBytes)).toString("base64url");
  writeFileSync(fresh, `${text}\n`, { mode: 0o600, flag: "wx" });
  linkSync(fresh, file);
  rmSync(fresh);
}
