/**
 * Absolute POSIX paths (P21). A value is read as it stands and percent-decoded once; where the two
 * readings differ in the answer, the answer is unknown. Symbolic links are the server's business.
 */

import { globMatches } from "../base/glob.ts";
import { agree, UNKNOWN, type Value, value } from "./tri.ts";

/** Why a pattern is not one, or undefined. */
export function pathPatternFault(pattern: string): string | undefined {
  if (!pattern.startsWith("/")) return "must begin with /";
  if (pattern.includes("\\")) return "must not hold a backslash";
  if (pattern === "/") return undefined;
  for (const segment of pattern.slice(1).split("/")) {
    if (segment === "") return "must not hold an empty segment (// or a / at the end)";
    if (segment === "." || segment === "..") return "must not hold . or .. as a segment";
    if (segment !== "**" && segment.includes("**")) return "must have ** as a whole segment";
  }
  return undefined;
}

export function compilePaths(patterns: readonly string[]): (text: string) => Value {
  const compiled = patterns.map((pattern) => (pattern === "/" ? [] : pattern.slice(1).split("/")));
  const matches = (segments: readonly string[]): boolean =>
    compiled.some((pattern) => segmentsMatch(pattern, segments));
  return (text) => {
    if (!readable(text)) return UNKNOWN;
    const asIs = value(matches(resolve(text)));
    if (!text.includes("%")) return asIs;
    const decoded = decodeOnce(text);
    if (decoded === undefined || !readable(decoded)) return UNKNOWN;
    return agree(asIs, value(matches(resolve(decoded))));
  };
}

/** Absolute, without NUL and without what another system takes for a separator. */
function readable(text: string): boolean {
  return text.startsWith("/") && !text.includes("\0") && !text.includes("\\");
}

/** Undefined when it is not UTF-8 or would change again if decoded twice. */
export function decodeOnce(text: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    return undefined;
  }
  return holdsEscape(decoded) ? undefined : decoded;
}

function holdsEscape(text: string): boolean {
  for (let at = text.indexOf("%"); at !== -1; at = text.indexOf("%", at + 1)) {
    if (isHex(text.charCodeAt(at + 1)) && isHex(text.charCodeAt(at + 2))) return true;
  }
  return false;
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 102);
}

/** Segments without empty ones, `.` and `..`; `..` above the root stays there, as POSIX says. */
export function resolve(path: string): readonly string[] {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments;
}

/** `**` is any number of segments, also none: `/srv/**` holds for /srv itself. */
function segmentsMatch(pattern: readonly string[], segments: readonly string[]): boolean {
  let p = 0;
  let s = 0;
  let afterStars = -1;
  let retry = 0;
  while (s < segments.length) {
    const wanted = pattern[p];
    if (wanted === "**") {
      afterStars = ++p;
      retry = s;
    } else if (wanted !== undefined && segmentMatches(wanted, segments[s]!)) {
      p += 1;
      s += 1;
    } else if (afterStars !== -1) {
      p = afterStars;
      s = ++retry;
    } else return false;
  }
  while (pattern[p] === "**") p += 1;
  return p === pattern.length;
}

function segmentMatches(pattern: string, segment: string): boolean {
  return pattern === segment || globMatches(pattern, segment);
}
