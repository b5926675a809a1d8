/** Conditions as a tree, and the one evaluator that both deciding and explaining use. */

import { type Brief, isBriefObject, LongText } from "../base/brief.ts";
import { type Json, type JsonObject, member } from "../base/json.ts";
import { limits } from "../base/limits.ts";
import type { ConditionTrace, Facts } from "./model.ts";
import { and, FALSE, not, TRUE, triName, UNKNOWN, type Value } from "./tri.ts";
import { hasTwin, type Name } from "./twin.ts";

export type Condition =
  | { readonly kind: "all"; readonly items: readonly Condition[] }
  | { readonly kind: "any"; readonly items: readonly Condition[] }
  | { readonly kind: "not"; readonly item: Condition }
  | Test;

export const roots = ["args", "key", "client", "claims", "request", "time"] as const;
export type Root = (typeof roots)[number];

/** Marks `[*]`: every element. */
export const EACH = Symbol("[*]");

export interface Path {
  readonly text: string;
  readonly root: Root;
  readonly steps: readonly (Name | typeof EACH)[];
  /** Written with `?` at the end. */
  readonly optional: boolean;
}

/** One operator on one path. */
export interface Test {
  readonly kind: "test";
  readonly path: Path;
  readonly operator: string;
  readonly check: Check;
  /** The answer where there is no value: unknown, true with `?`, definite for exists and absent. */
  readonly missing: Value;
  /** Steps per 64 characters of a string value. */
  readonly cost: number;
}

/** May leave a reason in `context.note` when the answer is unknown. */
export type Check = (value: Brief, context: Context) => Value;

/** One evaluation; made per decision, never kept. */
export interface Context {
  readonly facts: Facts;
  readonly key: JsonObject;
  readonly claims: JsonObject;
  /** Derived from nowMs at first use. */
  time: JsonObject | undefined;
  steps: number;
  /** The test at hand reads args, and a number in args is not what was written. */
  inexact: boolean;
  note: string | undefined;
  value: Json | undefined;
  readonly trace: ConditionTrace[] | undefined;
}

/** Deciding stops where the answer is settled; explaining goes on, at no cost in steps. */
export function evaluate(condition: Condition, context: Context): Value {
  switch (condition.kind) {
    case "test":
      return context.trace === undefined ? runTest(condition, context) : traced(condition, context);
    case "not":
      return not(evaluate(condition.item, context));
    case "all":
      return fold(condition.items, FALSE, context);
    case "any":
      return fold(condition.items, TRUE, context);
  }
}

/** `all` is settled by one false, `any` by one true. */
function fold(items: readonly Condition[], settling: Value, context: Context): Value {
  let result: Value = not(settling);
  for (const item of items) {
    if (result === settling) {
      if (context.trace === undefined) return result;
      aside(item, context);
      continue;
    }
    const one = evaluate(item, context);
    if (settling === FALSE ? one < result : one > result) result = one;
  }
  return result;
}

/** Evaluates for the trace only: what is settled must not be charged, or explain would differ. */
export function aside(condition: Condition, context: Context): void {
  const before = context.steps;
  context.steps = 0;
  evaluate(condition, context);
  context.steps = before;
}

function runTest(test: Test, context: Context): Value {
  if (context.steps > limits.policySteps) return tooMany(context);
  const root = test.path.root;
  context.inexact = root === "args" && context.facts.inexact === true;
  return walk(test, rootOf(root, context), 0, context);
}

function traced(test: Test, context: Context): Value {
  context.note = undefined;
  context.value = undefined;
  const result = runTest(test, context);
  const { note, value } = context;
  context.trace?.push({
    path: test.path.text,
    operator: test.operator,
    result: triName(result),
    ...(result === UNKNOWN && note !== undefined ? { note } : {}),
    ...(value !== undefined ? { value } : {}),
  });
  return result;
}

/** Follows the path from step `at`; own members only (P24). */
function walk(test: Test, value: Brief, at: number, context: Context): Value {
  const step = test.path.steps[at];
  if (step === undefined) return judge(test, value, context);
  if (step !== EACH) {
    const name = step.text;
    if (!isBriefObject(value))
      return unknown(context, `${typeName(value)} has no member "${name}"`);
    // Only args are read again, by the server; and it may fold their keys (P2, P3).
    if (test.path.root === "args" && hasTwin(value, step, context)) {
      return unknown(context, `another key of the object reads like "${name}"`);
    }
    const next = member(value, name);
    return next === undefined ? absent(test, context) : walk(test, next, at + 1, context);
  }
  if (!Array.isArray(value)) return unknown(context, `[*] wants an array, is ${typeName(value)}`);
  const elements = value as readonly Brief[];
  // No element is no value, never "all of none hold": that would let [] past a when or an unless.
  if (elements.length === 0) return absent(test, context);
  context.steps += elements.length >> 3;
  let result: Value = TRUE;
  for (const element of elements) {
    result = and(result, walk(test, element, at + 1, context));
    if (result === FALSE) return FALSE;
    if (context.steps > limits.policySteps) return tooMany(context);
  }
  return result;
}

function judge(test: Test, value: Brief, context: Context): Value {
  context.steps += 1;
  if (typeof value === "string" || value instanceof LongText)
    context.steps += (value.length >> 6) * test.cost;
  if (context.steps > limits.policySteps) return tooMany(context);
  const result = test.check(value, context);
  // The value that settles the answer is the one worth showing.
  if (context.trace !== undefined) context.value = isShown(value, context) ? value : undefined;
  return result;
}

function absent(test: Test, context: Context): Value {
  if (test.missing === UNKNOWN) context.note = "missing";
  return test.missing;
}

function tooMany(context: Context): Value {
  return unknown(context, "more steps than policySteps");
}

export function unknown(context: Context, note: string): Value {
  context.note = note;
  return UNKNOWN;
}

export function typeName(value: Brief): string {
  if (value === null) return "null";
  if (value instanceof LongText) return "string";
  return Array.isArray(value) ? "array" : typeof value;
}

/** No container, no long text, and no number that may not be the one that was written. */
function isShown(value: Brief, { inexact }: Context): value is null | boolean | number | string {
  return typeof value === "object" ? value === null : typeof value !== "number" || !inexact;
}

function rootOf(root: Root, context: Context): Brief {
  switch (root) {
    case "args":
      return context.facts.args;
    case "key":
      return context.key;
    case "client":
      return context.facts.client;
    case "claims":
      return context.claims;
    case "request":
      return context.facts.request;
    case "time":
      context.time ??= timeOf(context.facts.nowMs);
      return context.time;
  }
}

export const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

/** UTC. Without a usable time there are no members, so every condition on it is unknown. */
function timeOf(nowMs: number): JsonObject {
  const date = new Date(nowMs);
  if (Number.isNaN(date.getTime())) return {};
  return {
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    weekday: weekdays[date.getUTCDay()]!,
    date: date.toISOString().slice(0, 10),
  };
}
