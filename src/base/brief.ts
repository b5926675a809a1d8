/**
 * JSON in which some long texts are told by their length only. No rule may read more than
 * limits.subjectBytes of a text, and to decode a megabyte for it is an eighth of what a call costs.
 */

import type { Json } from "./json.ts";

export type Brief = null | boolean | number | string | LongText | readonly Brief[] | BriefObject;

/** What is JSON is brief too. */
export interface BriefObject {
  readonly [key: string]: Brief;
}

/** An ASCII text of more than limits.subjectBytes, so that bytes, units and code points are one. */
export class LongText {
  readonly length: number;
  /** Its first byte in the body that it is of. */
  readonly start: number;

  constructor(start: number, length: number) {
    this.start = start;
    this.length = length;
  }
}

export function isBriefObject(value: Brief): value is BriefObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof LongText)
  );
}

/** Puts the texts in, in place: the tree is plain JSON after it. */
export function fillBrief(tree: BriefObject, text: (long: LongText) => string): void {
  fill(tree as Record<string, Brief>);

  function fill(container: Record<string, Brief> | Brief[]): void {
    if (Array.isArray(container)) {
      for (const [index, value] of container.entries()) container[index] = filled(value);
      return;
    }
    for (const key in container) {
      const value = container[key] as Brief;
      if (value instanceof LongText) container[key] = text(value);
      else filled(value);
    }
  }

  function filled(value: Brief): Json | Brief {
    if (value instanceof LongText) return text(value);
    if (typeof value === "object" && value !== null) fill(value as Record<string, Brief>);
    return value;
  }
}
