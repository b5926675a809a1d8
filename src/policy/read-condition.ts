/** `when` and `unless` of a rule file, from located YAML to a condition tree. */

import { limits } from "../base/limits.ts";
import { type Condition, EACH, type Path, type Root, roots, weekdays } from "./condition.ts";
import * as operand from "./operand.ts";
import { asMap, did, kindOf, problem, quote, type Reader } from "./reader.ts";
import type { Entry, Node } from "./tree.ts";
import { UNKNOWN } from "./tri.ts";
import { nameOf } from "./twin.ts";

/** What a rule's conditions mention, for the checks of the rule. */
export interface Mentions {
  /** Top-level arguments; they are known to `other_args`. */
  readonly args: Set<string>;
  /** Where `client.*` is read first. */
  client: Entry | undefined;
}

/** All entries of the map must hold; undefined when something is wrong, which was told. */
export function readCondition(
  node: Node,
  reader: Reader,
  mentions: Mentions,
  depth = 0,
): Condition | undefined {
  if (depth > limits.policyDepth) {
    return problem(reader, node.at, `Conditions nest over ${limits.policyDepth} deep`);
  }
  const map = asMap(node, "A condition", reader);
  if (map === undefined) return undefined;
  if (map.entries.length === 0) {
    return problem(
      reader,
      node.at,
      "The condition is empty",
      "leave it out, or say what must hold",
    );
  }
  const items: Condition[] = [];
  let whole = true;
  for (const entry of map.entries) {
    const item = readEntry(entry, reader, mentions, depth);
    if (item === undefined) whole = false;
    else items.push(item);
  }
  if (!whole) return undefined;
  return items.length === 1 ? items[0] : { kind: "all", items };
}

function readEntry(
  entry: Entry,
  reader: Reader,
  mentions: Mentions,
  depth: number,
): Condition | undefined {
  if (entry.key === "not") {
    const item = readCondition(entry.value, reader, mentions, depth + 1);
    return item && { kind: "not", item };
  }
  if (entry.key === "all" || entry.key === "any") {
    const items = operand.list(entry.value, reader, (item) =>
      readCondition(item, reader, mentions, depth + 1),
    );
    return items && { kind: entry.key, items };
  }
  return readTests(entry, reader, mentions);
}

/** The operators of one path; all must hold. */
function readTests(entry: Entry, reader: Reader, mentions: Mentions): Condition | undefined {
  const path = reader.paths.get(entry.key) ?? readPath(entry, reader);
  if (path === undefined) return undefined;
  reader.paths.set(entry.key, path);
  const first = path.steps[0];
  if (path.root === "args" && first !== undefined && first !== EACH) mentions.args.add(first.text);
  if (path.root === "client") mentions.client ??= entry;
  const map = entry.value;
  if (map.kind !== "map" || map.entries.length === 0) {
    const fix = "write an operator, such as `{ eq: 5 }` or `{ one_of: [a, b] }`";
    return problem(
      reader,
      map.at,
      `${quote(entry.key)} wants an operator, has ${kindOf(map)}`,
      fix,
    );
  }
  const tests: Condition[] = [];
  const { operators } = reader;
  for (const { key, at, value } of map.entries) {
    const operator = Object.hasOwn(operators, key) ? operators[key] : undefined;
    if (operator === undefined) {
      problem(reader, at, `There is no operator ${quote(key)}`, did(key, Object.keys(operators)));
      continue;
    }
    if (path.optional && operator.missing !== undefined) {
      problem(reader, at, `${key} already says what a missing value means`, "leave the ? out");
      continue;
    }
    checkWeekday(path, key, value, reader);
    const check = operator.read(value, reader);
    if (check === undefined) continue;
    const missing = path.optional ? 2 : (operator.missing?.(value) ?? UNKNOWN);
    tests.push({ kind: "test", path, operator: key, check, missing, cost: operator.cost ?? 1 });
  }
  if (tests.length < map.entries.length) return undefined;
  return tests.length === 1 ? tests[0] : { kind: "all", items: tests };
}

/** Members that exist; a misspelt one would be missing for ever. */
const known: Readonly<Partial<Record<Root, readonly string[]>>> = {
  key: ["id", "name", "roles"],
  request: ["era", "protocol", "method", "transport"],
  time: ["hour", "minute", "weekday", "date"],
  client: ["name", "version"],
};

function readPath(entry: Entry, reader: Reader): Path | undefined {
  const text = entry.key;
  const optional = text.endsWith("?");
  const body = optional ? text.slice(0, -1) : text;
  const steps = split(body);
  if (typeof steps === "string") {
    return problem(reader, entry.at, `The path ${quote(text)} ${steps}`);
  }
  const [root, ...rest] = steps;
  if (typeof root !== "string" || !roots.includes(root as Root)) {
    const name = typeof root === "string" ? root : text;
    const all = ["any", "all", "not", ...roots];
    return problem(reader, entry.at, `There is no root ${quote(name)}`, did(name, all));
  }
  const first = rest[0];
  const names = known[root as Root];
  if (names !== undefined && (typeof first !== "string" || !names.includes(first))) {
    const name = typeof first === "string" ? first : "";
    return problem(reader, entry.at, `${root} has no member ${quote(name)}`, did(name, names));
  }
  const prepared = rest.map((step) => (step === EACH ? step : nameOf(step)));
  return { text, root: root as Root, steps: prepared, optional };
}

/** `args.a["b.c"][*].d` in parts, or why it is not a path. */
function split(text: string): (string | typeof EACH)[] | string {
  const steps: (string | typeof EACH)[] = [];
  let at = 0;
  while (at < text.length) {
    if (text.startsWith("[*]", at) && steps.length > 0) {
      steps.push(EACH);
      at += 3;
    } else if (text.startsWith('["', at) && steps.length > 0) {
      const end = text.indexOf('"]', at + 2);
      if (end <= at + 2) return 'has a ["name"] that does not end or is empty';
      steps.push(text.slice(at + 2, end));
      at = end + 2;
    } else if (text[at] === "[") {
      return 'has a bracket that is neither [*] nor ["name"]';
    } else {
      if (steps.length > 0 && text[at++] !== ".") return "has no dot before a name";
      const end = nameEnd(text, at);
      if (end === at) return "has an empty name";
      steps.push(text.slice(at, end));
      at = end;
    }
  }
  return steps.length === 0 ? "is empty" : steps;
}

function nameEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !".[]?* \t".includes(text[at]!)) at += 1;
  return at;
}

/** A weekday in another spelling would never be equal. */
function checkWeekday(path: Path, operator: string, node: Node, reader: Reader): void {
  const [first] = path.steps;
  if (path.root !== "time" || first === EACH || first?.text !== "weekday") return;
  if (!["eq", "ne", "one_of", "none_of"].includes(operator)) return;
  for (const item of node.kind === "list" ? node.items : [node]) {
    operand.choice(item, weekdays, "weekday", reader);
  }
}
