/** The config's text through the full YAML parser: it takes everything, and words mistakes. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { ExpandOptions } from "./config-expand.ts";
import type { ConfigProblem } from "./config-problem.ts";
import {
  type ConfigSource,
  type Parsed,
  type Place,
  readTree,
  type View,
} from "./config-source.ts";

/** Parses and expands. */
export function parseSource(text: string, file: string, options: ExpandOptions): Parsed {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const look = (given: unknown): View | undefined => {
    const node = given as Node;
    // An unknown anchor is among the parser's own errors.
    if (isAlias(node)) {
      const target = node.resolve(document);
      return target === undefined ? undefined : look(target);
    }
    const place = node.range ? placeAt(node.range[0]) : undefined;
    if (isMap(node)) return { kind: "map", place, items: node.items };
    if (isSeq(node)) return { kind: "list", place, items: node.items };
    if (!isScalar(node)) return undefined;
    return { kind: "scalar", place, value: node.value, source: node.source };
  };
  const faults = [...document.errors, ...document.warnings];
  const fatal = faults.find((error) => error.code !== "DUPLICATE_KEY");
  const own = (fatal === undefined ? faults : [fatal]).map((error): ConfigProblem => {
    const message = yamlWords(error.code, error.message);
    return { code: "GW_CONFIG", message, file, ...placeAt(error.pos[0]) };
  });
  const { source, problems } = readTree(document.contents, file, options, look);
  return { source, problems: [...own, ...problems], readable: fatal === undefined };
}

/** Only for the places in a text: nothing is expanded. */
export function sourceOfText(text: string, file: string): ConfigSource {
  return parseSource(text, file, { env: {}, folder: "/" }).source;
}

/** The parser's words, where they need a reader of YAML's specification. */
function yamlWords(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "This key is already there: keep one of the two";
  if (code === "TAB_AS_INDENT") return "Indent with spaces: YAML takes no tabs";
  return `Cannot read this as YAML: ${message}`;
}
