/** Calls of the embedded store, newest first; most that do not fit are passed over cheaply. */

import { callKinds } from "../base/frame.ts";
import { callTime, endedSeq } from "./derive.ts";
import { type RunRecord, type RunRow, unpackRun } from "./sqlite-run.ts";
import { endOf, type RunReader, runColumns, runReader, safe } from "./sqlite-runs.ts";
import { all, each, type Prepare } from "./sqlite-statement.ts";

export interface StoredCall {
  readonly chain: string;
  readonly no: number;
  readonly seq: number;
  readonly atMs: number | null;
  readonly body: Uint8Array;
  /** Body of the record that ended it, where there is one. */
  outcome(): Uint8Array | undefined;
}

/** Texts are those that a body has in it. A call that does not fit may still come. */
export interface Wanted {
  readonly beforeMs: number | undefined;
  readonly id: { readonly first: string; readonly last: string; readonly seq: number } | undefined;
  /** Either of them. */
  readonly key: readonly [Uint8Array, Uint8Array] | undefined;
  readonly tool: Uint8Array | undefined;
  readonly outcome: Uint8Array | undefined;
}

export function isNewer(a: StoredCall, b: StoredCall): boolean {
  const [timeA, timeB] = [a.atMs ?? -1, b.atMs ?? -1];
  if (timeA !== timeB) return timeA > timeB;
  return a.no === b.no ? a.seq > b.seq : a.no > b.no;
}

interface Row {
  readonly chain: string;
  readonly no: number;
  readonly seq: number;
  readonly kind: string;
  readonly body: Uint8Array;
  readonly end: Uint8Array | null;
}

/** Read in an index's order. */
export function* callsInRows(prepare: Prepare, wanted: Wanted): Generator<StoredCall> {
  // What stands behind the end of its chain is no record: verify names it.
  const where = ["i.kind in ('intent', 'refusal', 'call') and i.id <= (c.no << 40 | c.last_seq)"];
  const values: (string | number | Uint8Array)[] = [];
  const add = (condition: string, ...given: (string | number | Uint8Array)[]) => {
    where.push(condition);
    values.push(...given);
  };
  const { beforeMs, id, key, tool, outcome } = wanted;
  if (beforeMs !== undefined) add("i.at_ms < ?", beforeMs);
  if (key !== undefined) add("(instr(i.body, ?) or instr(i.body, ?))", ...key);
  if (tool !== undefined) add("instr(i.body, ?)", tool);
  if (outcome !== undefined) {
    const inRun = "(o.id is null and i.kind = 'intent')";
    add(`(instr(o.body, ?) or instr(i.body, ?) or ${inRun})`, outcome, outcome);
  }
  if (id !== undefined) {
    const found = "select no << 40 | ? from chain_heads where chain between ? and ?";
    add(`i.id in (${found})`, id.seq, id.first, id.last);
  }
  const statement = prepare(
    `select c.chain, c.no, i.id & 1099511627775 as seq, i.kind, i.body, o.body as end
     from records i left join records o on o.of_id = i.id join chain_heads c on c.no = i.id >> 40
     where ${where.join(" and ")} order by i.at_ms desc, i.id desc`,
  );
  const runs = runReader(prepare);
  for (const { chain, no, seq, kind, body, end } of each<Row>(statement, values)) {
    const later = () => (kind === "intent" ? outcomeInRun(prepare, runs, no, seq) : undefined);
    const atMs = callTime(kind, body);
    yield { chain, no, seq, atMs, body, outcome: () => end ?? later() };
  }
}

interface HeadedRun extends RunRow {
  readonly chain: string;
  readonly no: number;
  readonly head: number;
}

/** Run by run from the newest; calls of runs that are of one time are sorted. */
export function* callsInRuns(prepare: Prepare, wanted: Wanted): Generator<StoredCall> {
  const where = ["until_ms is not null"];
  const values: (string | number)[] = [];
  const { beforeMs, id } = wanted;
  if (beforeMs !== undefined) {
    where.push("from_ms < ?");
    values.push(beforeMs);
  }
  if (id !== undefined) {
    where.push(`r.id in (
      select (select max(id) from runs where id >= no << 40 and id <= (no << 40 | ?))
      from chain_heads where chain between ? and ?) and r.last_seq >= ?`);
    values.push(id.seq, id.first, id.last, id.seq);
  }
  const statement = prepare(
    `select c.chain, c.no, ${safe("c.last_seq")} as head, ${runColumns}
     from runs r join chain_heads c on c.no = r.id >> 40
     where ${where.join(" and ")} order by r.until_ms desc, r.from_ms desc, r.id desc`,
  );
  /** The newest is the last. */
  let waiting: StoredCall[] = [];
  const runs = runReader(prepare);
  const early: Outcomes = new Map();
  for (const run of each<HeadedRun>(statement, values)) {
    for (let call = waiting.at(-1); call !== undefined; call = waiting.at(-1)) {
      if ((call.atMs ?? -1) <= (run.until_ms ?? -1)) break;
      waiting.pop();
      yield call;
    }
    if (!mayHave(run.bodies, wanted)) continue;
    const records = unpackRun(run).filter(({ seq }) => seq <= run.head);
    noteEarly(early, run, records);
    const calls = callsOf(prepare, runs, run, records, wanted, early);
    waiting = merged(
      waiting,
      calls.sort((a, b) => (isNewer(a, b) ? 1 : -1)),
    );
  }
  for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) yield call;
}

function callsOf(
  prepare: Prepare,
  runs: RunReader,
  { chain, no }: HeadedRun,
  records: readonly RunRecord[],
  wanted: Wanted,
  early: Outcomes,
): StoredCall[] {
  const { beforeMs, id, outcome } = wanted;
  const ended = outcomesOf(records);
  const calls: StoredCall[] = [];
  for (const { seq, kind, body } of records) {
    if (!callKinds.includes(kind) || (id !== undefined && id.seq !== seq)) continue;
    const atMs = callTime(kind, body);
    if (beforeMs !== undefined && (atMs ?? beforeMs) >= beforeMs) continue;
    if (!mayHave(body, wanted)) continue;
    const near = kind === "intent" ? (ended.get(seq) ?? taken(early, `${no}-${seq}`)) : body;
    const other = outcome !== undefined && near !== undefined && !has(near, outcome);
    if (other && !has(body, outcome)) continue;
    // Copies: a view would keep all of its run in memory while it waits.
    const own = kind === "intent" ? near?.slice() : undefined;
    const later = () => (kind === "intent" ? outcomeOf(prepare, runs, no, seq) : undefined);
    calls.push({ chain, no, seq, atMs, body: body.slice(), outcome: () => own ?? later() });
  }
  return calls;
}

/** Bodies of outcomes that are in a newer run than their intents, by chain and seq of these. */
type Outcomes = Map<string, Uint8Array>;

/** Runs come newest first: most outcomes are met before their intents, and not looked up. */
function noteEarly(early: Outcomes, { no, first }: RunRow & { no: number }, of: RunRecord[]): void {
  for (const { kind, body } of of) {
    const intent = kind === "outcome" ? endedSeq(body) : null;
    if (intent === null || intent >= first) continue;
    for (const old of early.keys()) if (early.size >= earlyMost) early.delete(old);
    early.set(`${no}-${intent}`, body.slice());
  }
}

/** Some MB. */
const earlyMost = 20_000;

function taken(early: Outcomes, key: string): Uint8Array | undefined {
  const body = early.get(key);
  early.delete(key);
  return body;
}

/** Of two that are sorted, the newest last. */
function merged(a: readonly StoredCall[], b: readonly StoredCall[]): StoredCall[] {
  const all: StoredCall[] = [];
  let [atA, atB] = [0, 0];
  for (;;) {
    const [one, other] = [a[atA], b[atB]];
    if (one === undefined) return [...all, ...b.slice(atB)];
    if (other === undefined) return [...all, ...a.slice(atA)];
    const older = isNewer(one, other) ? other : one;
    if (older === one) atA += 1;
    else atB += 1;
    all.push(older);
  }
}

/** The outcome of a call need not be in the same bytes. */
function mayHave(bytes: Uint8Array, { key, tool }: Wanted): boolean {
  if (tool !== undefined && !has(bytes, tool)) return false;
  return key === undefined || has(bytes, key[0]) || has(bytes, key[1]);
}

/** As `mayHave`, of what is looked up for it: without parsing it. */
export function mayEnd(call: StoredCall, { outcome }: Wanted): boolean {
  if (outcome === undefined || has(call.body, outcome)) return true;
  const ended = call.outcome();
  return ended !== undefined && has(ended, outcome);
}

function has(bytes: Uint8Array, text: Uint8Array): boolean {
  if (!(bytes instanceof Uint8Array)) return false;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(text);
}

/** Bodies of outcomes by the seqs of their intents. */
function outcomesOf(records: readonly RunRecord[]): Map<number, Uint8Array> {
  const outcomes = new Map<number, Uint8Array>();
  for (const { kind, body } of records) {
    const of = kind === "outcome" ? endedSeq(body) : null;
    if (of !== null) outcomes.set(of, body);
  }
  return outcomes;
}

/** Of an intent whose own run has none. */
function outcomeOf(
  prepare: Prepare,
  runs: RunReader,
  no: number,
  intent: number,
): Uint8Array | undefined {
  const statement = prepare("select body from records where of_id = (? << 40 | ?) limit 1");
  const [row] = all<{ body: Uint8Array }>(statement, no, intent);
  return row?.body ?? outcomeInRun(prepare, runs, no, intent);
}

/** Only what says so itself: `ends` is but a hint. */
function outcomeInRun(
  prepare: Prepare,
  runs: RunReader,
  no: number,
  intent: number,
): Uint8Array | undefined {
  const seq = endOf(prepare, no, intent);
  const record = seq === undefined ? undefined : runs.recordAt(no, seq);
  return record?.kind === "outcome" && endedSeq(record.body) === intent ? record.body : undefined;
}
