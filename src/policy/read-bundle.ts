/** Parsed policy files to a bundle, or every problem with its place. All or nothing. */

import { limits } from "../base/limits.ts";
import { nodeCrypto } from "../base/node-crypto.ts";
import { no, ok, type Result } from "../base/result.ts";
import { makePolicy } from "./bundle.ts";
import type { Policy, PolicyProblem } from "./model.ts";
import * as operand from "./operand.ts";
import { type Operators, utf8Bytes } from "./operators.ts";
import { checkId, effects, readRule, readShorthand } from "./read-rule.ts";
import { members, problem, quote, type Reader, type Telling } from "./reader.ts";
import type { Rule } from "./rule.ts";
import type { At, Node } from "./tree.ts";

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

/** Text to its tree; undefined when there is nothing to go on with. What is wrong is told. */
export type Parse = (
  text: string,
  complain: (at: At, message: string, fix?: string) => void,
) => Node | undefined;

/** Files merge into one bundle in which order means nothing. No files: see `noPolicy`. */
export function readBundle(
  files: readonly PolicyFile[],
  parse: Parse,
  operators: Operators,
): Result<Policy, readonly PolicyProblem[]> {
  if (files.length === 0) return ok(noPolicy());
  // Sorted, so that the order in which files are named changes neither hash nor deciding rule.
  const sorted = [...files].sort((a, b) => compare(a.name, b.name) || compare(a.text, b.text));
  const problems: PolicyProblem[] = [];
  const rules: Rule[] = [];
  for (const file of sorted) {
    rules.push(
      ...readFile(file, { file: file.name, problems, operators, paths: new Map() }, parse),
    );
  }
  const distinct = checkIds(rules, problems);
  const over = distinct[limits.policyRules];
  if (over !== undefined) {
    const reader: Telling = { file: over.ref.file, problems };
    const at = { line: over.ref.line, column: 1 };
    problem(reader, at, `The policy has ${distinct.length} rules, over ${limits.policyRules}`);
  }
  if (problems.length > 0) return no(inOrder(problems, sorted));
  const names = sorted.map((file) => file.name);
  return ok(makePolicy(distinct, () => hashOf(sorted), names, "GW_NO_RULE"));
}

/** What holds while the config names no policy: everything is denied with GW_NO_POLICY. */
export function noPolicy(): Policy {
  return makePolicy([], () => hashOf([]), [], "GW_NO_POLICY");
}

const documentKeys = ["id", "description", ...effects, "rules"];

function readFile(file: PolicyFile, reader: Reader, parse: Parse): readonly Rule[] {
  const start = { line: 1, column: 1 };
  const mayBeLong = file.text.length * 3 > limits.policyBytes;
  if (mayBeLong && utf8Bytes(file.text) > limits.policyBytes) {
    problem(reader, start, `The file is over ${limits.policyBytes} bytes`);
    return [];
  }
  const root = parse(file.text, (at, message, fix) => problem(reader, at, message, fix));
  if (root === undefined) return [];
  const found = members(root, documentKeys, "A policy", reader);
  if (found === undefined) return [];
  const id = found.get("id");
  if (id !== undefined) checkId(id.value, reader);
  const description = found.get("description");
  if (description !== undefined) operand.string(description.value, reader);
  const rules: Rule[] = [];
  for (const effect of effects) {
    const entry = found.get(effect);
    if (entry !== undefined) rules.push(...readShorthand(effect, entry.value, reader));
  }
  const list = found.get("rules");
  if (list !== undefined) rules.push(...readRules(list.value, reader));
  return rules.sort((a, b) => a.ref.line - b.ref.line);
}

function readRules(node: Node, reader: Reader): readonly Rule[] {
  return operand.list(node, reader, (item) => readRule(item, reader)) ?? [];
}

/** Receipts name rules by id, so one id is one rule in the whole bundle. */
function checkIds(rules: readonly Rule[], problems: PolicyProblem[]): readonly Rule[] {
  const first = new Map<string, Rule>();
  for (const rule of rules) {
    const { id, file, line } = rule.ref;
    const before = first.get(id);
    if (before === undefined) {
      first.set(id, rule);
      continue;
    }
    // The same line of shorthand in two files means the same; only a rule's own id can clash.
    if (id.includes(":") && before.ref.file !== file) continue;
    const where = `${before.ref.file}:${before.ref.line}`;
    problem(
      { file, problems },
      { line, column: 1 },
      `The rule id ${quote(id)} is taken by ${where}`,
    );
  }
  return [...first.values()];
}

/** By file, line and column, as a compiler prints them. */
function inOrder(
  problems: readonly PolicyProblem[],
  files: readonly PolicyFile[],
): readonly PolicyProblem[] {
  const place = new Map(files.map((file, index) => [file.name, index]));
  const at = (one: PolicyProblem): number => place.get(one.file) ?? 0;
  return [...problems].sort((a, b) => at(a) - at(b) || a.line - b.line || a.column - b.column);
}

/** Texts with their lengths, so that no two bundles have the same bytes; names do not count. */
function hashOf(files: readonly PolicyFile[]): string {
  const hash = nodeCrypto().createHash("sha256").update("authensor/policy/v1\0");
  const texts = files.map((file) => file.text).sort(compare);
  for (const text of texts) hash.update(`${utf8Bytes(text)}\0`).update(text);
  return hash.digest("hex");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
