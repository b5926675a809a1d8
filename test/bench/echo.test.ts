/** The bench's server answers a call by template, whatever order its members are in. */

import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

const server = join(import.meta.dirname, "../kit/servers/echo.ts");
const dense = '{"text":"10000001","data":[{"a":1,"b":7.25}],"end":1}';
const of = (args: string) => `"params":{"name":"echo","arguments":${args}}`;

test("texts, and dense arguments as structured content, byte for byte", () => {
  const heads = ['"id":7,"method":"tools/call"', '"method":"tools/call","id":7'];
  const asked = heads.flatMap((head) => [
    `{"jsonrpc":"2.0",${head},${of('{"text":"10000001"}')}}`,
    `{"jsonrpc":"2.0",${head},${of(dense)}}`,
  ]);
  const input = `${asked.join("\n")}\n`;
  const { stdout } = spawnSync(process.execPath, [server, "stdio"], { input, encoding: "utf8" });
  const content = '"result":{"content":[{"type":"text","text":"10000001"}]';
  const answers = [`{"jsonrpc":"2.0","id":7,${content}}}`, ""];
  answers[1] = `{"jsonrpc":"2.0","id":7,${content},"structuredContent":${dense}}}`;
  expect(stdout.trim().split("\n")).toEqual([...answers, ...answers]);
});
