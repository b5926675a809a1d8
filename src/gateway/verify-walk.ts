/** Takes the records of store and spool one by one, and compares those known from elsewhere. */

import type { ChainRecord } from "../receipt/model.ts";
import type { BadRecord, Mark, Verifier } from "../receipt/verify.ts";
import type { Store } from "../store/store.ts";
import { storedFrom } from "./receipts.ts";

export interface Walk {
  readonly verifier: Verifier;
  /** Seq that comes next, of each chain seen. */
  readonly next: Map<string, number>;
  /** Last seq that came from the store, of each chain. */
  readonly stored: Map<string, number>;
  /** Not seen yet, by chain. */
  readonly marks: Map<string, Mark[]>;
  bad: BadRecord | undefined;
  /** False: stop, something is bad. */
  take(record: ChainRecord): boolean;
}

export function createWalk(verifier: Verifier, given: readonly Mark[]): Walk {
  const walk: Walk = {
    verifier,
    next: new Map(),
    stored: new Map(),
    marks: Map.groupBy(given, (mark) => mark.chain),
    bad: undefined,
    take(record) {
      if (!verifier.take(record)) return false;
      walk.next.set(record.chain, record.seq + 1);
      walk.bad = unlike(walk.marks, record);
      return walk.bad === undefined;
    },
  };
  return walk;
}

/** Bad when a mark of this record has another hash; else the mark is done with. */
function unlike(marks: Map<string, Mark[]>, record: ChainRecord): BadRecord | undefined {
  const { chain, seq } = record;
  const list = marks.get(chain);
  if (list === undefined || !list.some((mark) => mark.seq === seq)) return undefined;
  const hash = Buffer.from(record.hash).toString("hex");
  const other = list.find((mark) => mark.seq === seq && mark.hash !== hash);
  if (other !== undefined) return { chain, seq, why: `${other.from} has another hash of it` };
  const rest = list.filter((mark) => mark.seq !== seq);
  if (rest.length === 0) marks.delete(chain);
  else marks.set(chain, rest);
  return undefined;
}

/** What is known from elsewhere and was not there. */
export function unseen({ marks, next }: Walk): BadRecord | undefined {
  for (const [mark] of marks.values()) {
    if (mark === undefined) continue;
    const { chain, seq, from } = mark;
    const end = next.get(chain);
    const here = end === undefined ? "nothing of the chain is here" : `it ends at seq ${end - 1}`;
    return { chain, seq, why: `${from} says that this record was stored, but ${here}` };
  }
  return undefined;
}

export async function walkStore(walk: Walk, store: Store): Promise<boolean> {
  for (const chain of await store.chains()) {
    if (!(await walkChain(walk, store, chain))) return false;
  }
  return true;
}

export async function walkChain(walk: Walk, store: Store, chain: string): Promise<boolean> {
  for await (const record of storedFrom(store, chain, walk.next.get(chain) ?? 0)) {
    if (!walk.take(record)) return false;
    walk.stored.set(chain, record.seq);
    if (record.wrong === undefined) continue;
    const why = `its column ${record.wrong} does not say what its body says`;
    walk.bad = { chain, seq: record.seq, why };
    return false;
  }
  return true;
}

/** Rows behind the end that the store itself notes; asked after they were read. */
export async function behindEnd(walk: Walk, store: Store): Promise<BadRecord | undefined> {
  const { ends } = await store.inspect();
  for (const { chain, seq } of ends) {
    const last = walk.stored.get(chain);
    if (last === undefined || last <= seq) continue;
    return { chain, seq: last, why: `chain_heads says that the chain ends at seq ${seq}` };
  }
  return undefined;
}
