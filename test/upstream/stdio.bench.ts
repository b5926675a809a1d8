/**
 * CPU µs of this process per call through a stdio upstream, against an echo child.
 * Run: `npx bun test/upstream/stdio.bench.ts`. Expect 4 to 10 at 200 B and 32 concurrent.
 */

import process from "node:process";
import { stdioUpstream, testUpstream, untilState } from "../kit/upstream.ts";
import { load } from "./load.ts";

const script = `
let rest = "";
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\\n");
  rest = lines.pop();
  let out = "";
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    const result = method === "initialize"
      ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "e", version: "1" } }
      : { content: [{ type: "text", text: params.arguments.text }] };
    out += JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n";
  }
  process.stdout.write(out);
});`;

const command = [process.execPath, "-e", script];
const upstream = await testUpstream(stdioUpstream(command, { protocol: "legacy" }));
upstream.start();
await untilState(upstream, "ready");
for (const [bytes, concurrent, calls] of [
  [200, 32, 50_000],
  [200, 32, 100_000],
  [200, 1, 5_000],
  [200, 256, 100_000],
  [10_000, 32, 20_000],
  [1_000_000, 8, 300],
] as const) {
  const text = "x".repeat(bytes);
  const params = Buffer.from(`{"name":"echo","arguments":{"text":"${text}"}}`);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await load(upstream, params, concurrent, calls);
  const { user, system } = process.cpuUsage(cpu);
  const rate = calls / ((performance.now() - began) / 1000);
  const each = ((user + system) / calls).toFixed(1);
  console.log(`${bytes} B, ${concurrent} concurrent: ${each} µs CPU, ${rate.toFixed(0)}/s`);
}
await upstream.stop();
