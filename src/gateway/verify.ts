/** `receipts verify`: store and spool as one stream, record by record. Changes nothing. */

import { readSpool } from "../audit/read.ts";
import { GatewayError } from "../base/errors.ts";
import { decodeBody } from "../receipt/decode.ts";
import type { ChainRecord } from "../receipt/model.ts";
import {
  type Anchor,
  createVerifier,
  type Verifier,
  type VerifyReport,
} from "../receipt/verify.ts";
import type { Store } from "../store/store.ts";
import { storedFrom } from "./receipts.ts";

export interface Verified extends VerifyReport {
  /** What could not be looked at, for people; empty when all was. */
  readonly missing: readonly string[];
}

/**
 * store undefined: there is none, and `missing` says so if there should be. A gateway may write
 * meanwhile: what it ships between two looks is fetched again.
 */
export async function verifyReceipts(
  store: Store | undefined,
  spoolDir: string,
  missing: string[],
): Promise<Verified> {
  const reached = store === undefined ? undefined : await reach(store, missing);
  const anchors = reached === undefined ? await anchorsOf(spoolDir) : [];
  const walk = createWalk(createVerifier(anchors), missing);
  const bad = await walkAll(walk, reached, spoolDir);
  const report = walk.verifier.report();
  return { ...report, ok: report.ok && bad === undefined, bad: report.bad ?? bad, missing };
}

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

interface Walk {
  readonly verifier: Verifier;
  /** Seq that comes next, of each chain seen. */
  readonly next: Map<string, number>;
  /** False: stop, something is bad. */
  take(record: ChainRecord): boolean;
}

function createWalk(verifier: Verifier, missing: string[]): Walk {
  const next = new Map<string, number>();
  return {
    verifier,
    next,
    take(record) {
      if (record.seq === 0) noteAbsent(record, next, missing);
      next.set(record.chain, record.seq + 1);
      return verifier.take(record);
    },
  };
}

/** A chain names the one before it: where that is nowhere, the receipts are not whole. */
function noteAbsent(
  record: ChainRecord,
  seen: ReadonlyMap<string, number>,
  missing: string[],
): void {
  const decoded = decodeBody(record.body);
  if (!decoded.ok || decoded.value.kind !== "open") return;
  const { prevChain } = decoded.value.fields;
  if (prevChain === "" || seen.has(prevChain)) return;
  missing.push(`the chain ${prevChain}, which comes before ${record.chain}, is not here`);
}

/** What is bad beside what the verifier itself finds. */
async function walkAll(walk: Walk, store: Store | undefined, spoolDir: string) {
  try {
    if (store !== undefined && !(await walkStore(walk, store))) return undefined;
    for await (const record of readSpool(spoolDir)) {
      const next = walk.next.get(record.chain);
      if (store !== undefined && record.seq > (next ?? 0)) {
        // Shipped and removed from the spool since the store was read.
        if (!(await walkChain(walk, store, record.chain))) return undefined;
      }
      if (record.seq >= (walk.next.get(record.chain) ?? 0)) {
        if (!walk.take(record)) return undefined;
      } else if (store !== undefined) {
        const why = await differs(store, record);
        if (why !== undefined) return { chain: record.chain, seq: record.seq, why };
      }
    }
    if (store !== undefined) await walkStore(walk, store);
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    const { chain = "", seq = -1 } = thrown.data as { chain?: string; seq?: number };
    return { chain, seq, why: `${thrown.message}: ${thrown.why}` };
  }
  return undefined;
}

async function walkStore(walk: Walk, store: Store): Promise<boolean> {
  for (const chain of await store.chains()) {
    if (!(await walkChain(walk, store, chain))) return false;
  }
  return true;
}

async function walkChain(walk: Walk, store: Store, chain: string): Promise<boolean> {
  for await (const record of storedFrom(store, chain, walk.next.get(chain) ?? 0)) {
    if (!walk.take(record)) return false;
  }
  return true;
}

/** A record that is in the spool and in the store must be one and the same. */
async function differs(store: Store, record: ChainRecord): Promise<string | undefined> {
  const [stored] = await store.records(record.chain, record.seq, 1);
  if (stored === undefined || Buffer.compare(stored.hash, record.hash) === 0) return undefined;
  return "spool and store hold different records";
}

function isDamage(thrown: unknown): thrown is GatewayError {
  return thrown instanceof GatewayError && thrown.code === "GW_SPOOL_DAMAGED";
}
