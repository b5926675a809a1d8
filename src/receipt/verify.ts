/** Checks records against the chain rules and names the first that breaks them. Pure. */

import { chainBytes, linkHash, noPrev } from "./chain.ts";
import { decodeBody } from "./decode.ts";
import type { OpenFields } from "./encode.ts";
import type { ChainRecord } from "./model.ts";

export interface BadRecord {
  readonly chain: string;
  readonly seq: number;
  /** For people: what was expected, what is there. */
  readonly why: string;
}

export interface ChainReport {
  readonly chain: string;
  /** What its first record says; undefined when that was not seen. */
  readonly opened: OpenFields | undefined;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Hex of the last hash. */
  readonly head: string;
  readonly records: number;
  /** Calls that were let through, and those that ended: a record of both counts in both. */
  readonly intents: number;
  readonly outcomes: number;
  readonly refusals: number;
  /** Ends with a close record. A chain that does not is live, or its gateway has not restarted. */
  readonly closed: boolean;
  /** Intents still without an outcome. */
  readonly running: number;
  /** Bytes that crashes cost, as its recovery records say. */
  readonly lostBytes: number;
}

export interface VerifyReport {
  /** No bad record among those seen. */
  readonly ok: boolean;
  /** The first bad record, in the order seen. Nothing after it is judged. */
  readonly bad: BadRecord | undefined;
  readonly records: number;
  readonly chains: readonly ChainReport[];
}

/** A record known from elsewhere: it must be there, and be this one. */
export interface Mark {
  readonly chain: string;
  readonly seq: number;
  /** Hex. */
  readonly hash: string;
  /** Who knows of it, for people: `chain_heads`. */
  readonly from: string;
}

/** Where a stream starts that does not begin at seq 0: what is known of the record before it. */
export interface Anchor {
  readonly chain: string;
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** Verifies step by step: chains may come one after another, each in order. */
export interface Verifier {
  /** False once something is bad: stop then. */
  take(record: ChainRecord): boolean;
  report(): VerifyReport;
}

/** All of a stream. */
export async function verifyRecords(
  records: AsyncIterable<ChainRecord> | Iterable<ChainRecord>,
  anchors: readonly Anchor[] = [],
): Promise<VerifyReport> {
  const verifier = createVerifier(anchors);
  for await (const record of records) if (!verifier.take(record)) break;
  return verifier.report();
}

/** anchors: for chains whose first records are elsewhere; their intents there are not known. */
export function createVerifier(anchors: readonly Anchor[] = []): Verifier {
  const states = new Map<string, ChainState>();
  let bad: BadRecord | undefined;
  return {
    take(record) {
      if (bad !== undefined) return false;
      let state = states.get(record.chain);
      if (state === undefined) {
        state = startState(record.chain, anchors);
        states.set(record.chain, state);
      }
      const why = check(state, record, states);
      if (why !== undefined) bad = { chain: record.chain, seq: record.seq, why };
      return bad === undefined;
    },
    report() {
      const chains = [...states.values()].map(chainReport);
      const records = chains.reduce((sum, one) => sum + one.records, 0);
      return { ok: bad === undefined, bad, records, chains };
    },
  };
}

interface ChainState {
  readonly chain: string;
  readonly bytes: Uint8Array;
  readonly anchored: boolean;
  readonly first: number;
  opened: OpenFields | undefined;
  next: number;
  prev: Uint8Array;
  closed: boolean;
  readonly open: Set<number>;
  records: number;
  intents: number;
  outcomes: number;
  refusals: number;
  lostBytes: number;
}

function startState(chain: string, anchors: readonly Anchor[]): ChainState {
  const anchor = anchors.find((one) => one.chain === chain);
  const first = anchor === undefined ? 0 : anchor.seq + 1;
  return {
    chain,
    bytes: chainBytes(chain),
    anchored: anchor !== undefined,
    first,
    opened: undefined,
    next: first,
    prev: anchor?.hash ?? noPrev,
    closed: false,
    open: new Set(),
    records: 0,
    intents: 0,
    outcomes: 0,
    refusals: 0,
    lostBytes: 0,
  };
}

/** Why the record is bad, undefined when it is good; then the state has moved on. */
function check(
  state: ChainState,
  record: ChainRecord,
  chains: ReadonlyMap<string, ChainState>,
): string | undefined {
  if (record.seq !== state.next) return `expected seq ${state.next}, found ${record.seq}`;
  // SQLite keeps values of any type in any column.
  if (!isBytes(record.body) || !isBytes(record.hash)) return "its body or hash is not bytes";
  if (!same(record.prev, state.prev)) return "prev is not the hash of the record before it";
  const hash = linkHash(state.bytes, record.seq, record.prev, record.body);
  if (!same(hash, record.hash)) return "the hash is not that of its bytes";
  if (state.closed) return "a record after the close of its chain";
  const why = checkBody(state, record, chains);
  if (why !== undefined) return why;
  state.next += 1;
  state.prev = record.hash;
  state.records += 1;
  return undefined;
}

function checkBody(
  state: ChainState,
  record: ChainRecord,
  chains: ReadonlyMap<string, ChainState>,
): string | undefined {
  const decoded = decodeBody(record.body);
  if (!decoded.ok) return decoded.error;
  const body = decoded.value;
  if (body.kind !== record.kind) return `kind "${record.kind}", but its body says "${body.kind}"`;
  if ((record.seq === 0) !== (body.kind === "open")) return "open stands first, and only there";
  switch (body.kind) {
    case "open": {
      state.opened = body.fields;
      // A chain names the one before it and its head: what was cut off behind that head shows.
      const before = chains.get(body.fields.prevChain);
      if (before === undefined) return undefined;
      return before.next - 1 === body.fields.prevSeq && hex(before.prev) === body.fields.prevHead
        ? undefined
        : `the chain before it ends at seq ${before.next - 1}, not ${body.fields.prevSeq}`;
    }
    case "intent":
      state.intents += 1;
      state.open.add(record.seq);
      return undefined;
    case "call":
      state.intents += 1;
      state.outcomes += 1;
      return undefined;
    case "refusal":
      state.refusals += 1;
      return undefined;
    case "outcome":
      return endIntent(state, record.seq, body.fields.of);
    case "recovery":
      state.lostBytes += body.fields.lostBytes;
      return undefined;
    case "close":
      if (state.open.size > 0) return `closed, but intent ${[...state.open][0]} has no outcome`;
      state.closed = true;
      return undefined;
    default:
      return undefined;
  }
}

function endIntent(state: ChainState, seq: number, of: number): string | undefined {
  state.outcomes += 1;
  if (state.open.delete(of)) return undefined;
  // Before the anchor there may be intents that this stream does not show.
  if (state.anchored && of < state.first) return undefined;
  return of < seq
    ? `intent ${of} does not exist or has an outcome already`
    : `an outcome of ${of}, which comes after it`;
}

function chainReport(state: ChainState): ChainReport {
  return {
    chain: state.chain,
    opened: state.opened,
    firstSeq: state.first,
    lastSeq: state.next - 1,
    head: hex(state.prev),
    records: state.records,
    intents: state.intents,
    outcomes: state.outcomes,
    refusals: state.refusals,
    closed: state.closed,
    running: state.open.size,
    lostBytes: state.lostBytes,
  };
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
