/** What a rule is about: globs over tools, resources, prompts and methods; any may match. */

import { compileGlobs, type Matcher } from "../base/glob.ts";
import { limits } from "../base/limits.ts";
import { globCovers, type UriTemplate } from "../base/uri-template.ts";
import type { Target, TargetKind } from "./model.ts";
import { decodeOnce, resolve } from "./path.ts";
import { agree, FALSE, TRUE, UNKNOWN, type Value, value } from "./tri.ts";

export interface TargetGlobs {
  readonly tools: readonly string[];
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
  readonly methods: readonly string[];
}

export interface TargetMatcher {
  /** As they were written. */
  readonly globs: TargetGlobs;
  matches(target: Target): Value;
}

/** The method by which a named target is reached; `methods` globs cover it through that name. */
const methodOf: Readonly<Record<Exclude<TargetKind, "method">, string>> = {
  tool: "tools/call",
  resource: "resources/read",
  prompt: "prompts/get",
};

export function compileTargets(globs: TargetGlobs): TargetMatcher {
  const byMethod = compileGlobs(globs.methods);
  const tools = compileGlobs(globs.tools);
  const prompts = compileGlobs(globs.prompts);
  const resources = compileGlobs(globs.resources);
  return {
    globs,
    matches({ kind, name, template }) {
      if (kind === "method") return value(byMethod(name));
      if (byMethod(methodOf[kind])) return TRUE;
      if (kind === "tool") return value(tools(name));
      if (kind === "prompt") return value(prompts(name));
      if (template !== undefined) return templateMatched(globs.resources, template);
      return globs.resources.length === 0 ? FALSE : resourceMatches(resources, name);
    },
  };
}

/** Unknown: some of its URIs. */
function templateMatched(globs: readonly string[], template: UriTemplate): Value {
  const covered = globs.map((glob) => globCovers(glob, template));
  if (covered.includes("all")) return TRUE;
  return covered.includes("some") ? UNKNOWN : FALSE;
}

/** As it stands, as the URL standard reads it, and decoded: all must agree (P22). */
function resourceMatches(matches: Matcher, uri: string): Value {
  const known = readingsOf(uri);
  if (known === undefined) return UNKNOWN;
  const result = agree(value(matches(uri)), value(matches(known.href)));
  return known.plain === undefined ? result : agree(result, value(matches(known.plain)));
}

interface Readings {
  readonly href: string;
  /** Decoded and without `.` and `..`; undefined where that says nothing new. */
  readonly plain: string | undefined;
}

/** Every rule is asked about one target after the other: the last one is not read anew. */
let last: { readonly uri: string; readonly readings: Readings | undefined } | undefined;

function readingsOf(uri: string): Readings | undefined {
  if (last?.uri !== uri) last = { uri, readings: read(uri) };
  return last.readings;
}

/** undefined: readers differ, or it is too long to say. */
function read(uri: string): Readings | undefined {
  if (uri.length > limits.subjectBytes || holdsOdd(uri)) return undefined;
  const url = URL.parse(uri);
  if (url === null) return undefined;
  const { href } = url;
  if (!uri.includes("%") && !uri.includes("..")) return { href, plain: undefined };
  const decoded = decodeOnce(uri);
  if (decoded === undefined || holdsOdd(decoded)) return undefined;
  const colon = decoded.indexOf(":");
  return { href, plain: decoded.slice(0, colon + 1) + resolved(decoded.slice(colon + 1)) };
}

/** The part after the scheme without `.` and `..`, its leading slashes kept. */
function resolved(rest: string): string {
  let slashes = 0;
  while (rest[slashes] === "/") slashes += 1;
  const tail = rest.endsWith("/") ? "/" : "";
  return rest.slice(0, slashes) + resolve(rest.slice(slashes)).join("/") + tail;
}

/** Control characters, outer spaces, backslashes: different parsers read them differently. */
function holdsOdd(text: string): boolean {
  if (text !== text.trim()) return true;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 32 || code === 92 || (code >= 127 && code < 160)) return true;
  }
  return false;
}
