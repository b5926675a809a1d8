/** YAML text to a tree that knows where each value stands. Only what JSON could say is taken. */

import { isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseAllDocuments } from "yaml";
import { limits } from "../base/limits.ts";
import { quote } from "./reader.ts";
import type { At, Entry, Node } from "./tree.ts";

type Complain = (at: At, message: string, fix?: string) => void;

/** Undefined when there is nothing to go on with; everything wrong was told to `complain`. */
export function parseYaml(text: string, complain: Complain): Node | undefined {
  const lines = new LineCounter();
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      schema: "core",
      version: "1.2",
      merge: false,
      // Quadratic there; told below.
      uniqueKeys: false,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    complain({ line: 1, column: 1 }, `The file is not YAML: ${why}`);
    return undefined;
  }
  const at = (offset: number): At => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (!Array.isArray(documents) || documents[0] === undefined) {
    complain(
      { line: 1, column: 1 },
      "The file says nothing",
      "deny everything with `id: deny-all`",
    );
    return undefined;
  }
  const [first, second] = documents;
  if (second !== undefined)
    complain(at(second.range?.[0] ?? 0), "A second YAML document begins here");
  let broken = false;
  for (const error of [...first.errors, ...first.warnings]) {
    const here = at(error.pos[0]);
    if (error.code === "BAD_ALIAS" && text[error.pos[0]] === "*") {
      unquoted(here, wordAt(text, error.pos[0]), complain);
    } else complain(here, `The file is not YAML: ${error.message}`);
    broken = true;
  }
  if (broken) return undefined;
  if (first.contents === null) {
    complain(
      { line: 1, column: 1 },
      "The file says nothing",
      "deny everything with `id: deny-all`",
    );
    return undefined;
  }
  return convert(first.contents as ParsedNode, at, complain, 0);
}

function convert(
  node: ParsedNode,
  at: (offset: number) => At,
  complain: Complain,
  depth: number,
): Node | undefined {
  const here = at(node.range[0]);
  if (depth > limits.policyYamlDepth) return refuse(here, "Values nest too deep", complain);
  if ("anchor" in node && node.anchor !== undefined) {
    return refuse(here, "Anchors and aliases are not taken: write the value out", complain);
  }
  if ("tag" in node && node.tag !== undefined) {
    return refuse(here, `Tags are not taken: ${JSON.stringify(node.tag)}`, complain);
  }
  if (isScalar(node)) return scalar(node.value, node.source ?? "", here, complain);
  if (isSeq(node)) {
    const items = (node.items as ParsedNode[]).map((item) =>
      convert(item, at, complain, depth + 1),
    );
    return { kind: "list", at: here, items: items.filter((item) => item !== undefined) };
  }
  if (!isMap(node)) return unquoted(here, `*${node.source}`, complain);
  const seen = new Map<string, At>();
  const entries: Entry[] = [];
  for (const pair of node.items) {
    const keyAt = at(pair.key.range[0]);
    if (!isScalar(pair.key) || typeof pair.key.value !== "string") {
      refuse(keyAt, "A key must be a name", complain);
      continue;
    }
    const key = pair.key.value;
    const before = seen.get(key);
    if (before !== undefined) {
      complain(
        keyAt,
        `The key ${JSON.stringify(key)} is given twice, first in line ${before.line}`,
      );
      continue;
    }
    seen.set(key, keyAt);
    const value =
      pair.value === null
        ? ({ kind: "scalar", at: keyAt, value: null, source: "" } as const)
        : convert(pair.value as ParsedNode, at, complain, depth + 1);
    if (value !== undefined) entries.push({ key, at: keyAt, value });
  }
  return { kind: "map", at: here, entries };
}

/** Nearly always a glob. It is read on as one, so that no other mistake follows from this. */
function unquoted(at: At, word: string, complain: Complain): Node {
  const why = "A value that begins with * needs quotes: without them it is a YAML alias";
  const fix = `quote it: ${quote(word)}; aliases are not taken, what one stands for is written out`;
  complain(at, why, fix);
  return { kind: "scalar", at, value: word, source: word };
}

function wordAt(text: string, start: number): string {
  let end = start;
  while (end < text.length && !" \t\r\n,[]{}".includes(text[end]!)) end++;
  return text.slice(start, end);
}

function scalar(value: unknown, source: string, at: At, complain: Complain): Node | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "number") {
    return { kind: "scalar", at, value, source };
  }
  if (typeof value === "string") {
    if (value.isWellFormed()) return { kind: "scalar", at, value, source };
    return refuse(at, "The text holds half of a surrogate pair", complain);
  }
  return refuse(at, "The value is of no type a policy knows", complain);
}

function refuse(at: At, message: string, complain: Complain): undefined {
  complain(at, message);
  return undefined;
}
