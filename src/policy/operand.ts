/** Operands and other values of a policy file; each tells its problem and gives undefined. */

import { limits } from "../base/limits.ts";
import { isExact } from "./number.ts";
import { pathPatternFault } from "./path.ts";
import { did, kindOf, problem, quote, type Reader } from "./reader.ts";
import type { Node } from "./tree.ts";

type Scalar = string | number | boolean;

export function string(node: Node, reader: Reader): string | undefined {
  if (node.kind === "scalar" && typeof node.value === "string") {
    if (node.value !== "") return node.value;
    return problem(reader, node.at, "The text is empty", "write it, or leave the key out");
  }
  const isOther = node.kind === "scalar" && node.value !== null;
  const fix = isOther ? "put it in quotes" : "write one text, or leave the key out";
  return problem(reader, node.at, `A text is wanted, this is ${kindOf(node)}`, fix);
}

export function boolean(node: Node, reader: Reader): boolean | undefined {
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  const message = `true or false is wanted, this is ${kindOf(node)}`;
  return problem(reader, node.at, message, "write true or false, without quotes");
}

/** A number that means exactly what is written. */
export function number(node: Node, reader: Reader): number | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "number") {
    const fix = "write a number, without quotes";
    return problem(reader, node.at, `A number is wanted, this is ${kindOf(node)}`, fix);
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

/** At least one item, all good. `unused`: what to do about one that is empty. */
export function list<T>(
  node: Node,
  reader: Reader,
  read: (item: Node) => T | undefined,
  unused = "put something into it, or leave the key out",
): readonly T[] | undefined {
  if (node.kind !== "list") {
    const isOne = node.kind === "scalar" && node.value !== null;
    const fix = isOne ? `write [${quote(String(node.value))}]` : 'write a list, as in ["a", "b"]';
    return problem(reader, node.at, `A list is wanted, this is ${kindOf(node)}`, fix);
  }
  if (node.items.length === 0) return problem(reader, node.at, "The list is empty", unused);
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

export function pattern(
  node: Node,
  reader: Reader,
  fault: (pattern: string) => string | undefined,
  what: string,
): string | undefined {
  const text = string(node, reader);
  if (text === undefined) return undefined;
  // A code unit is at most 3 bytes of UTF-8, so most need no counting.
  const mayBeLong = text.length * 3 > limits.patternBytes;
  if (mayBeLong && new TextEncoder().encode(text).length > limits.patternBytes) {
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

export function one<T>(value: T | undefined): readonly T[] | undefined {
  return value === undefined ? undefined : [value];
}
