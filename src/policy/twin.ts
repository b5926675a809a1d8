/**
 * Twins of a name that a condition reads. Servers in Go match keys without case, others drop
 * control characters or stop at NUL: they would take `Path` for the `path` that was decided on.
 */

import type { BriefObject } from "../base/brief.ts";
import { foldKey } from "../base/fold-key.ts";
import { limits } from "../base/limits.ts";

/** A name in a path, prepared so that most keys are told apart by their first character. */
export interface Name {
  readonly text: string;
  readonly folded: string;
  readonly ascii: boolean;
}

export function nameOf(text: string): Name {
  const folded = foldKey(text);
  return { text, folded, ascii: isAscii(folded) };
}

/**
 * Whether the object has a key that is not the name but folds to it. Charges the steps it takes;
 * past `policySteps` it says so of any key that would need folding, as all is unknown then.
 */
export function hasTwin(object: BriefObject, name: Name, charged: { steps: number }): boolean {
  let keys = 1;
  let found = false;
  for (const key in object) {
    keys += 1;
    if (key === name.text || isFarFrom(key, name)) continue;
    found = isAscii(key) ? isAsciiTwin(key, name) : isTwin(key, name, charged);
    if (found) break;
  }
  // A few keys take no time; the engine is ten times slower with the keys of a large object.
  charged.steps += keys < 64 ? keys / 8 : keys;
  return found;
}

/** Whether the first character alone says that this is no twin; cheap, and mostly enough. */
function isFarFrom(key: string, { folded, ascii }: Name): boolean {
  const first = key.charCodeAt(0);
  return ascii && first > 0x20 && first < 0x7f && lower(first) !== folded.charCodeAt(0);
}

/** As it stands without what is not seen, and as read up to its first NUL. */
function isTwin(key: string, { folded }: Name, charged: { steps: number }): boolean {
  // Folding is far slower than comparing, and grows with the key.
  charged.steps += 8 + (key.length >> 2);
  if (charged.steps > limits.policySteps) return true;
  if (foldKey(key) === folded) return true;
  const end = key.indexOf("\0");
  return end !== -1 && foldKey(key.slice(0, end)) === folded;
}

/** The same for ASCII keys, which fold to ASCII, without making strings. */
function isAsciiTwin(key: string, { folded, ascii }: Name): boolean {
  if (!ascii) return false;
  let same = 0;
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    if (code === 0 && same === folded.length && key.indexOf("\0") === at) return true;
    if (code <= 0x20 || code === 0x7f) continue;
    if (lower(code) !== folded.charCodeAt(same)) return false;
    same += 1;
  }
  return same === folded.length;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 32 : code;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}
