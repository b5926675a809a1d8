/** Receipts without a running gateway, from the files and the store. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ReceiptDetail } from "../admin/contract.ts";
import { readLedgerOf } from "../audit/ledger.ts";
import { GatewayError } from "../base/errors.ts";
import { isObject, member } from "../base/json.ts";
import type { ReceiptQuery, ReceiptRow } from "../store/store.ts";
import type { Config } from "./config-model.ts";
import { emptyCause, needReadable } from "./data-dir.ts";
import { openEmbedded, readStoreOffline, spoolOf } from "./offline.ts";
import { isOwned } from "./owner.ts";
import { readReceipt, readReceipts } from "./receipts.ts";
import { type Verified, verifyReceipts } from "./verify.ts";

/** Spool and store, or what lies in data_dir alone while the store does not answer. */
export type Places = "all" | "spool";

/** `undefined` members of the query count as not there. */
export function listReceiptsOffline(
  config: Config,
  query: { [Name in keyof ReceiptQuery]?: ReceiptQuery[Name] | undefined } & { limit: number },
  places: Places = "all",
): Promise<readonly ReceiptRow[]> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const wanted = Object.fromEntries(given) as unknown as ReceiptQuery;
  const spoolDir = spoolOf(config.dataDir);
  if (places === "spool") return readReceipts({ store: undefined, spoolDir }, wanted);
  return readStoreOffline(config, (store) => readReceipts({ store, spoolDir }, wanted));
}

export function showReceiptOffline(
  config: Config,
  id: string,
  places: Places = "all",
): Promise<ReceiptDetail | undefined> {
  const spoolDir = spoolOf(config.dataDir);
  if (places === "spool") return readReceipt({ store: undefined, spoolDir }, id);
  return readStoreOffline(config, (store) => readReceipt({ store, spoolDir }, id));
}

/** Also while a gateway runs: evidence is read from where it lies, not asked of the witness. */
export function verifyConfig(config: Config): Promise<Verified> {
  const { dataDir } = config;
  const live = () => isLive(dataDir);
  return readStoreOffline(config, (store) => {
    const lacks = emptyCause(dataDir);
    const missing = lacks === undefined ? [] : [noReceiptsAt(dataDir, lacks)];
    return verifyReceipts(store, spoolOf(dataDir), missing, live);
  });
}

/** Nothing was looked at: that must not read like receipts that were, and are well. */
function noReceiptsAt(dataDir: string, lacks: string): string {
  const look = "look at `data_dir` in the config";
  return `data_dir "${dataDir}" ${lacks}: no receipts are there; ${look}`;
}

/** Only the owner can be asked: for others a gateway is not live, which hides nothing. */
function isLive(dataDir: string): boolean {
  try {
    return isOwned(dataDir);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "GW_DATA_DIR") return false;
    throw thrown;
  }
}

/** A copy of a data_dir. One that was used with Postgres has only the spool in it. */
export async function verifyCopy(dir: string): Promise<Verified> {
  needReadable(dir);
  const store = await openEmbedded(dir);
  const elsewhere = otherStore(dir);
  const missing: string[] = [];
  if (elsewhere !== undefined) {
    missing.push(`the store ${elsewhere} is not part of a copy; use --config to read it too`);
  }
  if (store === undefined && missing.length === 0 && readLedgerOf(spoolOf(dir)) !== undefined) {
    missing.push("the store is not in the copy, but receipts were stored in it");
  }
  try {
    // It may be the data_dir itself, named while its gateway runs.
    return await verifyReceipts(store, spoolOf(dir), missing, () => isLive(dir));
  } finally {
    await store?.close();
  }
}

/** Place of the store that data_dir was used with, when it lies elsewhere (see open-store.ts). */
function otherStore(dir: string): string | undefined {
  let pin: unknown;
  try {
    pin = JSON.parse(readFileSync(join(dir, "store.json"), "utf8"));
  } catch {
    return undefined; // never started, or a copy of the spool alone: the chains show what lacks
  }
  if (!isObject(pin) || member(pin, "kind") === "sqlite") return undefined;
  return String(member(pin, "place"));
}
