/** `receipts verify`: store and spool as one stream, record by record. Changes nothing. */

import { resolve } from "node:path";
import { readLedgerOf } from "../audit/ledger.ts";
import { readSpool } from "../audit/read.ts";
import { GatewayError } from "../base/errors.ts";
import type { ChainRecord } from "../receipt/model.ts";
import {
  type Anchor,
  type BadRecord,
  createVerifier,
  type Mark,
  type VerifyReport,
} from "../receipt/verify.ts";
import type { Store, StoredRecord } from "../store/store.ts";
import { recordsPage } from "./receipts.ts";
import { checkLinks } from "./verify-links.ts";
import { behindEnd, createWalk, unseen, type Walk, walkChain, walkStore } from "./verify-walk.ts";

export interface Verified extends VerifyReport {
  /** What could not be looked at, for people; empty when all was. */
  readonly missing: readonly string[];
  /** Bytes at the end of the spool that do not check; a live gateway may be writing them. */
  readonly tailBytes: number;
}

/**
 * store undefined: there is none, and `missing` says so if there should be. A gateway may write
 * meanwhile (`live`, asked when it matters): what it ships between two looks is fetched again.
 */
export async function verifyReceipts(
  store: Store | undefined,
  spoolDir: string,
  missing: string[],
  live: () => boolean = () => false,
): Promise<Verified> {
  // Before the store is read: what the ledger names then is there.
  const ledger = readLedgerOf(spoolDir);
  const reached = store === undefined ? undefined : await reach(store, missing);
  const anchors = reached === undefined ? await anchorsOf(spoolDir) : [];
  const { ends, strays } = (await reached?.inspect()) ?? { ends: [], strays: [] };
  const marks: Mark[] = ends.map((end) => ({ ...end, from: "chain_heads" }));
  const looked = reached !== undefined || missing.length === 0;
  if (typeof ledger === "object" && looked) marks.push({ ...ledger, from: "spool/ledger.json" });
  const walk = createWalk(createVerifier(anchors), marks);
  const tail = { bytes: 0 };
  const [stray] = strays;
  const found = await walkAll(walk, reached, spoolDir, tail);
  const report = walk.verifier.report();
  const links = checkLinks(report.chains, reached?.kind !== "postgres");
  const bad = stray ?? report.bad ?? walk.bad ?? found ?? unseen(walk) ?? links.bad;
  if (bad === undefined) {
    missing.push(
      ...links.missing,
      ...ledgerLacks(ledger, ownChains(walk, reached, spoolDir), live),
    );
    if (tail.bytes > 0 && !live()) missing.push(`${tail.bytes} ${tailSays}`);
  }
  return { ...report, ok: bad === undefined, bad, missing, tailBytes: tail.bytes };
}

const tailSays =
  "bytes at the end of the spool do not check: written but never acknowledged, or changed";

async function reach(store: Store, missing: string[]): Promise<Store | undefined> {
  try {
    await store.ping();
    return store;
  } catch (thrown) {
    const why = thrown instanceof GatewayError ? thrown.why : String(thrown);
    missing.push(`the store ${store.place} cannot be read: ${why}`);
    return undefined;
  }
}

/** Without the store, the first record of each chain in the spool vouches for what was before. */
async function anchorsOf(spoolDir: string): Promise<Anchor[]> {
  const firsts = new Map<string, Anchor>();
  try {
    for await (const { chain, seq, prev } of readSpool(spoolDir)) {
      if (!firsts.has(chain)) firsts.set(chain, { chain, seq: seq - 1, hash: prev });
    }
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
  }
  return [...firsts.values()].filter((anchor) => anchor.seq >= 0);
}

/** Chains in the store that this data_dir wrote: a shared database holds those of others too. */
function ownChains(walk: Walk, store: Store | undefined, spoolDir: string): number {
  const dir = resolve(spoolDir);
  const own = walk.verifier.report().chains.filter(({ chain, opened }) => {
    return walk.stored.has(chain) && (store?.kind === "sqlite" || opened?.dir === dir);
  });
  return own.length;
}

/** Without the watermark nobody can tell whether the newest records of the store are there. */
function ledgerLacks(ledger: ReturnType<typeof readLedgerOf>, own: number, live: () => boolean) {
  if (ledger === "damaged") return ["spool/ledger.json does not check"];
  if (ledger !== undefined || own === 0 || live()) return [];
  return ["spool/ledger.json, which names the last stored record, is not here"];
}

/** What is bad beside what the verifier itself finds. */
async function walkAll(
  walk: Walk,
  store: Store | undefined,
  spoolDir: string,
  tail: { bytes: number },
): Promise<BadRecord | undefined> {
  try {
    if (store !== undefined && !(await walkStore(walk, store))) return undefined;
    const stored = store === undefined ? undefined : pagesOf(store);
    for await (const record of readSpool(spoolDir, (bytes) => (tail.bytes += bytes))) {
      const next = walk.next.get(record.chain);
      if (store !== undefined && record.seq > (next ?? 0)) {
        // Shipped and removed from the spool since the store was read.
        if (!(await walkChain(walk, store, record.chain))) return undefined;
      }
      if (record.seq >= (walk.next.get(record.chain) ?? 0)) {
        if (!walk.take(record)) return undefined;
      } else if (stored !== undefined) {
        const why = differs(await stored(record), record);
        if (why !== undefined) return { chain: record.chain, seq: record.seq, why };
      }
    }
    if (store === undefined || !(await walkStore(walk, store))) return undefined;
    return await behindEnd(walk, store);
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    const { chain = "", seq = -1 } = thrown.data as { chain?: string; seq?: number };
    return { chain, seq, why: `${thrown.message}: ${thrown.why}` };
  }
}

/** A record that is in the spool and in the store must be one and the same. */
function differs(stored: StoredRecord | undefined, record: ChainRecord): string | undefined {
  if (stored === undefined || Buffer.compare(stored.hash, record.hash) === 0) return undefined;
  return "spool and store hold different records";
}

/** The store's record of the same place; one read for many, as they are asked for in order. */
function pagesOf(store: Store) {
  let chain = "";
  let [first, end] = [0, 0];
  let page = new Map<number, StoredRecord>();
  return async (record: ChainRecord): Promise<StoredRecord | undefined> => {
    const { seq } = record;
    if (record.chain !== chain || seq < first || seq >= end) {
      const found = await store.records(record.chain, seq, recordsPage);
      chain = record.chain;
      first = seq;
      // Where that is all there is, nothing stands behind it.
      end = found.length < recordsPage ? Number.POSITIVE_INFINITY : seqBehind(found);
      page = new Map(found.map((one) => [one.seq, one]));
    }
    return page.get(seq);
  };
}

function seqBehind(records: readonly StoredRecord[]): number {
  return (records.at(-1)?.seq ?? -1) + 1;
}

function isDamage(thrown: unknown): thrown is GatewayError {
  return thrown instanceof GatewayError && thrown.code === "GW_SPOOL_DAMAGED";
}
