/** What the readers of one file share: where problems go, and reading maps without unknown keys. */

import { nearest } from "../base/nearest.ts";
import type { Path } from "./condition.ts";
import type { PolicyProblem } from "./model.ts";
import type { Operators } from "./operators.ts";
import type { At, Entry, MapNode, Node } from "./tree.ts";

export interface Reader extends Telling {
  /** Those it knows. */
  readonly operators: Operators;
  /** Those that were read, by their text: few paths come in many rules. */
  readonly paths: Map<string, Path>;
}

export interface Telling {
  readonly file: string;
  readonly problems: PolicyProblem[];
}

export function problem(reader: Telling, at: At, message: string, fix?: string): undefined {
  const { line, column } = at;
  const detail = fix === undefined ? {} : { fix };
  reader.problems.push({ code: "GW_POLICY", message, file: reader.file, line, column, ...detail });
  return undefined;
}

/** Values quoted for a message, long ones cut. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

export function did(name: string, known: readonly string[]): string | undefined {
  const near = nearest(name, known);
  return near === undefined ? `use one of: ${known.join(", ")}` : `did you mean ${quote(near)}?`;
}

/** The members of a map whose keys must all be known; undefined when it is no map. */
export function members(
  node: Node,
  known: readonly string[],
  what: string,
  reader: Reader,
): ReadonlyMap<string, Entry> | undefined {
  const map = asMap(node, what, reader);
  if (map === undefined) return undefined;
  const found = new Map<string, Entry>();
  for (const entry of map.entries) {
    if (known.includes(entry.key)) found.set(entry.key, entry);
    else problem(reader, entry.at, `${what} has no key ${quote(entry.key)}`, did(entry.key, known));
  }
  return found;
}

export function asMap(node: Node, what: string, reader: Reader): MapNode | undefined {
  if (node.kind === "map") return node;
  return problem(reader, node.at, `${what} must be a map of keys, is ${kindOf(node)}`);
}

export function kindOf(node: Node): string {
  if (node.kind !== "scalar") return `a ${node.kind}`;
  return node.value === null ? "empty" : `the ${typeof node.value} ${quote(String(node.value))}`;
}
