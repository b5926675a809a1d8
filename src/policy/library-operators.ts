/** Operators that need a library, which a policy without them does not load; and with them, all. */

import { RE2JS } from "re2js";
import type { Check } from "./condition.ts";
import { inRange, parseAddress, parseRange, type Range } from "./ip.ts";
import * as operand from "./operand.ts";
import { comparing, counting, type Operators, reading, text } from "./operators.ts";
import { members, problem, quote, type Reader } from "./reader.ts";
import type { Node } from "./tree.ts";
import { type Value, value } from "./tri.ts";
import { compileUrl, type UrlWants } from "./url.ts";

const withLibrary: Operators = {
  url: { cost: 4, read: (node, reader) => reading(url(node, reader), compileUrl) },
  cidr: { read: (node, reader) => cidr(ranges(node, reader)) },
  re2: { cost: 16, read: (node, reader) => text(re2(node, reader), (test) => test) },
};

/** In the order of docs/policy.md. */
export const operators: Operators = { ...comparing, ...withLibrary, ...counting };

function cidr(ranges: readonly Range[] | undefined): Check | undefined {
  return reading(ranges, contains, "is not an IP address in plain form");
}

function contains(ranges: readonly Range[]): (subject: string) => Value | undefined {
  return (subject) => {
    const address = parseAddress(subject);
    return address && value(ranges.some((range) => inRange(address, range)));
  };
}

/** Whether the pattern is found anywhere in the text, by RE2: linear in the text (P8). */
function re2(node: Node, reader: Reader): ((subject: string) => boolean) | undefined {
  const source = operand.pattern(node, reader, () => undefined, "pattern");
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

function ranges(node: Node, reader: Reader): readonly Range[] | undefined {
  const read = (item: Node): Range | undefined => {
    const text = operand.string(item, reader);
    if (text === undefined) return undefined;
    const range = parseRange(text);
    if (range.ok) return range.value;
    return problem(reader, item.at, `The range ${quote(text)} ${range.error}`);
  };
  if (node.kind === "list") return operand.list(node, reader, read);
  return operand.one(read(node));
}

const urlKeys = ["scheme", "host", "port", "private", "path"];

function url(node: Node, reader: Reader): UrlWants | undefined {
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
  read("private", operand.boolean);
  read("path", operand.paths);
  return reader.problems.length === before ? wants : undefined;
}

/** Schemes and hosts are lower case in a parsed URL, so another spelling would never match. */
function lower(node: Node, reader: Reader): readonly string[] | undefined {
  const fault = (text: string): string | undefined =>
    text === text.toLowerCase() && !text.includes(":") && !text.includes("/")
      ? undefined
      : "must be lower case, without : and /";
  return operand.patterns(node, reader, fault, "name");
}

function ports(node: Node, reader: Reader): readonly number[] | undefined {
  if (node.kind === "list")
    return operand.list(node, reader, (item) => operand.count(item, reader));
  return operand.one(operand.count(node, reader));
}
