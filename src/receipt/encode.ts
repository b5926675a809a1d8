/**
 * Bodies of records: JSON text with members in a fixed order, made from a template (generic
 * canonical JSON costs 6.6 µs a record, this about 1). The bytes of the body are what is hashed
 * and kept; nobody re-encodes them.
 */

import { ByteWriter, numberText } from "../base/byte-writer.ts";
import { limits } from "../base/limits.ts";
import type { AskedFields, CallRecord, EndFields, IntentFields, OutcomeFields } from "./model.ts";

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
    `,"prev_chain":${quote(f.prevChain)},"prev_seq":${numberText(f.prevSeq)}` +
    `,"prev_head":${quote(f.prevHead)}}`
  );
}

/** Writes the body of a call's record at `at`, where there is `roomFor` it: the offset behind. */
export function putCallBody(record: CallRecord, into: Buffer, at: number): number {
  writer.begin(into, at);
  if (record.kind === "outcome") putOutcome(record.fields, record.at);
  else putCall(record);
  if (writer.end > into.length) throw new RangeError("a record's body is longer than its room");
  return writer.end;
}

const writer = new ByteWriter();

/** The same as text. */
export function callRecordBody(record: CallRecord): string {
  const bytes = Buffer.allocUnsafe(roomFor(record));
  return bytes.toString("utf8", 0, putCallBody(record, bytes, 0));
}

/** Bytes that the body takes at most. */
export function roomFor(record: CallRecord): number {
  return mostBesideAsked(record) + 3 * asked(endOf(record)?.asked).length;
}

/** More than any frame takes; not infinite, of which `frameBytes`, in 32 bits, would make 0. */
const unknownMost = 2 ** 30;

/** UTF-8 bytes that the body takes at most: not known where it has lists of any length. */
export function bodyBytesMost(record: CallRecord): number {
  const asked = endOf(record)?.asked;
  if (asked !== undefined && asked.length > 0) return unknownMost;
  return mostBesideAsked(record);
}

function endOf(record: CallRecord): EndFields | undefined {
  if (record.kind === "outcome") return record.fields;
  return record.kind === "call" ? record.end : undefined;
}

function mostBesideAsked(record: CallRecord): number {
  if (record.kind === "outcome") return endMost(record.fields);
  return callMost(record.fields) + (record.kind === "call" ? endMost(record.end) : 0);
}

function endMost({ code, resultHash }: EndFields): number {
  return namesMost + escapedMost * (code.length + resultHash.length);
}

function callMost(f: IntentFields): number {
  let length = f.keyId.length + f.keyName.length + f.session.length + f.client.length;
  length += f.method.length + f.server.length + f.tool.length + f.argsHash.length;
  length += f.paramsHash.length + f.policyHash.length + f.rule.length;
  length += f.definitionHash.length + f.code.length;
  for (const rule of f.rules) length += rule.length + 3;
  return namesMost + escapedMost * length;
}

/** What stands around the strings, with numbers; and what one UTF-16 unit takes as `\u0000`. */
const namesMost = 600;
const escapedMost = 6;

export function intentBody(f: IntentFields, at: number): string {
  return callRecordBody({ kind: "intent", fields: f, at });
}

export function refusalBody(f: IntentFields, at: number): string {
  return callRecordBody({ kind: "refusal", fields: f, at });
}

export function outcomeBody(f: OutcomeFields, at: number): string {
  return callRecordBody({ kind: "outcome", fields: f, at });
}

function putOutcome(f: OutcomeFields, at: number): void {
  writer.plain('{"v":1,"kind":"outcome","at":');
  writer.time(at);
  writer.plain(',"of":');
  writer.number(f.of);
  putEnd(f);
  writer.plain("}");
}

function putEnd(f: EndFields): void {
  writer.plain(',"outcome":"');
  writer.plain(f.outcome);
  writer.plain('","code":');
  if (f.code === "") writer.plain('""');
  else writer.text(quote(f.code));
  writer.plain(',"result_hash":');
  putDigest(f.resultHash);
  writer.plain(',"result_bytes":');
  writer.number(f.resultBytes);
  writer.plain(',"took_ms":');
  writer.number(f.tookMs);
  writer.plain(',"server_ms":');
  writer.number(f.serverMs);
  if (f.queueMs !== undefined) {
    writer.plain(',"queue_ms":');
    writer.number(f.queueMs);
  }
  writer.text(asked(f.asked));
}

function asked(questions: readonly AskedFields[] | undefined): string {
  if (questions === undefined || questions.length === 0) return "";
  const rows = questions.map(
    ({ method, paramsHash, end }) =>
      `{"method":${quote(method)},"params_hash":${quote(paramsHash)},"end":"${end}"}`,
  );
  return `,"asked":[${rows.join(",")}]`;
}

export function recoveryBody(f: RecoveryFields, at: number): string {
  const lost = `,"lost_bytes":${numberText(f.lostBytes)}`;
  return `${head("recovery", at)}${lost},"open_intents":${numberText(f.openIntents)}}`;
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

function putCall(record: Exclude<CallRecord, { kind: "outcome" }>): void {
  const { kind, fields: f, at } = record;
  writer.plain('{"v":1,"kind":"');
  writer.plain(kind);
  writer.plain('","at":');
  writer.time(at);
  writer.text(whoAndWhat(f));
  putDigest(f.argsHash);
  writer.plain(',"args_bytes":');
  writer.number(f.argsBytes);
  writer.plain(',"params_hash":');
  putDigest(f.paramsHash);
  writer.text(decision(f, kind === "call" ? endedTexts : decisionTexts));
  writer.number(f.decideUs);
  if (record.kind === "call") putEnd(record.end);
  writer.plain("}");
}

/** Who calls which tool, up to the digest: the same agent makes the same calls again and again. */
function whoAndWhat(f: IntentFields): string {
  const known = remembered(whoTexts, f.session === "" ? f.keyId : f.session, f, isSameWho);
  if (known !== undefined) return known;
  const text =
    `,"key":${quote(f.keyId)},"key_name":${quote(f.keyName)}` +
    `,"session":${quote(f.session)},"client":${quote(f.client)},"era":"${f.era}"` +
    `,"method":${quote(f.method)},"server":${quote(f.server)},"tool":${quote(f.tool)}` +
    `,"args_hash":`;
  return remember(whoTexts, f.session === "" ? f.keyId : f.session, f, text);
}

function isSameWho(a: IntentFields, b: IntentFields): boolean {
  return (
    a.tool === b.tool &&
    a.server === b.server &&
    a.method === b.method &&
    a.keyId === b.keyId &&
    a.session === b.session &&
    a.keyName === b.keyName &&
    a.client === b.client &&
    a.era === b.era
  );
}

/** What was decided, up to the time it took. Of a call that ended, code and outcome come later. */
function decision(f: IntentFields, of: Texts): string {
  const known = remembered(of, f.rule, f, isSameDecision);
  if (known !== undefined) return known;
  const end = of === endedTexts ? "" : `,"code":${quote(f.code)},"outcome":"${f.outcome}"`;
  const text =
    `,"policy_hash":${quote(f.policyHash)}` +
    `,"effect":"${f.effect}","rule":${quote(f.rule)},"rules":${list(f.rules)}` +
    `,"definition_hash":${quote(f.definitionHash)}${end},"decide_us":`;
  return remember(of, f.rule, f, text);
}

function isSameDecision(a: IntentFields, b: IntentFields): boolean {
  return (
    isSameList(a.rules, b.rules) &&
    a.definitionHash === b.definitionHash &&
    a.policyHash === b.policyHash &&
    a.effect === b.effect &&
    a.code === b.code &&
    a.outcome === b.outcome
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

interface Known {
  readonly of: IntentFields;
  readonly text: string;
}

/** By who calls, or the deciding rule: the last few texts, the next to be replaced. */
type Texts = Map<string, { readonly texts: Known[]; next: number }>;
const whoTexts: Texts = new Map();
const decisionTexts: Texts = new Map();
const endedTexts: Texts = new Map();
const namesKept = 1024;
const textsOfEach = 4;

function remembered(
  of: Texts,
  name: string,
  f: IntentFields,
  isSame: (a: IntentFields, b: IntentFields) => boolean,
): string | undefined {
  const kept = of.get(name);
  if (kept === undefined) return undefined;
  for (const known of kept.texts) if (isSame(known.of, f)) return known.text;
  return undefined;
}

function remember(of: Texts, name: string, f: IntentFields, text: string): string {
  // R6: an unknown tool's name can be as long as a request.
  const { tool, client, method, session } = f;
  if (tool.length + client.length + method.length + session.length > textMax) return text;
  let kept = of.get(name);
  if (kept === undefined) {
    if (of.size >= namesKept) of.clear();
    kept = { texts: [], next: 0 };
    of.set(name, kept);
  }
  kept.texts[kept.next] = { of: f, text };
  kept.next = (kept.next + 1) % textsOfEach;
  return text;
}

function head(kind: string, at: number): string {
  return `{"v":1,"kind":"${kind}","at":${numberText(at)}`;
}

function list(rules: readonly string[]): string {
  if (rules.length === 0) return "[]";
  if (rules.length === 1) return `[${quote(rules[0] ?? "")}]`;
  return `[${rules.slice(0, limits.recordRules).map(quote).join(",")}]`;
}

/** Hex has nothing to escape. */
function putDigest(hex: string): void {
  if (hex.length !== 0 && hex.length !== 64) {
    writer.text(quote(hex));
    return;
  }
  writer.plain('"');
  writer.text(hex);
  writer.plain('"');
}

const textMax = limits.recordTextChars;

/** A JSON string. */
function quote(text: string): string {
  if (text === "") return '""';
  return JSON.stringify(text.length <= textMax ? text : text.slice(0, textMax));
}
