/** A config file as a plain tree that remembers where each value stands and how it was written. */

import type { Document, Node } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { limits } from "../base/limits.ts";
import { type ExpandOptions, expand } from "./config-expand.ts";
import { type ConfigPath, type ConfigProblem, pathText } from "./config-problem.ts";

export interface ConfigSource {
  readonly file: string;
  /** Objects without prototype, arrays, strings, numbers, booleans and nulls; `${…}` replaced. */
  readonly tree: unknown;
  /** Where a value stands; of keys with values and of lists: their own key. */
  place(path: ConfigPath): Place;
  /** Where a key stands. */
  keyPlace(path: ConfigPath): Place;
  has(path: ConfigPath): boolean;
  /** As written, with `${…}` unreplaced and numbers as digits: may be shown. */
  written(path: ConfigPath): string | undefined;
  /** `1.10` stays `1.10`: a scalar's text after expansion. May be secret. */
  text(path: ConfigPath): string | undefined;
  /** `${…}` references in a value. */
  references(path: ConfigPath): readonly string[];
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

interface Entry {
  readonly value: Place;
  readonly key: Place;
  readonly written: string | undefined;
  readonly text: string | undefined;
  readonly references: readonly string[];
}

/**
 * Parses and expands. `readable` is false where the file is no YAML: all further problems would
 * only follow from that one.
 */
export function parseSource(
  text: string,
  file: string,
  options: ExpandOptions,
): { source: ConfigSource; problems: ConfigProblem[]; readable: boolean } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: ConfigProblem[] = [];
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (code: ConfigProblem["code"], message: string, at: Place, fix?: string) =>
    problems.push({ code, message, file, ...at, ...(fix === undefined ? {} : { fix }) });
  const faults = [...document.errors, ...document.warnings];
  const fatal = faults.find((error) => error.code !== "DUPLICATE_KEY");
  for (const error of fatal === undefined ? faults : [fatal]) {
    problem("GW_CONFIG", yamlWords(error.code, error.message), placeAt(error.pos[0]));
  }
  const entries = new Map<string, Entry>();
  const context: Context = { document, entries, placeAt, problem, options, nodes: 0 };
  const root = document.contents;
  const start = { line: 1, column: 1 };
  const tree = root === null ? null : build(context, root, [], start, start);
  return { source: sourceOf(file, tree, entries), problems, readable: fatal === undefined };
}

/** The parser's words, where they need a reader of YAML's specification. */
function yamlWords(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "This key is already there: keep one of the two";
  if (code === "TAB_AS_INDENT") return "Indent with spaces: YAML takes no tabs";
  return `Cannot read this as YAML: ${message}`;
}

interface Context {
  readonly document: Document.Parsed;
  readonly entries: Map<string, Entry>;
  readonly options: ExpandOptions;
  nodes: number;
  placeAt(offset: number): Place;
  problem(code: ConfigProblem["code"], message: string, at: Place, fix?: string): void;
}

function build(context: Context, node: Node, path: ConfigPath, key: Place, at: Place): unknown {
  const place = node.range ? context.placeAt(node.range[0]) : at;
  // Anchors can make a small file a huge tree.
  if (++context.nodes > limits.jsonValues || path.length > limits.jsonDepth) {
    if (context.nodes === limits.jsonValues + 1 || path.length > limits.jsonDepth) {
      context.problem("GW_CONFIG", "The config nests too deep or holds too many values", place);
    }
    return undefined;
  }
  if (isAlias(node)) {
    const target = node.resolve(context.document);
    // An unknown anchor is among the parser's own errors.
    return target === undefined ? undefined : build(context, target, path, key, place);
  }
  const note = (entry: Partial<Entry>) =>
    context.entries.set(keyOf(path), {
      value: place,
      key,
      written: undefined,
      text: undefined,
      references: [],
      ...entry,
    });
  if (isMap(node)) {
    note({});
    return buildMap(context, node.items as never, path, place);
  }
  if (isSeq(node)) {
    note({});
    return node.items.map((item, index) =>
      build(context, item as Node, [...path, index], place, place),
    );
  }
  if (!isScalar(node)) return undefined;
  if (typeof node.value !== "string") {
    const written = node.value === null ? undefined : (node.source ?? String(node.value));
    note({ written, text: written });
    return node.value;
  }
  let failed = false;
  const expanded = expand(node.value, context.options, (failure) => {
    failed = true;
    context.problem(failure.code, inKey(failure.message, path), place, failure.fix);
  });
  note({ written: node.value, text: expanded.text, references: expanded.references });
  // Half a value would only bring further problems that are none.
  return failed ? undefined : expanded.text;
}

function inKey(message: string, path: ConfigPath): string {
  return `${message}, in "${pathText(path)}"`;
}

function buildMap(
  context: Context,
  items: readonly { key: unknown; value: unknown }[],
  path: ConfigPath,
  at: Place,
): unknown {
  const object: Record<string, unknown> = Object.create(null);
  for (const pair of items) {
    const keyNode = pair.key as Node;
    const key = keyNode.range ? context.placeAt(keyNode.range[0]) : at;
    if (!isScalar(keyNode) || keyNode.value === null) {
      context.problem("GW_CONFIG", "A key must be plain text", key);
      continue;
    }
    const name = typeof keyNode.value === "string" ? keyNode.value : String(keyNode.source);
    if (name === "__proto__") {
      context.problem("GW_CONFIG", 'The key "__proto__" is not taken anywhere', key, "remove it");
      continue;
    }
    const step = [...path, name];
    const value = pair.value === null ? null : build(context, pair.value as Node, step, key, key);
    const entry = context.entries.get(keyOf(step));
    const bare = { value: key, written: undefined, text: undefined, references: [] };
    context.entries.set(keyOf(step), { ...(entry ?? bare), key });
    if (value !== undefined) object[name] = value;
  }
  return object;
}

function sourceOf(file: string, tree: unknown, entries: ReadonlyMap<string, Entry>): ConfigSource {
  const find = (path: ConfigPath) => entries.get(keyOf(path));
  const near = (path: ConfigPath): Entry | undefined => {
    for (let length = path.length; length >= 0; length--) {
      const entry = find(path.slice(0, length));
      if (entry) return entry;
    }
    return undefined;
  };
  const start: Place = { line: 1, column: 1 };
  return {
    file,
    tree,
    place: (path) => {
      const entry = near(path);
      const isLeaf = path.length === 0 || find(path)?.text !== undefined;
      return (isLeaf ? entry?.value : entry?.key) ?? start;
    },
    keyPlace: (path) => near(path)?.key ?? start,
    has: (path) => find(path) !== undefined,
    written: (path) => find(path)?.written,
    text: (path) => find(path)?.text,
    references: (path) => find(path)?.references ?? [],
  };
}

function keyOf(path: ConfigPath): string {
  return path.join("\0");
}
