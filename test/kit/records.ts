/** Chains of real records for tests. */

import { randomUUID } from "node:crypto";
import { chainBytes, linkHash, noPrev } from "../../src/receipt/chain.ts";
import { callRecordBody, intentBody, outcomeBody, refusalBody } from "../../src/receipt/encode.ts";
import type {
  ChainRecord,
  EndFields,
  IntentFields,
  OutcomeFields,
  RecordKind,
} from "../../src/receipt/model.ts";

export interface ChainBuilder {
  readonly chain: string;
  readonly records: readonly ChainRecord[];
  add(kind: RecordKind, body: string | Uint8Array): ChainRecord;
}

export function buildChain(chain: string = randomUUID()): ChainBuilder {
  const records: ChainRecord[] = [];
  return {
    chain,
    records,
    add(kind, given) {
      const body = typeof given === "string" ? new TextEncoder().encode(given) : given;
      const prev = records.at(-1)?.hash ?? noPrev;
      const seq = records.length;
      const hash = linkHash(chainBytes(chain), seq, prev, body);
      const record = { chain, seq, kind, prev, hash, body };
      records.push(record);
      return record;
    },
  };
}

/** `count` calls, each an intent and its outcome, one second apart. */
export function callChain(count: number, atMs = 1_700_000_000_000): ChainBuilder {
  const builder = buildChain();
  for (let call = 0; call < count; call++) {
    const intent = builder.add("intent", intentBody(intentFields(), atMs + call * 1000));
    builder.add("outcome", outcomeBody(outcomeFields(intent.seq), atMs + call * 1000 + 5));
  }
  return builder;
}

/** A call of one record, as mode fast writes most. */
export function addCall(
  builder: ChainBuilder,
  fields: Partial<IntentFields>,
  end: Partial<EndFields>,
  at: number,
): ChainRecord {
  const body = { fields: intentFields(fields), end: outcomeFields(0, end), at };
  return builder.add("call", callRecordBody({ kind: "call", ...body }));
}

export function addRefusal(builder: ChainBuilder, fields: Partial<IntentFields>, atMs: number) {
  return builder.add("refusal", refusalBody(intentFields(fields), atMs));
}

export function intentFields(fields: Partial<IntentFields> = {}): IntentFields {
  return {
    keyId: "k-000000000001",
    keyName: "agent",
    session: "",
    client: "test/1",
    era: "modern",
    method: "tools/call",
    server: "files",
    tool: "read_file",
    argsHash: "00".repeat(32),
    argsBytes: 200,
    paramsHash: "",
    policyHash: "11".repeat(32),
    effect: "allow",
    rule: "reads",
    rules: ["reads"],
    definitionHash: "22".repeat(32),
    code: "",
    outcome: "",
    decideUs: 12,
    ...fields,
  };
}

export function outcomeFields(of: number, fields: Partial<OutcomeFields> = {}): OutcomeFields {
  return {
    of,
    outcome: "ok",
    code: "",
    resultHash: "33".repeat(32),
    resultBytes: 900,
    tookMs: 4.25,
    serverMs: 4,
    ...fields,
  };
}
