/** The config's text through the quick reader: everyday files without loading the full parser. */

import { type PlainNode, readPlainYaml } from "../base/plain-yaml.ts";
import type { ExpandOptions } from "./config-expand.ts";
import { type Parsed, readTree, type View } from "./config-source.ts";

/** Not readable: the full parser has to look. */
export function parsePlain(text: string, file: string, options: ExpandOptions): Parsed {
  const root = readPlainYaml(text);
  const { source, problems } = readTree(root ?? null, file, options, look);
  return { source, problems, readable: root !== undefined };
}

function look(given: unknown): View {
  const node = given as PlainNode;
  if (node.kind === "list") return { kind: "list", place: node.at, items: node.items };
  if (node.kind === "scalar") {
    return { kind: "scalar", place: node.at, value: node.value, source: node.source };
  }
  const items = node.entries.map(({ key, at, value }) => {
    return { key: { kind: "scalar", at, value: key, source: key } as const, value };
  });
  return { kind: "map", place: node.at, items };
}
