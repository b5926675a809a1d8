/** Whatever the quick reader takes, the full parser reads as the very same tree. */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type PlainNode, readPlainYaml } from "../../src/base/plain-yaml.ts";
import { parseYaml } from "../../src/policy/yaml.ts";
import { benchPolicy } from "../bench/policy.ts";

const root = join(import.meta.dirname, "../..");

function full(text: string): unknown {
  const wrong: string[] = [];
  const tree = parseYaml(text, (_at, message) => wrong.push(message));
  return wrong.length > 0 ? wrong : tree;
}

function same(text: string): PlainNode | undefined {
  const quick = readPlainYaml(text);
  if (quick !== undefined) expect(quick as unknown).toEqual(full(text));
  return quick;
}

describe("the quick reader takes everyday files", () => {
  test("the bench's policy", () => {
    expect(same(benchPolicy())).toBeDefined();
  });

  const templates = readdirSync(join(root, "policies")).filter((name) => name.endsWith(".yaml"));
  test.each(templates)("the template %s", (name) => {
    expect(same(readFileSync(join(root, "policies", name), "utf8"))).toBeDefined();
  });

  test.each([
    "a: 1\nb:\n  - x\n  - y: z\n    w: 'it'\n",
    'a:\n- 1\n- - 2\n  - 3\nb: { c: [d, "e\\n"], f: -7 } # why\n',
    '{"a": {"b": [1, true, null]},\n "c": "x"}',
    "# head\n\nlisten: localhost:3100\nservers:\n  s:\n    url: http://127.0.0.1:1/mcp\n",
    "t: 30s\nn: 127.0.0.1:80\nu: ünïcode\n",
  ])("%j", (text) => {
    expect(same(text)).toBeDefined();
  });
});

test.each([
  ...["a: &x 1", "a: *x", "a: !t 1", "a: |\n  x", "a: >\n  x", "a:\tb", "? a", "a: b: c"],
  ...["a: 1\na: 2", "<<: {a: 1}", "a: b\n  c", "a: 'b\n  c'", "---\na: 1", "a: 1\n---\nb: 2"],
  ...["a:\n  b: 1\n c: 2", "[a: b]", "{a}", "[a,]", "a: 0x1f", "a: 1e3", "a: .inf", "a: NULL"],
  ...["a: 'it''s'", "", "a:", "- a\nb: c", "a: b\n- c", '"a":1', "a: @b", "1: a", "a: [\nb]"],
])("left to the full parser: %j", (text) => {
  expect(readPlainYaml(text)).toBeUndefined();
});

test("P1 soup of YAML's own words: never another tree, never a mistake taken", () => {
  const piece = fc.constantFrom(
    ..."{ } [ ] , : - # ' \" \\ & * ! | > % @ ? ~".split(" "),
    ...[" ", "  ", "\n", "\n  ", "\n    ", ": ", ", ", "- ", " #", "a", "b", "key", "key: "],
    ...["1", "-1", "0", "1.5", "1e3", "0x1", "null", "true", "No", "30s", "<<", "ü", "\n- ", "''"],
    ...['"x"', "'y'", "\nc: ", "\n  d: ", "\n  - ", "{e: f}", "[g, 1]", '"h":', "\t", "\r\n"],
  );
  const soup = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(""));
  const runs = Number(process.env["GW_FUZZ_RUNS"] ?? 3_000);
  fc.assert(
    fc.property(soup, (text) => void same(text)),
    { numRuns: runs },
  );
});
