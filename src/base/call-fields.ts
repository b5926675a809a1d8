/** What a filter can ask of a call, live or in a receipt: the same words in TUI, CLI and API. */

import type { Field, FilterRecord } from "./filter.ts";

/** Outcomes of receipts; a test holds them against receipt/decode.ts. `running`: none yet. */
const outcomes = [
  ...["ok", "tool_error", "denied", "held", "expired", "limited", "cancelled", "timeout"],
  ...["upstream_down", "upstream_error", "unknown", "running"],
];

export const callFields: readonly Field[] = [
  { name: "tool", kind: "text", searched: true, doc: "server/tool" },
  { name: "server", kind: "text", doc: "id of the server" },
  { name: "key", kind: "text", searched: true, doc: "name of the key" },
  { name: "client", kind: "text", searched: true, doc: "what the client calls itself" },
  { name: "outcome", kind: "word", words: outcomes, doc: "how it ended" },
  { name: "effect", kind: "word", words: ["allow", "ask", "deny"], doc: "what policy said" },
  { name: "rule", kind: "text", searched: true, doc: "the rule that decided" },
  {
    name: "stage",
    kind: "word",
    words: ["waiting", "intent", "server", "client", "outcome", "over"],
    doc: "where it is now",
  },
  { name: "era", kind: "word", words: ["legacy", "modern"], doc: "protocol of the client" },
  { name: "took", kind: "ms", doc: "how long it took, so far if it runs" },
  { name: "size", kind: "bytes", doc: "bytes of arguments and result" },
  { name: "since", kind: "age", doc: "begun at most this long ago" },
  { name: "id", kind: "text", searched: true, doc: "id of the call" },
  { name: "session", kind: "text", doc: "digest of the session" },
  { name: "receipt", kind: "text", searched: true, doc: "id of the receipt" },
  { name: "code", kind: "text", searched: true, doc: "error code" },
  { name: "why", kind: "text", searched: true, doc: "what went wrong" },
];

/** Of a call in flight or just ended; `nowMs` is the gateway's time. */
export function liveCallRecord(call: FilterableCall, nowMs: number): FilterRecord {
  const { id, tool, server, key, client, session, stage, receipt, code, why } = call;
  return {
    ...{ id, tool, server, key, client, session, stage, receipt, code, why },
    outcome: call.outcome ?? "running",
    effect: call.decision?.effect ?? null,
    rule: call.decision?.rule ?? null,
    era: call.era.in,
    took: call.tookMs ?? nowMs - call.startedMs,
    size: call.argsBytes + call.resultBytes,
    since: nowMs - call.startedMs,
  };
}

/** What is read of admin/contract.ts LiveCall. */
export interface FilterableCall {
  readonly id: string;
  readonly tool: string;
  readonly server: string;
  readonly key: string;
  readonly client: string;
  readonly session: string;
  readonly era: { readonly in: string };
  readonly stage: string;
  readonly decision: { readonly effect: string; readonly rule: string | null } | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly why: string | null;
  readonly receipt: string | null;
  readonly argsBytes: number;
  readonly resultBytes: number;
  readonly tookMs: number | null;
  readonly startedMs: number;
}

const rowFields: ReadonlySet<string> = new Set(
  "tool server key outcome effect rule code took size since id".split(" "),
);

/** The fields that a receipt's row has; `session`, `client` and `era` stand in its records. */
export const receiptFields: readonly Field[] = callFields
  .filter(({ name }) => rowFields.has(name))
  .map((field) => (field.name === "id" ? { ...field, doc: "id of the receipt" } : field));

/** Of a row of `receipts list --json`. */
export function receiptRecord(row: FilterableRow, nowMs: number): FilterRecord {
  const { id, key, server, tool, effect, rule, code } = row;
  const age = nowMs - Date.parse(row.time);
  return {
    ...{ id, key, server, tool, effect, rule, code },
    outcome: row.outcome ?? "running",
    took: row.took_ms ?? age,
    size: row.args_bytes + (row.result_bytes ?? 0),
    since: age,
  };
}

export interface FilterableRow {
  readonly id: string;
  readonly time: string;
  readonly key: string;
  readonly server: string;
  readonly tool: string;
  readonly effect: string;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly args_bytes: number;
  readonly result_bytes: number | null;
  readonly took_ms: number | null;
}
