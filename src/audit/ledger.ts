/**
 * The watermark: the last record that the store has taken. Chains ship one after another, so one
 * record says it all: every chain begun before this one is shipped whole.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, member } from "../base/json.ts";
import type { SpoolFs } from "./fs.ts";

export interface Watermark {
  readonly chain: string;
  readonly seq: number;
  /** Hex of that record's hash. */
  readonly hash: string;
}

const name = "ledger.json";

/** undefined: nothing was shipped yet, or the file does not check; then all is shipped again. */
export async function readLedger(fs: SpoolFs): Promise<Watermark | undefined> {
  if (!(await fs.list()).includes(name)) return undefined;
  const file = await fs.open(name);
  try {
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    return parse(bytes.toString("utf8"));
  } finally {
    await file.close();
  }
}

/** The same from outside, to read only. undefined: there is none. */
export function readLedgerOf(dir: string): Watermark | "damaged" | undefined {
  const path = join(dir, name);
  return existsSync(path) ? (parse(readFileSync(path, "utf8")) ?? "damaged") : undefined;
}

/** Durable when it resolves: segments are removed only after it (A16). */
export async function writeLedger(fs: SpoolFs, mark: Watermark): Promise<void> {
  const { chain, seq, hash } = mark;
  const bytes = new TextEncoder().encode(`${JSON.stringify({ v: 1, chain, seq, hash })}\n`);
  const spare = `${name}.tmp`;
  if ((await fs.list()).includes(spare)) await fs.remove(spare);
  const file = await fs.create(spare, bytes.length);
  try {
    await file.write(bytes, 0);
  } finally {
    await file.close();
  }
  await fs.rename(spare, name);
  await fs.syncDir();
}

function parse(text: string): Watermark | undefined {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    // Shipping again is safe: the store compares what it has by hash and skips it.
    return undefined;
  }
  if (!isObject(tree) || member(tree, "v") !== 1) return undefined;
  const chain = member(tree, "chain");
  const seq = member(tree, "seq");
  const hash = member(tree, "hash");
  if (typeof chain !== "string" || typeof seq !== "number" || typeof hash !== "string") {
    return undefined;
  }
  return { chain, seq, hash };
}
