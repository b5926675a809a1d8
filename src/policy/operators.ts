/**
 * The operators. Each reads its operand once, at load, and gives a check that never throws,
 * never coerces and answers unknown for a value of another type. docs/policy.md has the table.
 */

import { type Brief, LongText } from "../base/brief.ts";
import { compileGlobs } from "../base/glob.ts";
import { limits } from "../base/limits.ts";
import { type Check, type Context, typeName, unknown } from "./condition.ts";
import * as operand from "./operand.ts";
import { compilePaths } from "./path.ts";
import type { Reader } from "./reader.ts";
import type { Node } from "./tree.ts";
import { FALSE, not, TRUE, UNKNOWN, type Value, value } from "./tri.ts";

export interface Operator {
  /** Undefined when the operand was bad; the reader has the problem. */
  read(node: Node, reader: Reader): Check | undefined;
  /** The answer where the value is missing; unknown for all but exists and absent. */
  missing?(node: Node): Value;
  /** Steps per 64 characters of the value: 1 unless matching is slower than comparing. */
  readonly cost?: number;
}

/** By name. A reader is given those it may take: library-operators.ts has all. */
export type Operators = Readonly<Record<string, Operator>>;

export const comparing: Operators = {
  eq: { read: (node, reader) => equality(operand.scalar(node, reader), false) },
  ne: { read: (node, reader) => equality(operand.scalar(node, reader), true) },
  one_of: { read: (node, reader) => equality(operand.scalars(node, reader), false) },
  none_of: { read: (node, reader) => equality(operand.scalars(node, reader), true) },
  lt: { read: (node, reader) => order(operand.number(node, reader), (a, b) => a < b) },
  lte: { read: (node, reader) => order(operand.number(node, reader), (a, b) => a <= b) },
  gt: { read: (node, reader) => order(operand.number(node, reader), (a, b) => a > b) },
  gte: { read: (node, reader) => order(operand.number(node, reader), (a, b) => a >= b) },
  glob: { cost: 4, read: (node, reader) => text(operand.globs(node, reader), compileGlobs) },
  starts_with: { read: (node, reader) => some(node, reader, (t, part) => t.startsWith(part)) },
  ends_with: { read: (node, reader) => some(node, reader, (t, part) => t.endsWith(part)) },
  contains: {
    cost: 2,
    read(node, reader) {
      const part = operand.string(node, reader);
      return part === undefined
        ? undefined
        : text(part, (wanted) => (subject) => subject.includes(wanted));
    },
  },
  contains_any: {
    cost: 4,
    read: (node, reader) => some(node, reader, (t, part) => t.includes(part)),
  },
  path: { cost: 8, read: (node, reader) => reading(operand.paths(node, reader), compilePaths) },
};

export const counting: Operators = {
  length: {
    read: (node, reader) => size(operand.count(node, reader), (n, wanted) => n === wanted),
  },
  min_length: {
    read: (node, reader) => size(operand.count(node, reader), (n, least) => n >= least),
  },
  max_length: { read: (node, reader) => size(operand.count(node, reader), (n, most) => n <= most) },
  min_items: {
    read: (node, reader) => items(operand.count(node, reader), (n, least) => n >= least),
  },
  max_items: { read: (node, reader) => items(operand.count(node, reader), (n, most) => n <= most) },
  keys_only: { read: (node, reader) => keysOnly(operand.strings(node, reader)) },
  type: { read: (node, reader) => type(operand.types(node, reader)) },
  exists: {
    read: (node, reader) => constant(operand.boolean(node, reader)),
    missing: (node) => value(node.kind === "scalar" && node.value === false),
  },
  absent: {
    read: (node, reader) => constant(negated(operand.boolean(node, reader))),
    missing: (node) => value(node.kind === "scalar" && node.value === true),
  },
};

/** Those that need no library. */
export const plainOperators: Operators = { ...comparing, ...counting };

type Scalar = string | number | boolean;

/** A value of a type that the operand does not hold is mistyped, not merely different. */
function equality(wanted: readonly Scalar[] | undefined, negate: boolean): Check | undefined {
  if (wanted === undefined) return undefined;
  const types = new Set(wanted.map((one) => typeof one));
  const names = [...types].join(" or ");
  const only = wanted.length === 1 ? wanted[0] : undefined;
  const set = new Set<Brief>(wanted);
  return (actual, context) => {
    if (actual instanceof LongText && types.has("string")) return overLong(context);
    const actualType = typeof actual as "string";
    if (!types.has(actualType)) return wrong(context, names, actual);
    if (typeof actual === "number" && notExact(actual, context)) return UNKNOWN;
    if (typeof actual === "string" && tooLong(actual)) return overLong(context);
    const same = value(only === undefined ? set.has(actual) : actual === only);
    return negate ? not(same) : same;
  };
}

/** Plain comparison is exact here: number.ts says why. */
function order(
  bound: number | undefined,
  holds: (actual: number, bound: number) => boolean,
): Check | undefined {
  if (bound === undefined) return undefined;
  return (actual, context) => {
    if (typeof actual !== "number") return wrong(context, "number", actual);
    return notExact(actual, context) ? UNKNOWN : value(holds(actual, bound));
  };
}

/** A check on a string from a prepared operand. */
export function text<T>(
  prepared: T | undefined,
  compile: (prepared: T) => (subject: string) => boolean,
): Check | undefined {
  if (prepared === undefined) return undefined;
  const matches = compile(prepared);
  return (actual, context) => {
    if (typeof actual !== "string") return noText(context, actual);
    return tooLong(actual) ? overLong(context) : value(matches(actual));
  };
}

/** As `text`, for operators that first have to read the string. */
export function reading<T>(
  prepared: T | undefined,
  compile: (prepared: T) => (subject: string) => Value | undefined,
  otherwise = "has no single plain reading",
): Check | undefined {
  if (prepared === undefined) return undefined;
  const read = compile(prepared);
  return (actual, context) => {
    if (typeof actual !== "string") return noText(context, actual);
    if (tooLong(actual)) return overLong(context);
    const result = read(actual) ?? UNKNOWN;
    return result === UNKNOWN ? unknown(context, otherwise) : result;
  };
}

function some(
  node: Node,
  reader: Reader,
  holds: (subject: string, part: string) => boolean,
): Check | undefined {
  const compile = (parts: readonly string[]) => (subject: string) => {
    for (const part of parts) if (holds(subject, part)) return true;
    return false;
  };
  return text(operand.strings(node, reader), compile);
}

/** Lengths count code points. A string of any size has one, so the subject limit is not asked. */
function size(
  wanted: number | undefined,
  holds: (count: number, wanted: number) => boolean,
): Check | undefined {
  if (wanted === undefined) return undefined;
  return (actual, context) => {
    if (actual instanceof LongText) return value(holds(actual.length, wanted));
    if (typeof actual !== "string") return wrong(context, "string", actual);
    return value(holds(codePoints(actual, wanted), wanted));
  };
}

function items(
  wanted: number | undefined,
  holds: (count: number, wanted: number) => boolean,
): Check | undefined {
  if (wanted === undefined) return undefined;
  return (actual, context) => {
    if (!Array.isArray(actual)) return wrong(context, "array", actual);
    return value(holds(actual.length, wanted));
  };
}

function keysOnly(names: readonly string[] | undefined): Check | undefined {
  if (names === undefined) return undefined;
  const known = new Set(names);
  return (actual, context) => {
    if (typeName(actual) !== "object") return wrong(context, "object", actual);
    const keys = Object.keys(actual as object);
    context.steps += keys.length;
    return value(keys.every((key) => known.has(key)));
  };
}

function type(names: readonly string[] | undefined): Check | undefined {
  if (names === undefined) return undefined;
  const wanted = new Set(names);
  const integer = wanted.has("integer");
  return (actual, context) => {
    if (wanted.has(typeName(actual))) return TRUE;
    if (!integer || typeof actual !== "number") return FALSE;
    return notExact(actual, context) ? UNKNOWN : value(Number.isInteger(actual));
  };
}

function constant(of: boolean | undefined): Check | undefined {
  return of === undefined ? undefined : () => value(of);
}

function negated(of: boolean | undefined): boolean | undefined {
  return of === undefined ? undefined : !of;
}

function noText(context: Context, actual: Brief): Value {
  return actual instanceof LongText ? overLong(context) : wrong(context, "string", actual);
}

function wrong(context: Context, wanted: string, actual: Brief): Value {
  return unknown(context, `wants ${wanted}, is ${typeName(actual)}`);
}

function notExact(actual: number, context: Context): boolean {
  if (Number.isFinite(actual) && !context.inexact) return false;
  unknown(context, "a number in args is beyond exact comparison");
  return true;
}

function overLong(context: Context): Value {
  return unknown(context, `is over ${limits.subjectBytes} bytes`);
}

function tooLong(subject: string): boolean {
  // A code unit is 1 to 3 bytes of UTF-8, so nearly no string needs counting.
  const { length } = subject;
  if (length * 3 <= limits.subjectBytes) return false;
  return length > limits.subjectBytes || utf8Bytes(subject) > limits.subjectBytes;
}

export function utf8Bytes(of: string): number {
  let bytes = of.length;
  for (let index = 0; index < of.length; index++) {
    const code = of.charCodeAt(index);
    if (code >= 0x80) bytes += code < 0x800 ? 1 : isHigh(code) ? 2 : isLow(code) ? 0 : 2;
  }
  return bytes;
}

/**
 * Or a number on the same side of `wanted`: between half its units and all of them there is nothing
 * to count, which matters for a text of a megabyte under many rules.
 */
function codePoints(of: string, wanted: number): number {
  let count = of.length;
  if (wanted > count || wanted * 2 < count) return count;
  for (let index = 0; index < of.length; index++) if (isHigh(of.charCodeAt(index))) count -= 1;
  return count;
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}
