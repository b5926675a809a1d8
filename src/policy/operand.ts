/** Operands and other values of a policy file; each tells its problem and gives undefined. */

import { RE2JS } from "re2js";
import { limits } from "../base/limits.ts";
import { parseRange, type Range } from "./ip.ts";
import { isExact } from "./number.ts";
import { pathPatternFault } from "./path.ts";
import { did, kindOf, members, problem, quote, type Reader } from "./reader.ts";
import type { Node } from "./tree.ts";
import type { UrlWants } from "./url.ts";

type Scalar = string | number | boolean;

export function string(node: Node, reader: Reader): string | undefined {
  if (node.kind === "scalar" && typeof node.value === "string") {
    if (node.value !== "") return node.value;
    return problem(reader, node.at, "The text is empty");
  }
  const fix = node.kind === "scalar" && node.value !== null ? "put it in quotes" : undefined;
  return problem(reader, node.at, `A text is wanted, this is ${kindOf(node)}`, fix);
}

export function boolean(node: Node, reader: Reader): boolean | undefined {
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  return problem(reader, node.at, `true or false is wanted, this is ${kindOf(node)}`);
}

/** A number that means exactly what is written. */
export function number(node: Node, reader: Reader): number | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "number") {
    return problem(reader, node.at, `A number is wanted, this is ${kindOf(node)}`);
  }
  if (isExact(node.source, node.value)) return node.value;
  return problem(
    reader,
    node.at,
    `The number ${quote(node.source)} cannot be compared exactly`,
    "write a plain decimal of at most 15 digits",
  );
}

/** A whole number from 0. */
export function count(node: Node, reader: Reader): number | undefined {
  const read = number(node, reader);
  if (read === undefined || (Number.isSafeInteger(read) && read >= 0)) return read;
  return problem(reader, node.at, `A whole number from 0 is wanted, this is ${kindOf(node)}`);
}

/** One value, as a list, so that eq and one_of are the same. */
export function scalar(node: Node, reader: Reader): readonly Scalar[] | undefined {
  if (node.kind !== "scalar") {
    const fix = node.kind === "list" ? "use one_of or none_of for a list" : undefined;
    return problem(reader, node.at, `A single value is wanted, this is ${kindOf(node)}`, fix);
  }
  if (node.value === null) {
    return problem(
      reader,
      node.at,
      "A value is wanted, this is empty",
      "for null use `type: null`",
    );
  }
  if (typeof node.value !== "number") return [node.value];
  const read = number(node, reader);
  return read === undefined ? undefined : [read];
}

export function scalars(node: Node, reader: Reader): readonly Scalar[] | undefined {
  return list(node, reader, (item) => scalar(item, reader)?.[0]);
}

/** One text or a list of them. */
export function strings(node: Node, reader: Reader): readonly string[] | undefined {
  if (node.kind !== "list") return one(string(node, reader));
  return list(node, reader, (item) => string(item, reader));
}

export function globs(node: Node, reader: Reader): readonly string[] | undefined {
  return patterns(node, reader, () => undefined, "glob");
}

export function paths(node: Node, reader: Reader): readonly string[] | undefined {
  return patterns(node, reader, pathPatternFault, "path pattern");
}

/** Whether the pattern is found anywhere in the text, by RE2: linear in the text (P8). */
export function re2(node: Node, reader: Reader): ((subject: string) => boolean) | undefined {
  const source = pattern(node, reader, () => undefined, "pattern");
  if (source === undefined) return undefined;
  try {
    const compiled = RE2JS.compile(source);
    return (subject) => compiled.test(subject);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const fix = "re2 knows no look-around and no back references";
    return problem(reader, node.at, `The pattern ${quote(source)} is not RE2: ${why}`, fix);
  }
}

export function ranges(node: Node, reader: Reader): readonly Range[] | undefined {
  const read = (item: Node): Range | undefined => {
    const text = string(item, reader);
    if (text === undefined) return undefined;
    const range = parseRange(text);
    if (range.ok) return range.value;
    return problem(reader, item.at, `The range ${quote(text)} ${range.error}`);
  };
  if (node.kind === "list") return list(node, reader, read);
  return one(read(node));
}

const typeNames = ["string", "number", "integer", "boolean", "null", "array", "object"];

export function types(node: Node, reader: Reader): readonly string[] | undefined {
  const read = (item: Node): string | undefined => {
    // YAML reads a bare null as no value; here it can only mean the type.
    if (item.kind === "scalar" && item.value === null && item.source === "null") return "null";
    return choice(item, typeNames, "type", reader);
  };
  if (node.kind === "list") return list(node, reader, read);
  return one(read(node));
}

/** A text that must be one of a few. */
export function choice(
  node: Node,
  known: readonly string[],
  what: string,
  reader: Reader,
): string | undefined {
  const text = string(node, reader);
  if (text === undefined || known.includes(text)) return text;
  return problem(reader, node.at, `There is no ${what} ${quote(text)}`, did(text, known));
}

export function choices(
  node: Node,
  known: readonly string[],
  what: string,
  reader: Reader,
): readonly string[] | undefined {
  return list(node, reader, (item) => choice(item, known, what, reader));
}

const urlKeys = ["scheme", "host", "port", "private", "path"];

export function url(node: Node, reader: Reader): UrlWants | undefined {
  const before = reader.problems.length;
  const found = members(node, urlKeys, "url", reader);
  if (found === undefined) return undefined;
  const { size } = found;
  if (size === 0 && reader.problems.length === before) {
    return problem(reader, node.at, "url asks for nothing", `give one of: ${urlKeys.join(", ")}`);
  }
  const wants: { -readonly [K in keyof UrlWants]: UrlWants[K] } = {};
  const read = <K extends keyof UrlWants>(
    key: K,
    of: (node: Node, reader: Reader) => UrlWants[K] | undefined,
  ): void => {
    const entry = found.get(key);
    const value = entry && of(entry.value, reader);
    if (value !== undefined) wants[key] = value;
  };
  read("scheme", lower);
  read("host", lower);
  read("port", ports);
  read("private", boolean);
  read("path", paths);
  return reader.problems.length === before ? wants : undefined;
}

/** Schemes and hosts are lower case in a parsed URL, so another spelling would never match. */
function lower(node: Node, reader: Reader): readonly string[] | undefined {
  const fault = (text: string): string | undefined =>
    text === text.toLowerCase() && !text.includes(":") && !text.includes("/")
      ? undefined
      : "must be lower case, without : and /";
  return patterns(node, reader, fault, "name");
}

function ports(node: Node, reader: Reader): readonly number[] | undefined {
  if (node.kind === "list") return list(node, reader, (item) => count(item, reader));
  return one(count(node, reader));
}

/** At least one item, all good. */
export function list<T>(
  node: Node,
  reader: Reader,
  read: (item: Node) => T | undefined,
): readonly T[] | undefined {
  if (node.kind !== "list")
    return problem(reader, node.at, `A list is wanted, this is ${kindOf(node)}`);
  if (node.items.length === 0) return problem(reader, node.at, "The list is empty");
  const values: T[] = [];
  for (const item of node.items) {
    const value = read(item);
    if (value !== undefined) values.push(value);
  }
  return values.length === node.items.length ? values : undefined;
}

export function patterns(
  node: Node,
  reader: Reader,
  fault: (pattern: string) => string | undefined,
  what: string,
): readonly string[] | undefined {
  if (node.kind !== "list") return one(pattern(node, reader, fault, what));
  return list(node, reader, (item) => pattern(item, reader, fault, what));
}

function pattern(
  node: Node,
  reader: Reader,
  fault: (pattern: string) => string | undefined,
  what: string,
): string | undefined {
  const text = string(node, reader);
  if (text === undefined) return undefined;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > limits.patternBytes) {
    return problem(reader, node.at, `The ${what} is over ${limits.patternBytes} bytes`);
  }
  const wrong = holdsControl(text) ? "must not hold control characters" : fault(text);
  if (wrong === undefined) return text;
  return problem(reader, node.at, `The ${what} ${quote(text)} ${wrong}`);
}

function holdsControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) < 32) return true;
  return false;
}

function one<T>(value: T | undefined): readonly T[] | undefined {
  return value === undefined ? undefined : [value];
}
