/** Bodies back into fields, and the row that people see: for the store, the CLI and verify. */

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { no, ok, type Result } from "../base/result.ts";
import { receiptId } from "./chain.ts";
import type { OpenFields, RecoveryFields } from "./encode.ts";
import type { AskedFields, EndFields, IntentFields, Outcome, OutcomeFields } from "./model.ts";

export type Decoded =
  | { readonly kind: "open"; readonly at: number; readonly fields: OpenFields }
  | { readonly kind: "intent" | "refusal"; readonly at: number; readonly fields: IntentFields }
  | { readonly kind: "outcome"; readonly at: number; readonly fields: OutcomeFields }
  | {
      readonly kind: "call";
      readonly at: number;
      readonly fields: IntentFields;
      readonly end: EndFields;
    }
  | { readonly kind: "recovery"; readonly at: number; readonly fields: RecoveryFields }
  | { readonly kind: "admin"; readonly at: number; readonly fields: AdminFields }
  | { readonly kind: "close"; readonly at: number; readonly fields: { readonly why: string } };

export interface AdminFields {
  readonly action: string;
  readonly keyId: string;
  readonly fields: JsonObject;
}

/** One call as store.ts ReceiptRow wants it; times in ms, sizes in bytes. */
export interface JoinedRow {
  readonly id: string;
  readonly seq: number;
  readonly time: string;
  readonly key: string;
  readonly server: string;
  readonly tool: string;
  readonly effect: string;
  readonly rule: string | null;
  readonly outcome: string | null;
  /** Why it did not end well. */
  readonly code: string | null;
  readonly args_bytes: number;
  readonly result_bytes: number | null;
  readonly took_ms: number | null;
}

/** The fields of a body; the error says what does not fit. Never throws. */
export function decodeBody(body: Uint8Array): Result<Decoded, string> {
  let tree: unknown;
  try {
    tree = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return no("the body is not JSON");
  }
  if (!isObject(tree)) return no("the body is not an object");
  if (member(tree, "v") !== 1) return no(`body version ${JSON.stringify(member(tree, "v"))}`);
  try {
    return ok(decodeTree(reader(tree)));
  } catch (thrown) {
    if (thrown instanceof Unfit) return no(thrown.message);
    throw thrown;
  }
}

/** Joins an intent with its outcome (undefined while the call runs), or shows a refusal alone. */
export function joinRow(
  chain: string,
  seq: number,
  at: number,
  call: IntentFields,
  end: EndFields | undefined,
): JoinedRow {
  const refused = call.outcome !== "";
  const code = refused ? call.code : end?.code;
  return {
    id: receiptId(chain, seq),
    seq,
    time: timeOf(at),
    key: call.keyName,
    server: call.server,
    tool: toolOf(call),
    effect: call.effect,
    rule: call.rule === "" ? null : call.rule,
    outcome: refused ? call.outcome : (end?.outcome ?? null),
    code: code || null,
    args_bytes: call.argsBytes,
    result_bytes: end === undefined ? null : end.resultBytes,
    took_ms: refused ? Math.round(call.decideUs) / 1000 : (end?.tookMs ?? null),
  };
}

/** `server/tool`; the bare tool when no server was found for it. */
export function toolOf(call: IntentFields): string {
  return call.server === "" ? call.tool : `${call.server}/${call.tool}`;
}

function timeOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

class Unfit extends Error {}

interface Reader {
  text(key: string): string;
  number(key: string): number;
  value(key: string): Json;
  optional(key: string): Json | undefined;
}

function reader(tree: JsonObject): Reader {
  const value = (key: string): Json => {
    const found = member(tree, key);
    if (found === undefined) throw new Unfit(`the body lacks "${key}"`);
    return found;
  };
  return {
    value,
    optional: (key) => member(tree, key),
    text(key) {
      const found = value(key);
      if (typeof found !== "string") throw new Unfit(`"${key}" is not a string`);
      return found;
    },
    number(key) {
      const found = value(key);
      if (typeof found !== "number") throw new Unfit(`"${key}" is not a number`);
      return found;
    },
  };
}

function decodeTree(r: Reader): Decoded {
  const kind = r.text("kind");
  const at = r.number("at");
  switch (kind) {
    case "open":
      return { kind, at, fields: openFields(r) };
    case "intent":
    case "refusal":
      return { kind, at, fields: callFields(r, r.text("code"), r.text("outcome")) };
    case "call":
      return { kind, at, fields: callFields(r, "", ""), end: endFields(r) };
    case "outcome":
      return { kind, at, fields: { of: r.number("of"), ...endFields(r) } };
    case "recovery":
      return {
        kind,
        at,
        fields: { lostBytes: r.number("lost_bytes"), openIntents: r.number("open_intents") },
      };
    case "admin":
      return { kind, at, fields: adminFields(r) };
    case "close":
      return { kind, at, fields: { why: r.text("why") } };
    default:
      throw new Unfit(`unknown kind ${JSON.stringify(kind)}`);
  }
}

function openFields(r: Reader): OpenFields {
  return {
    build: r.text("build"),
    dir: r.text("dir"),
    prevChain: r.text("prev_chain"),
    prevSeq: r.number("prev_seq"),
    prevHead: r.text("prev_head"),
  };
}

function adminFields(r: Reader): AdminFields {
  const fields = r.value("fields");
  if (!isObject(fields)) throw new Unfit('"fields" is not an object');
  return { action: r.text("action"), keyId: r.text("key"), fields };
}

function callFields(r: Reader, code: string, outcome: string): IntentFields {
  const rules = r.value("rules");
  if (!Array.isArray(rules)) throw new Unfit('"rules" is not a list');
  return {
    keyId: r.text("key"),
    keyName: r.text("key_name"),
    session: r.text("session"),
    client: r.text("client"),
    era: oneOf(r.text("era"), eras),
    method: r.text("method"),
    server: r.text("server"),
    tool: r.text("tool"),
    argsHash: r.text("args_hash"),
    argsBytes: r.number("args_bytes"),
    paramsHash: r.text("params_hash"),
    policyHash: r.text("policy_hash"),
    effect: oneOf(r.text("effect"), effects),
    rule: r.text("rule"),
    rules: rules.map(String),
    definitionHash: r.text("definition_hash"),
    code,
    outcome: oneOf(outcome, ["", ...outcomes]),
    decideUs: r.number("decide_us"),
  };
}

function endFields(r: Reader): EndFields {
  return {
    outcome: oneOf(r.text("outcome"), outcomes),
    code: r.text("code"),
    resultHash: r.text("result_hash"),
    resultBytes: r.number("result_bytes"),
    tookMs: r.number("took_ms"),
    serverMs: r.number("server_ms"),
    ...queueOf(r.optional("queue_ms")),
    ...askedOf(r.optional("asked")),
  };
}

function queueOf(value: Json | undefined): { queueMs?: number } {
  if (value === undefined) return {};
  if (typeof value !== "number") throw new Unfit('"queue_ms" is not a number');
  return { queueMs: value };
}

function askedOf(value: Json | undefined): { asked?: readonly AskedFields[] } {
  if (value === undefined) return {};
  if (!Array.isArray(value)) throw new Unfit('"asked" is not a list');
  const asked = value.map((one: Json): AskedFields => {
    if (!isObject(one)) throw new Unfit('"asked" holds what is no object');
    const r = reader(one);
    const end = oneOf(r.text("end"), askedEnds);
    return { method: r.text("method"), paramsHash: r.text("params_hash"), end };
  });
  return { asked };
}

const eras = ["legacy", "modern"] as const;
const effects = ["allow", "ask", "deny"] as const;
const askedEnds: readonly AskedFields["end"][] = [
  ...(["answered", "accept", "decline", "cancel", "error", "denied", "undeclared"] as const),
  ...(["unasked", "taken_back", "unanswered", "passed"] as const),
];
export const outcomes: readonly Outcome[] = [
  "ok",
  "tool_error",
  "denied",
  "held",
  "expired",
  "limited",
  "cancelled",
  "timeout",
  "upstream_down",
  "upstream_error",
  "unknown",
];

function oneOf<T extends string>(text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new Unfit(`unexpected value ${JSON.stringify(text)}`);
  return found;
}
