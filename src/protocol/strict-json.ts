/**
 * JSON that every parser reads alike (P1 to P5, P11, R2 to R4), with its bytes kept.
 *
 * Two readers must agree. `scan` walks the bytes and counts; JSON.parse judges the grammar and
 * makes the tree. JSON.parse keeps one of two duplicate keys, so as many keys in the tree as
 * members in the bytes proves that there are none, escaped spellings included. Only this proof is
 * needed for bodies of any spelling (spaces, escapes, 1.0), and it costs less than JSON.stringify
 * and a comparison.
 */

import { Buffer } from "node:buffer";
import type { BriefObject } from "../base/brief.ts";
import { cut } from "../base/cut.ts";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import { no, ok, type Result } from "../base/result.ts";
import { withoutControls } from "./known-keys.ts";
import { fillLong, fillRuns, withoutRuns } from "./long-texts.ts";
import type { MemberSpan, StrictBody } from "./message.ts";
import { markSize, type Scan, scan } from "./scan.ts";

export interface JsonBounds {
  /** Nesting, the root counts as 1. */
  readonly depth: number;
  /** Values of every kind, keys not counted. */
  readonly values: number;
  /** UTF-8 bytes of one key after unescaping. */
  readonly keyBytes: number;
}

export interface JsonProblem {
  readonly code: "GW_JSON" | "GW_JSON_LIMIT";
  /** Safe to show: holds nothing of the body. */
  readonly message: string;
  /** Set when the text is good JSON but not an object, so that batches can be told apart (F19). */
  readonly root?: "array" | "scalar";
}

/**
 * Reads what a client sends. Numbers are kept as bytes; `inexact` tells when the tree rounds one.
 */
export function readStrict(bytes: Uint8Array, bounds: JsonBounds): Result<StrictBody, JsonProblem> {
  const found = scan(bytes, bounds);
  if (found.over !== undefined) return no(overSetting(found.over, bounds));
  // Without an escape in any string nothing but a cut can put a mark into the tree.
  const runs = found.odd ? none : found.runs;
  const root = parse(bytes, runs);
  if (root instanceof Unread) return no(root.problem);
  if (!isObject(root)) return no(notObject(root));
  if (found.infinite) return no(bad("a number is too large for any double"));
  walk.odd = found.odd;
  walk.keyBytes = bounds.keyBytes;
  walk.keys = 0;
  walk.problem = undefined;
  walkObject(root);
  if (walk.problem !== undefined) return no(walk.problem);
  if (walk.keys !== found.members) return no(bad("an object has the same key twice"));
  const body = new Body(bytes, root, found);
  if (runs.length > 0) fill(body, runs);
  return ok(body);
}

/** Depth, values of one answer of a server; only the root must be unambiguous (U21). */
const upstreamBounds = { depth: limits.resultDepth, values: limits.resultValues } as const;

/**
 * Reads an answer of a server: valid UTF-8, valid JSON, an object with unambiguous root members.
 * Below the root the bytes are the server's own and kept, duplicate keys too: `span` then gives the
 * last one, which is the one in `value`. With `cut`, texts of a result of more than some kB are cut
 * short in `value`: for answers whose bytes are passed on.
 */
export function readUpstream(
  bytes: Uint8Array,
  cut = false,
  bounds: { readonly depth: number; readonly values: number } = upstreamBounds,
): Result<StrictBody, JsonProblem> {
  const found = scan(bytes, bounds);
  if (found.over !== undefined) return no(overLimit(found.over, bounds));
  let root = parse(bytes, cut ? found.runs : none);
  if (root instanceof Unread) return no(root.problem);
  if (!isObject(root)) return no(notObject(root));
  // An error's words and a notification's are read, and written anew.
  if (cut && found.runs.length > 0 && !Object.hasOwn(root, "result")) root = parse(bytes, none);
  if (root instanceof Unread || !isObject(root)) return no(bad("not JSON"));
  let members = 0;
  for (let at = 0; at < found.marked; at += markSize) {
    if (found.marks[at] === 1) members += 1;
  }
  for (const _key in root) members -= 1;
  if (members !== 0) return no(bad("the answer has the same member twice"));
  return ok(new Body(bytes, root, found));
}

/** The members of the one object that `bytes` are; they must be valid JSON already. */
export function membersOf(bytes: Uint8Array): readonly MemberSpan[] {
  const found = scan(bytes, { depth: Number.MAX_SAFE_INTEGER, values: Number.MAX_SAFE_INTEGER });
  return listMembers(bytes, found.marks.slice(0, found.marked), found.odd, undefined);
}

// ignoreBOM: true keeps the mark in the text, where JSON.parse refuses it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const decode = (bytes: Uint8Array): string => utf8.decode(bytes);
const none: readonly number[] = [];

/** Why there is no tree. */
class Unread {
  readonly problem: JsonProblem;

  constructor(problem: JsonProblem) {
    this.problem = problem;
  }
}

/** Of the runs that were cut out of what was parsed last. */
let ascii: readonly boolean[] = [];

function parse(bytes: Uint8Array, runs: readonly number[]): Json | Unread {
  let text: string | undefined;
  try {
    if (runs.length > 0) {
      const shortened = withoutRuns(bytes, runs, decode);
      text = shortened?.text;
      ascii = shortened?.ascii ?? [];
    }
    text ??= utf8.decode(bytes);
  } catch {
    return new Unread(bad("the body is not UTF-8"));
  }
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The parser's own words quote the body and differ between runtimes.
    const mark = bytes[0] === 0xef;
    return new Unread(bad(mark ? "the body starts with a byte order mark" : "not JSON"));
  }
}

/** Arguments have all their texts for whoever reads them in params; policy reads `brief`. */
function fill(body: Body, runs: readonly number[]): void {
  const params = member(body.value, "params");
  const args = isObject(params) ? member(params, "arguments") : undefined;
  const brief = isObject(args) ? args : undefined;
  if (!fillRuns(body.value, body.bytes, { runs, ascii }, decode, brief)) return;
  body.brief = brief;
  Object.defineProperty(params, "arguments", {
    ...{ configurable: true, enumerable: true },
    get() {
      fillLong(brief as BriefObject, body.bytes);
      Object.defineProperty(params, "arguments", { value: brief });
      return brief;
    },
  });
}

/** Of the tree that is being walked; one object, as each message takes one. */
const walk = { odd: false, keyBytes: 0, keys: 0, problem: undefined as JsonProblem | undefined };

/** Recursive, but no deeper than the bound that the scan has checked. */
function walkObject(object: JsonObject): void {
  for (const key in object) {
    walk.keys += 1;
    if (key === "__proto__") walk.problem = bad("an object has the key __proto__");
    // A UTF-16 unit is at most three bytes.
    if (key.length * 3 > walk.keyBytes && Buffer.byteLength(key) > walk.keyBytes) {
      walk.problem = limit(`a key is longer than ${walk.keyBytes} bytes`);
    }
    if (walk.odd) checkKey(object, key);
    walkValue(object[key] as Json);
  }
}

function walkValue(value: Json): void {
  if (typeof value === "object") {
    if (Array.isArray(value)) for (const element of value) walkValue(element);
    else if (value !== null) walkObject(value as JsonObject);
  } else if (walk.odd && typeof value === "string" && !value.isWellFormed()) {
    walk.problem = bad("a string holds half of a surrogate pair");
  }
}

function checkKey(object: JsonObject, key: string): void {
  if (!key.isWellFormed()) walk.problem = bad("a key holds half of a surrogate pair");
  const plain = withoutControls(key);
  if (plain === key) return;
  // Parsers that stop at NUL or drop control characters would take the two for one (P3).
  const cut = key.slice(0, Math.max(0, key.indexOf("\0")));
  if (Object.hasOwn(object, plain) || (cut !== "" && Object.hasOwn(object, cut))) {
    walk.problem = bad("two keys of an object differ in control characters only");
  }
}

/** One object a message, as this is the data path: with a closure a method it took five. */
class Body implements StrictBody {
  readonly bytes: Uint8Array;
  readonly value: JsonObject;
  readonly inexact: boolean;
  release: (() => void) | undefined = undefined;
  brief: BriefObject | undefined = undefined;
  readonly #odd: boolean;
  readonly #marks: readonly number[];

  constructor(bytes: Uint8Array, value: JsonObject, found: Readonly<Scan>) {
    this.bytes = bytes;
    this.value = value;
    this.inexact = found.inexact;
    this.#odd = found.odd;
    this.#marks = found.marks.slice(0, found.marked);
  }

  members(inside?: "params" | "result"): readonly MemberSpan[] {
    return listMembers(this.bytes, this.#marks, this.#odd, inside);
  }

  span(key: string, inside?: "params" | "result"): readonly [number, number] | undefined {
    const mark = this.#find(key, inside);
    return mark === -1 ? undefined : [this.#marks[mark + 3]!, this.#marks[mark + 4]!];
  }

  part(key: string, inside?: "params" | "result"): Uint8Array | undefined {
    const mark = this.#find(key, inside);
    if (mark === -1) return undefined;
    return cut(this.bytes, this.#marks[mark + 3]!, this.#marks[mark + 4]!);
  }

  saysInteger(key: string, value: number): boolean {
    const mark = this.#find(key, undefined);
    if (mark === -1) return false;
    const start = this.#marks[mark + 3]!;
    let at = this.#marks[mark + 4]! - 1;
    let left = Math.abs(value);
    do {
      if (at < start || this.bytes[at] !== 0x30 + (left % 10)) return false;
      at -= 1;
      left = Math.floor(left / 10);
    } while (left > 0);
    if (value < 0 && this.bytes[at--] !== 0x2d) return false;
    return at === start - 1;
  }

  /** Index of the last such member's marks; -1 when absent. */
  #find(key: string, inside: string | undefined): number {
    const bytes = this.bytes;
    const marks = this.#marks;
    const odd = this.#odd;
    let at = inside === undefined ? 0 : -1;
    let last = -1;
    for (let mark = 0; mark < marks.length; mark += markSize) {
      const outer = marks[mark] === 1;
      if (inside === undefined ? !outer : outer) {
        // A root member: are the marks that follow it the wanted ones?
        if (inside !== undefined) at = isKey(bytes, marks, mark, inside, odd) ? mark : -1;
        continue;
      }
      if (at !== -1 && isKey(bytes, marks, mark, key, odd)) last = mark;
    }
    return last;
  }
}

function listMembers(
  bytes: Uint8Array,
  marks: readonly number[],
  odd: boolean,
  inside: string | undefined,
): readonly MemberSpan[] {
  const members: MemberSpan[] = [];
  let wanted = inside === undefined;
  for (let mark = 0; mark < marks.length; mark += markSize) {
    const outer = marks[mark] === 1;
    if (outer && inside !== undefined) wanted = isKey(bytes, marks, mark, inside, odd);
    if (wanted && outer === (inside === undefined)) {
      const start = marks[mark + 1] as number;
      members.push({
        key: keyText(bytes, start, marks[mark + 2] as number),
        start,
        valueStart: marks[mark + 3] as number,
        end: marks[mark + 4] as number,
      });
    }
  }
  return members;
}

/**
 * `key` is printable ASCII without a backslash, so unless the bytes hold an escape they must equal
 * it.
 */
function isKey(
  bytes: Uint8Array,
  marks: readonly number[],
  mark: number,
  key: string,
  odd: boolean,
): boolean {
  const start = marks[mark + 1] as number;
  const end = marks[mark + 2] as number;
  if (end - start === key.length + 2) {
    let at = 0;
    while (at < key.length && bytes[start + 1 + at] === key.charCodeAt(at)) at += 1;
    if (at === key.length) return true;
  }
  return odd && bytes.subarray(start, end).includes(0x5c) && keyText(bytes, start, end) === key;
}

function keyText(bytes: Uint8Array, start: number, end: number): string {
  return JSON.parse(utf8.decode(bytes.subarray(start, end))) as string;
}

function bad(message: string): JsonProblem {
  return { code: "GW_JSON", message };
}

function limit(message: string): JsonProblem {
  return { code: "GW_JSON_LIMIT", message };
}

/** Of a client's: the bounds are the config's. */
function overSetting(over: "depth" | "values", { depth, values }: JsonBounds): JsonProblem {
  if (over === "depth") return limit(`the body nests deeper than limits.json_depth, ${depth}`);
  return limit(`the body holds more values than limits.json_values, ${values}`);
}

function overLimit(
  over: "depth" | "values",
  bounds: { readonly depth: number; readonly values: number },
): JsonProblem {
  if (over === "depth") return limit(`the body nests deeper than ${bounds.depth}`);
  return limit(`the body holds more than ${bounds.values} values`);
}

function notObject(root: Json): JsonProblem {
  const array = Array.isArray(root);
  return {
    code: "GW_JSON",
    message: array ? "the body is an array; batches are not taken" : "the body is not an object",
    root: array ? "array" : "scalar",
  };
}
