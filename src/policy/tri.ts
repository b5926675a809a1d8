/** Kleene's three values. As numbers `and` is the minimum, `or` the maximum, `not` is 2 - x. */

import type { Tri } from "./model.ts";

export type Value = 0 | 1 | 2;
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

export function value(condition: boolean): Value {
  return condition ? TRUE : FALSE;
}

export function not(of: Value): Value {
  return of === TRUE ? FALSE : of === FALSE ? TRUE : UNKNOWN;
}

export function and(a: Value, b: Value): Value {
  return a < b ? a : b;
}

/** What several readings of one thing say together: their answer, or unknown if they differ. */
export function agree(a: Value, b: Value): Value {
  return a === b ? a : UNKNOWN;
}

export function triName(of: Value): Tri {
  return of === TRUE ? "true" : of === FALSE ? "false" : "unknown";
}
