/**
 * Bodies of records: JSON text with members in a fixed order, made from a template (generic
 * canonical JSON costs 6.6 µs a record, this about 1). The bytes of the body are what is hashed
 * and kept; nobody re-encodes them.
 */

import type { AskedFields, IntentFields, OutcomeFields } from "./model.ts";

export interface OpenFields {
  readonly build: string;
  readonly dir: string;
  /** The chain before this one, its last seq and head (hex); "", -1, "" when there is none. */
  readonly prevChain: string;
  readonly prevSeq: number;
  readonly prevHead: string;
}

export interface RecoveryFields {
  /** Bytes behind the last whole frame that were dropped; 0 when the tail was clean. */
  readonly lostBytes: number;
  /** Intents without outcome, closed as `unknown` by the records that follow. */
  readonly openIntents: number;
}

/** `at` is wall time in ms since 1970: advice for people, the order is that of seq (A23). */
export function openBody(f: OpenFields, at: number): string {
  return (
    `${head("open", at)},"build":${quote(f.build)},"dir":${quote(f.dir)}` +
    `,"prev_chain":${quote(f.prevChain)},"prev_seq":${number(f.prevSeq)}` +
    `,"prev_head":${quote(f.prevHead)}}`
  );
}

export function intentBody(f: IntentFields, at: number): string {
  return callBody("intent", f, at);
}

export function refusalBody(f: IntentFields, at: number): string {
  return callBody("refusal", f, at);
}

export function outcomeBody(f: OutcomeFields, at: number): string {
  return (
    `${head("outcome", at)},"of":${number(f.of)},"outcome":"${f.outcome}"` +
    `,"code":${quote(f.code)},"result_hash":${fresh(f.resultHash)}` +
    `,"result_bytes":${number(f.resultBytes)},"took_ms":${number(f.tookMs)}` +
    `,"server_ms":${number(f.serverMs)}${queued(f.queueMs)}${asked(f.asked)}}`
  );
}

function queued(ms: number | undefined): string {
  return ms === undefined ? "" : `,"queue_ms":${number(ms)}`;
}

function asked(questions: readonly AskedFields[] | undefined): string {
  if (questions === undefined || questions.length === 0) return "";
  const rows = questions.map(
    ({ method, paramsHash, end }) =>
      `{"method":${fresh(method)},"params_hash":${fresh(paramsHash)},"end":"${end}"}`,
  );
  return `,"asked":[${rows.join(",")}]`;
}

export function recoveryBody(f: RecoveryFields, at: number): string {
  const lost = `,"lost_bytes":${number(f.lostBytes)}`;
  return `${head("recovery", at)}${lost},"open_intents":${number(f.openIntents)}}`;
}

/** Cold: the members of `fields` are the operator's business, so they go through stringify. */
export function adminBody(
  action: string,
  keyId: string,
  fields: Readonly<Record<string, unknown>>,
  at: number,
): string {
  const rest = JSON.stringify(fields);
  return `${head("admin", at)},"action":${quote(action)},"key":${quote(keyId)},"fields":${rest}}`;
}

/** why: `stop` for an orderly end, `recovered` when the next start closed it. */
export function closeBody(why: "stop" | "recovered", at: number): string {
  return `${head("close", at)},"why":"${why}"}`;
}

function callBody(kind: "intent" | "refusal", f: IntentFields, at: number): string {
  return (
    `${head(kind, at)},"key":${quote(f.keyId)},"key_name":${quote(f.keyName)}` +
    `,"session":${quote(f.session)},"client":${quote(f.client)},"era":"${f.era}"` +
    `,"method":${quote(f.method)},"server":${quote(f.server)},"tool":${quote(f.tool)}` +
    `,"args_hash":${fresh(f.argsHash)},"args_bytes":${number(f.argsBytes)}` +
    `,"params_hash":${fresh(f.paramsHash)},"policy_hash":${quote(f.policyHash)}` +
    `,"effect":"${f.effect}","rule":${quote(f.rule)},"rules":${list(f.rules)}` +
    `,"definition_hash":${quote(f.definitionHash)},"code":${quote(f.code)}` +
    `,"outcome":"${f.outcome}","decide_us":${number(f.decideUs)}}`
  );
}

function head(kind: string, at: number): string {
  return `{"v":1,"kind":"${kind}","at":${number(at)}`;
}

/** At most 3 decimals; what is not a finite number is 0, so that a body is always JSON. */
function number(value: number): string {
  if (Number.isInteger(value)) return String(value);
  if (!Number.isFinite(value)) return "0";
  const thousandths = Math.round(value * 1000);
  // The shortest text of a double is searched for; times are small, and their text is known.
  if (thousandths < 0 || thousandths > 1e9) return String(thousandths / 1000);
  return String(Math.floor(thousandths / 1000)) + decimals[thousandths % 1000];
}

/** "", ".001", … ".01", … ".999". */
const decimals: readonly string[] = Array.from({ length: 1000 }, (_, n) =>
  String(n / 1000).slice(1),
);

/** Longer lists are cut: a record must stay small whatever the policy holds. */
const rulesMax = 64;

function list(rules: readonly string[]): string {
  if (rules.length === 0) return "[]";
  if (rules.length === 1) return `[${quote(rules[0] ?? "")}]`;
  return `[${rules.slice(0, rulesMax).map(quote).join(",")}]`;
}

/** Characters of one string; names are far shorter, what a client says of itself may not be. */
const textMax = 1024;
const cacheMax = 4096;
const quoted = new Map<string, string>();

/** A JSON string, remembered: keys, tools and policies recur in every record. */
function quote(text: string): string {
  const known = quoted.get(text);
  if (known !== undefined) return known;
  if (quoted.size >= cacheMax) quoted.clear();
  const made = fresh(text);
  if (text.length <= textMax) quoted.set(text, made);
  return made;
}

/** A JSON string that is not worth remembering: a digest of this call. */
function fresh(text: string): string {
  return JSON.stringify(text.length <= textMax ? text : text.slice(0, textMax));
}
