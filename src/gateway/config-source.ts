/** A config file as a plain tree that remembers where each value stands and how it was written. */

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
  /** Those of all values. */
  allReferences(): readonly string[];
  /** Whose key or value stands there. */
  at(place: Place): { readonly path: ConfigPath; readonly isKey: boolean } | undefined;
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

/** One value as a parser sees it; `place` is absent where the parser knows none. */
export type View = { readonly place?: Place | undefined } & (
  | { readonly kind: "scalar"; readonly value: unknown; readonly source: string | undefined }
  | { readonly kind: "list"; readonly items: readonly unknown[] }
  | {
      readonly kind: "map";
      readonly items: readonly { readonly key: unknown; readonly value: unknown }[];
    }
);

export interface Parsed {
  readonly source: ConfigSource;
  readonly problems: ConfigProblem[];
  /** False where the file is no YAML: all further problems would only follow from that one. */
  readonly readable: boolean;
}

/** Expands and keeps places. `look` sees a parser's node, undefined where it stands for nothing. */
export function readTree(
  root: unknown,
  file: string,
  options: ExpandOptions,
  look: (node: unknown) => View | undefined,
): { source: ConfigSource; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const problem: Context["problem"] = (code, message, at, fix, path) =>
    problems.push({
      ...{ code, message, file, ...at },
      ...(fix === undefined ? {} : { fix }),
      ...(path === undefined ? {} : { key: pathText(path) }),
    });
  const entries = new Map<string, Entry>();
  const context: Context = { look, entries, problem, options, nodes: 0 };
  const start = { line: 1, column: 1 };
  const tree = root === null ? null : build(context, root, [], start, start);
  return { source: sourceOf(file, tree, entries), problems };
}

interface Context {
  look(node: unknown): View | undefined;
  readonly entries: Map<string, Entry>;
  readonly options: ExpandOptions;
  nodes: number;
  problem(
    code: ConfigProblem["code"],
    message: string,
    at: Place,
    fix?: string,
    path?: ConfigPath,
  ): unknown;
}

function build(context: Context, node: unknown, path: ConfigPath, key: Place, at: Place): unknown {
  const view = context.look(node);
  const place = view?.place ?? at;
  // Anchors can make a small file a huge tree.
  if (++context.nodes > limits.jsonValues || path.length > limits.jsonDepth) {
    if (context.nodes === limits.jsonValues + 1 || path.length > limits.jsonDepth) {
      context.problem("GW_CONFIG", "The config nests too deep or holds too many values", place);
    }
    return undefined;
  }
  if (view === undefined) return undefined;
  const note = (entry: Partial<Entry>) =>
    context.entries.set(keyOf(path), {
      value: place,
      key,
      written: undefined,
      text: undefined,
      references: [],
      ...entry,
    });
  if (view.kind === "map") {
    note({});
    return buildMap(context, view.items, path, place);
  }
  if (view.kind === "list") {
    note({});
    return view.items.map((item, index) => build(context, item, [...path, index], place, place));
  }
  if (typeof view.value !== "string") {
    const written = view.value === null ? undefined : (view.source ?? String(view.value));
    note({ written, text: written });
    return view.value;
  }
  let failed = false;
  const expanded = expand(view.value, context.options, (failure) => {
    failed = true;
    context.problem(failure.code, inKey(failure.message, path), place, failure.fix, path);
  });
  note({ written: view.value, text: expanded.text, references: expanded.references });
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
    const word = context.look(pair.key);
    const key = word?.place ?? at;
    if (word?.kind !== "scalar" || word.value === null) {
      context.problem("GW_CONFIG", "A key must be plain text", key);
      continue;
    }
    const name = typeof word.value === "string" ? word.value : String(word.source);
    if (name === "__proto__") {
      context.problem("GW_CONFIG", 'The key "__proto__" is not taken anywhere', key, "remove it");
      continue;
    }
    const step = [...path, name];
    const value = pair.value === null ? null : build(context, pair.value, step, key, key);
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
    at: ({ line, column }) => {
      const is = (place: Place) => place.line === line && place.column === column;
      for (const [path, { key, value, text }] of entries) {
        const isKey = is(key);
        if (isKey || (text !== undefined && is(value))) return { path: path.split("\0"), isKey };
      }
      return undefined;
    },
    allReferences: () => [...entries.values()].flatMap(({ references }) => references),
  };
}

function keyOf(path: ConfigPath): string {
  return path.join("\0");
}
