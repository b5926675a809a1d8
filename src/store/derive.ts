/**
 * The columns that lists and searches use, taken from a record's body. They are a convenience:
 * a body that says nothing usable gives nulls and never stops a batch (A10). So this reads member
 * by member and does not use the receipts' own decoder, which refuses a body as a whole.
 */

import { callKinds } from "../base/frame.ts";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";

/** Order is that of `derivedColumns`; text is storable in any database. */
export interface Derived {
  readonly at_ms: number | null;
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly method: string | null;
  readonly server: string | null;
  readonly tool: string | null;
  readonly effect: string | null;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly of_seq: number | null;
  readonly args_bytes: number | null;
  readonly result_bytes: number | null;
  readonly took_ms: number | null;
}

export const derivedColumns = [
  ...["at_ms", "key_id", "key_name", "method", "server", "tool", "effect", "rule"],
  ...["outcome", "code", "of_seq", "args_bytes", "result_bytes", "took_ms"],
] as readonly (keyof Derived)[];

export function derive(body: Uint8Array): Derived {
  const tree = parse(body);
  if (tree === undefined) return nothing;
  return {
    at_ms: time(member(tree, "at")),
    key_id: text(member(tree, "key")),
    key_name: text(member(tree, "key_name")),
    method: text(member(tree, "method")),
    server: text(member(tree, "server")),
    tool: text(member(tree, "tool")),
    effect: text(member(tree, "effect")),
    rule: text(member(tree, "rule")),
    outcome: text(member(tree, "outcome")),
    code: text(member(tree, "code")),
    of_seq: count(member(tree, "of")),
    args_bytes: count(member(tree, "args_bytes")),
    result_bytes: count(member(tree, "result_bytes")),
    took_ms: real(member(tree, "took_ms")) ?? decided(tree),
  };
}

/** The time of a call, as `derive` gives it, from its fixed place: the rest is not parsed. */
export function callTime(kind: string, body: Uint8Array): number | null {
  const start = callStarts.get(kind);
  const at = start === undefined ? -1 : numberAfter(body, 0, start);
  return at < 0 ? derive(body).at_ms : at;
}

/** seq of the intent that an outcome ends, in the same way. */
export function endedSeq(body: Uint8Array): number | null {
  const at = numberAfter(body, 0, outcomeStart);
  const of = at < 0 ? -1 : numberAfter(body, numberEnd, ofStart);
  return of < 0 ? derive(body).of_seq : of;
}

const encoder = new TextEncoder();
/** By the kinds of record that are a call, or the begin of one. */
const callStarts: ReadonlyMap<string, Uint8Array> = new Map(
  callKinds.map((kind) => [kind, encoder.encode(`{"v":1,"kind":"${kind}","at":`)]),
);
const outcomeStart = encoder.encode('{"v":1,"kind":"outcome","at":');
const ofStart = encoder.encode(',"of":');

/** Where the number ends that was read last: an object for both would be one a record. */
let numberEnd = 0;

/** The plain integer of at most 14 digits that stands behind a text and before a comma; else -1. */
function numberAfter(body: Uint8Array, from: number, start: Uint8Array): number {
  for (let at = 0; at < start.length; at += 1) if (body[from + at] !== start[at]) return -1;
  let value = 0;
  const first = from + start.length;
  for (let end = first; end < first + 15; end += 1) {
    const digit = (body[end] ?? 0) - 48;
    if (digit === comma - 48 && end > first) {
      numberEnd = end;
      return value;
    }
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return -1;
}

const comma = 44;

const nothing: Derived = {
  ...{ at_ms: null, key_id: null, key_name: null, method: null, server: null, tool: null },
  ...{ effect: null, rule: null, outcome: null, code: null },
  ...{ of_seq: null, args_bytes: null, result_bytes: null, took_ms: null },
};

function parse(body: Uint8Array): JsonObject | undefined {
  try {
    const tree: unknown = JSON.parse(decoder.decode(body));
    return isObject(tree) ? tree : undefined;
  } catch {
    // The body itself is kept byte for byte; only its columns stay empty.
    return undefined;
  }
}

const decoder = new TextDecoder();

/** Postgres text takes neither NUL nor lone surrogates (L2). "" is stored as null. */
function text(value: Json | undefined): string | null {
  if (typeof value !== "string" || value === "") return null;
  const short = value.length > limits.columnChars ? value.slice(0, limits.columnChars) : value;
  if (short.isWellFormed() && !short.includes("\0")) return short;
  return short.toWellFormed().replaceAll("\0", "\ufffd");
}

function count(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function real(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A refusal has no outcome record: it took what the decision took. */
function decided(tree: JsonObject): number | null {
  const us = real(member(tree, "decide_us"));
  return member(tree, "kind") === "refusal" && us !== null ? Math.round(us) / 1000 : null;
}

/** ms since 1970, inside what both databases can hold. */
function time(ms: Json | undefined): number | null {
  return typeof ms === "number" && ms >= 0 && ms < yearTenThousandMs ? Math.floor(ms) : null;
}

const yearTenThousandMs = 253_402_300_800_000;
