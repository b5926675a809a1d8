/** Not a test: `npx bun test/protocol/strict-json.bench.ts` prints µs per operation. */

import process from "node:process";
import { limits } from "../../src/base/limits.ts";
import { readStrict, readUpstream } from "../../src/protocol/strict-json.ts";

const bounds = { depth: limits.jsonDepth, values: 1_000_000, keyBytes: limits.jsonKeyBytes };
const encoder = new TextEncoder();

function call(text: unknown): unknown {
  return {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "files__write", arguments: { path: "/srv/data/x.txt", text, count: 3 } },
  };
}

function rows(count: number): unknown {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `row ${id}`,
    ok: true,
    price: id * 1.5,
    tags: ["a", "b"],
  }));
}

const line = "A line of text, with words in it and so on.\n";
const cases: readonly (readonly [string, unknown, number])[] = [
  ["200 B", call("x".repeat(60)), 100_000],
  ["10 kB text", call("x".repeat(10_000)), 20_000],
  ["10 kB lines", call(line.repeat(220)), 20_000],
  ["10 kB quotes", call('{"a":"b"}'.repeat(750)), 20_000],
  ["10 kB dense", call(rows(140)), 1_000],
  ["1 MB text", call("x".repeat(1_000_000)), 200],
  ["1 MB lines", call(line.repeat(22_000)), 100],
  ["1 MB cyrillic", call("текст ".repeat(90_000)), 100],
  ["1 MB quotes", call('{"a":"b"}'.repeat(75_000)), 100],
  ["1 MB dense", call(rows(14_000)), 20],
];

function best(count: number, run: () => unknown): string {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) kept = run();
    least = Math.min(least, ((performance.now() - start) / count) * 1000);
  }
  return least.toFixed(2).padStart(12);
}

export let kept: unknown;

process.stdout.write("µs            ".padEnd(14));
process.stdout.write("  JSON.parse    readStrict  readUpstream  span(args)\n");
for (const [name, value, count] of cases) {
  const bytes = encoder.encode(JSON.stringify(value));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const read = readStrict(bytes, bounds);
  if (!read.ok) throw new Error(read.error.message);
  const columns = [
    best(count, () => JSON.parse(decoder.decode(bytes))),
    best(count, () => readStrict(bytes, bounds)),
    best(count, () => readUpstream(bytes)),
    best(count, () => read.value.span("arguments", "params")),
  ];
  process.stdout.write(`${name.padEnd(14)}${columns.join(" ")}\n`);
}
