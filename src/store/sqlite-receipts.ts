/** Lists of the embedded store: calls with rows of their own and calls in runs, newest first. */

import { limits } from "../base/limits.ts";
import { type Derived, derive } from "./derive.ts";
import { isChain, type JoinedRow, readReceiptId, splitTool, toReceiptRow } from "./rows.ts";
import {
  callsInRows,
  callsInRuns,
  isNewer,
  mayEnd,
  type StoredCall,
  type Wanted,
} from "./sqlite-calls.ts";
import type { Prepare } from "./sqlite-statement.ts";
import type { ReceiptQuery, ReceiptRow } from "./store.ts";

export function receipts(prepare: Prepare, query: ReceiptQuery): ReceiptRow[] {
  const limit = Math.min(query.limit, limits.storePage);
  const tool = query.tool === undefined ? undefined : splitTool(query.tool);
  const wanted = readQuery(query, tool);
  const rows: ReceiptRow[] = [];
  if (limit <= 0 || wanted === undefined) return rows;
  for (const call of newestFirst(callsInRows(prepare, wanted), callsInRuns(prepare, wanted))) {
    // A head with another form of id is no chain of ours; verify names it.
    if (!isChain(call.chain) || !mayEnd(call, wanted)) continue;
    const derived = derive(call.body);
    const joined = join(call, derived);
    if (!fits(query, tool, derived, joined)) continue;
    rows.push(toReceiptRow(joined));
    if (rows.length >= limit) break;
  }
  return rows;
}

/** undefined: no receipt has such an id. */
function readQuery(
  { beforeMs, key, outcome, id: given }: ReceiptQuery,
  tool: { readonly tool: string } | undefined,
): Wanted | undefined {
  const id = given === undefined ? undefined : readReceiptId(given);
  if (given !== undefined && id === undefined) return undefined;
  return {
    ...{ beforeMs, id },
    key: key === undefined ? undefined : [fragment("key_name", key), fragment("key", key)],
    tool: tool === undefined ? undefined : fragment("tool", tool.tool),
    outcome: outcome === undefined ? undefined : fragment("outcome", outcome),
  };
}

/** Both are newest first by themselves. */
function* newestFirst(
  one: Iterator<StoredCall>,
  other: Iterator<StoredCall>,
): Generator<StoredCall> {
  try {
    let [a, b] = [one.next(), other.next()];
    for (;;) {
      if (a.done === true && b.done === true) return;
      if (b.done === true || (a.done !== true && isNewer(a.value, b.value))) {
        yield a.value;
        a = one.next();
      } else {
        yield b.value;
        b = other.next();
      }
    }
  } finally {
    // A statement that is not at its end would hold the database's files.
    one.return?.();
    other.return?.();
  }
}

/** How a body of ours begins this member: the encoder's form, up to where lists cut a text. */
function fragment(name: string, value: string): Uint8Array {
  const text = JSON.stringify(value.slice(0, limits.columnChars));
  const shown = value.length < limits.columnChars ? text : text.slice(0, -1);
  return new TextEncoder().encode(`"${name}":${shown}`);
}

function join({ chain, seq, outcome }: StoredCall, call: Derived): JoinedRow {
  const body = outcome();
  const end = body === undefined ? undefined : derive(body);
  return {
    ...{ chain, seq, at_ms: call.at_ms, key_name: call.key_name, server: call.server },
    ...{ tool: call.tool, effect: call.effect, rule: call.rule, args_bytes: call.args_bytes },
    outcome: end?.outcome ?? call.outcome,
    code: end?.code ?? call.code,
    result_bytes: end?.result_bytes ?? call.result_bytes,
    took_ms: end?.took_ms ?? call.took_ms,
  };
}

function fits(
  query: ReceiptQuery,
  tool: { server: string | undefined; tool: string } | undefined,
  call: Derived,
  joined: JoinedRow,
): boolean {
  const { key, outcome } = query;
  if (key !== undefined && call.key_name !== key && call.key_id !== key) return false;
  if (outcome !== undefined && joined.outcome !== outcome) return false;
  if (tool === undefined) return true;
  return call.tool === tool.tool && (tool.server ?? call.server) === call.server;
}
