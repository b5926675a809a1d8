/** Receipts of spool and store as one: what is not shipped yet is as good as what is. */

import type { ReceiptDetail } from "../admin/contract.ts";
import { readSpool } from "../audit/read.ts";
import { callKinds } from "../base/frame.ts";
import { receiptId } from "../receipt/chain.ts";
import { decodeBody, joinRow } from "../receipt/decode.ts";
import type { ChainRecord, EndFields, IntentFields } from "../receipt/model.ts";
import type { ReceiptQuery, ReceiptRow, Store, StoredRecord } from "../store/store.ts";

export interface ReceiptSources {
  /** undefined: nothing was stored yet. */
  readonly store: Store | undefined;
  readonly spoolDir: string;
  /** The spool holds nothing that the store has not: lists need not read it. */
  readonly shipped?: boolean;
}

/** Newest first. */
export async function readReceipts(
  sources: ReceiptSources,
  query: ReceiptQuery,
): Promise<readonly ReceiptRow[]> {
  // Spool before store: what is shipped between the two is then seen twice, not never.
  const tail = await readTail(sources);
  const stored = (await sources.store?.receipts(query)) ?? [];
  const rows = new Map(stored.map((row) => [row.id, row]));
  for (const [id, call] of tail.calls) {
    const end = tail.ends.get(id);
    rows.set(id, joinRow(call.chain, call.seq, call.at, call.fields, end));
  }
  for (const [id, end] of tail.ends) {
    if (tail.calls.has(id)) continue;
    const row = rows.get(id) ?? (await sources.store?.receipts({ limit: 1, id }))?.[0];
    if (row !== undefined && row.outcome === null) rows.set(id, withEnd(row, end));
  }
  return [...rows.values()]
    .filter((row) => fits(row, query))
    .sort(newestFirst)
    .slice(0, query.limit);
}

interface Tail {
  readonly calls: Map<string, { chain: string; seq: number; at: number; fields: IntentFields }>;
  readonly ends: Map<string, EndFields>;
}

async function readTail({ spoolDir, shipped }: ReceiptSources): Promise<Tail> {
  const tail: Tail = { calls: new Map(), ends: new Map() };
  if (shipped === true) return tail;
  for await (const { chain, seq, body } of readSpool(spoolDir)) {
    const decoded = decodeBody(body);
    if (!decoded.ok) continue;
    const { value } = decoded;
    const { kind, at, fields } = value;
    if (kind === "call") tail.ends.set(receiptId(chain, seq), value.end);
    if (kind === "outcome") tail.ends.set(receiptId(chain, fields.of), fields);
    else if (kind === "intent" || kind === "refusal" || kind === "call") {
      tail.calls.set(receiptId(chain, seq), { chain, seq, at, fields });
    }
  }
  return tail;
}

function withEnd(row: ReceiptRow, end: EndFields): ReceiptRow {
  const { outcome, code, resultBytes, tookMs } = end;
  return { ...row, outcome, code: code || null, result_bytes: resultBytes, took_ms: tookMs };
}

function fits(row: ReceiptRow, query: ReceiptQuery): boolean {
  const { beforeMs, key, tool, outcome } = query;
  if (beforeMs !== undefined && Date.parse(row.time) >= beforeMs) return false;
  if (key !== undefined && row.key !== key) return false;
  if (outcome !== undefined && row.outcome !== outcome) return false;
  return tool === undefined || row.tool === tool || row.tool.endsWith(`/${tool}`);
}

function newestFirst(a: ReceiptRow, b: ReceiptRow): number {
  if (a.time !== b.time) return a.time < b.time ? 1 : -1;
  return b.seq - a.seq;
}

/** The records of one call; undefined when no receipt has this id. */
export async function readReceipt(
  { store, spoolDir }: ReceiptSources,
  id: string,
): Promise<ReceiptDetail | undefined> {
  const seq = Number(id.slice(id.lastIndexOf("-") + 1));
  if (!Number.isSafeInteger(seq) || seq < 0) return undefined;
  const found: Found = { call: undefined, end: undefined };
  for await (const record of readSpool(spoolDir)) {
    if (receiptId(record.chain, seq) === id) look(found, record, seq);
    if (isWhole(found)) break;
  }
  const chain = (await store?.chains())?.find((one) => receiptId(one, seq) === id);
  if (store !== undefined && chain !== undefined && !isWhole(found)) {
    for await (const record of storedFrom(store, chain, seq)) {
      look(found, record, seq);
      if (isWhole(found)) break;
    }
  }
  if (found.call === undefined) return undefined;
  return detail(id, found.end === undefined ? [found.call] : [found.call, found.end]);
}

interface Found {
  call: ChainRecord | undefined;
  end: ChainRecord | undefined;
}

function look(found: Found, record: ChainRecord, seq: number): void {
  if (record.seq === seq && callKinds.includes(record.kind)) found.call = record;
  else if (isEndOf(record, seq)) found.end = record;
}

function isWhole({ call, end }: Found): boolean {
  if (call?.kind === "refusal" || call?.kind === "call") return true;
  return call !== undefined && end !== undefined;
}

function isEndOf(record: ChainRecord, seq: number): boolean {
  if (record.kind !== "outcome") return false;
  const decoded = decodeBody(record.body);
  return decoded.ok && decoded.value.kind === "outcome" && decoded.value.fields.of === seq;
}

function detail(id: string, records: readonly ChainRecord[]): ReceiptDetail {
  return {
    id,
    chain: records[0]?.chain ?? "",
    records: records.map(({ seq, kind, hash, prev, body }) => ({
      seq,
      kind,
      hash: Buffer.from(hash).toString("hex"),
      prev: Buffer.from(prev).toString("hex"),
      body: new TextDecoder().decode(body),
    })),
  };
}

/** Records of one read. */
export const recordsPage = 1000;

/** Records of one chain in the store, from a seq on, to the end. */
export async function* storedFrom(
  store: Store,
  chain: string,
  from: number,
): AsyncGenerator<StoredRecord> {
  for (let next = from; ; ) {
    const part = await store.records(chain, next, recordsPage);
    yield* part;
    const last = part.at(-1);
    if (last === undefined || part.length < recordsPage) return;
    next = last.seq + 1;
  }
}
